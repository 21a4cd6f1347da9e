"""Brian2 with livn's equations (docs/physics.md), in its Cython mode or as a C++ standalone program.

Written as a good user of Brian2 would: conductances and learning signals are summed per compartment, parameters are
constants, an EXC-EXC connection serves both receptors at once. The membrane equation is stiff (soma and dendrite
exchange charge within 14 µs), so its step is implicit, in code that runs before the equations; all else is integrated
by `exponential_euler`. Options: `target`, `"cython"` or `"cpp"`; `tuned`, whether the latter is compiled with better
flags than Brian2's own; `current`, nA into every soma, for a comparison of spikes.
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brian2 as b2
import numpy as np
from brian2.devices.device import get_device
from common import Network, Task, serve

KAPPA, TAU = 0.016, {"EXC": 4.0, "INH": 1.0}
THERMAL, CALCIUM_OUT, KELVIN = 1000.0 * 8.31446261815324 * 309.15 / 96485.33212331, 2.0, 309.15
FORCE = {"can": 36.0 / 293.15 * KELVIN / 2.0, "cal": 25.0 / 293.15 * KELVIN / 2.0}
TUNED = ["-w", "-O3", "-ffast-math", "-march=native", "-std=c++17", "--param=vect-max-version-for-alias-checks=1000"]
"""Flags that let the compiler vectorise the loops over cells, exponentials included, which Brian2's own do not."""

# Calcium currents have slopes: Goldman-Hodgkin-Katz, linear around v.
GHK = """
z_{x} = {v}/{f}
e_{x} = exp(z_{x})
linoid_{x} = z_{x}/(e_{x} - 1)
inward_{x} = 1 - e_{x}*{ca}/calcium_out
force_{x} = -{f}*inward_{x}*linoid_{x}
slope_{x} = (1 - inward_{x})*linoid_{x} - inward_{x}*linoid_{x}/z_{x}*(1 - linoid_{x}*e_{x})
"""

SODIUM = """
activation = 1/(1 + exp(-(vs + 35)/7.8))
s_na = g_na*activation*activation*activation*na_h
i_na = s_na*(vs - thermal*log(na_out/na_in))
e_k = thermal*log(k_out/k_in)
s_k = g_kdr*kdr_n*kdr_n*kdr_n*kdr_n + g_kca_soma*ca_s/(ca_s + 0.0005){ka}
i_k = s_k*(vs - e_k)
"""

EXC_STEP = (
    "before = vs\n"
    + SODIUM.format(ka="")
    + GHK.format(x="s", v="vs", f="force_can", ca="ca_s")
    + GHK.format(x="d", v="vd", f="force_can", ca="ca_d")
    + GHK.format(x="l", v="vd", f="force_cal", ca="ca_d")
    + """
s_can = g_can_soma*can_m*can_m*can_h
i_ca = s_can*force_s
g_syn = B_gaba - A_gaba
noise_i = g_i0 + std_i*z_i
noise_i = noise_i*int(noise_i > 0)
s_kd = g_kca_dend*ca_d/(ca_d + 0.0005)
i_kd = s_kd*(vd - thermal*log(k_out_d/k_in_d))
s_cand = g_can_dend*can_md*can_md*can_hd
s_cald = g_cal_dend*cal_md
i_cad = s_cand*force_d + s_cald*force_l
noise_e = g_e0 + std_e*z_e
noise_e = noise_e*int(noise_e > 0)
g_fast = B_ampa - A_ampa
g_slow = B_nmda - A_nmda
magnesium = exp(-0.062*vd)/3.57
free = 1/(1 + magnesium)
axial = g_axial*(vs - vd)
r_s = injected - axial - (i_na + i_k + i_ca + g_pas_soma*(vs - e_pas_soma) + i_hold)
r_s -= g_syn*(vs - e_gaba) + noise_i*(vs + 75)
r_d = axial - (i_kd + i_cad + g_pas_dend*(vd - e_pas_dend) + (g_fast + g_slow*free + noise_e)*vd)
a_s = c_dt_soma + s_na + s_k + s_can*slope_s + g_pas_soma + g_syn + noise_i + g_axial
a_d = c_dt_dend + s_kd + s_cand*slope_d + s_cald*slope_l + g_pas_dend + g_fast + noise_e + g_axial
a_d += g_slow*free*(1 + 0.062*vd*magnesium*free)
scale = 1/(a_s*a_d - g_axial*g_axial)
vs += (r_s*a_d + g_axial*r_d)*scale
vd += (r_d*a_s + g_axial*r_s)*scale
"""
)

INH_STEP = (
    "before = vs\n"
    + SODIUM.format(ka=" + g_ka*ka_a*ka_b")
    + GHK.format(x="s", v="vs", f="force_can", ca="ca_s")
    + """
s_can = g_can_soma*can_m*can_m*can_h
i_ca = s_can*force_s
g_fast = B_ampa - A_ampa
g_syn = B_gaba - A_gaba
noise_i = g_i0 + std_i*z_i
noise_i = noise_i*int(noise_i > 0)
noise_e = g_e0 + std_e*z_e
noise_e = noise_e*int(noise_e > 0)
r_s = injected - (i_na + i_k + i_ca + g_pas_soma*(vs - e_pas_soma) + i_hold)
r_s -= g_syn*(vs - e_gaba) + (g_fast + noise_e)*vs + noise_i*(vs + 75)
vs += r_s/(c_dt_soma + s_na + s_k + s_can*slope_s + g_pas_soma + g_syn + g_fast + noise_e + noise_i)
"""
)

NOISE_STEP = "z_e = fade_e*z_e + spread_e*randn()\nz_i = fade_i*z_i + spread_i*randn()"

SOMA = """
vs : 1
before : 1
i_na : 1
i_k : 1
i_ca : 1
z_e : 1
z_i : 1
dna_h/dt = (1/(1 + exp((vs + 55)/7)) - na_h)*(exp((vs + 50)/15) + exp(-(vs + 50)/16))/30/ms : 1
dkdr_n/dt = (1/(1 + exp(-(vs + 28)/15)) - kdr_n)*(exp((vs + 40)/40) + exp(-(vs + 40)/50))/7/ms : 1
dcan_m/dt = (1/(1 + exp(-(vs + 30)/5)) - can_m)/4/ms : 1
dcan_h/dt = (1/(1 + exp((vs + 45)/5)) - can_h)/40/ms : 1
dca_s/dt = ca_f_soma*(ca_alpha_soma*(ca_rest_soma - i_ca)*int(i_ca < ca_rest_soma) - ca_k_soma*(ca_s - 1e-5))/ms : 1
dna_in/dt = (-i_na*shell_soma - 0.075*(na_in - 15))/ms : 1
dna_out/dt = (i_na*shell_soma - 0.075*(na_out - 145))/ms : 1
dk_in/dt = (-i_k*shell_soma - 0.075*(k_in - 145))/ms : 1
dk_out/dt = (i_k*shell_soma - 0.075*(k_out - 5))/ms : 1
dA_gaba/dt = -A_gaba/rise_gaba/ms : 1
dB_gaba/dt = -B_gaba/decay_gaba/ms : 1
dA_ampa/dt = -A_ampa/rise_ampa/ms : 1
dB_ampa/dt = -B_ampa/decay_ampa/ms : 1
"""

DENDRITE = """
vd : 1
i_kd : 1
i_cad : 1
dcan_md/dt = (1/(1 + exp(-(vd + 30)/5)) - can_md)/4/ms : 1
dcan_hd/dt = (1/(1 + exp((vd + 45)/5)) - can_hd)/40/ms : 1
dcal_md/dt = (1/(1 + exp(-(vd + 40)/7)) - cal_md)/60/ms : 1
dca_d/dt = ca_f_dend*(ca_alpha_dend*(ca_rest_dend - i_cad)*int(i_cad < ca_rest_dend) - ca_k_dend*(ca_d - 1e-5))/ms : 1
dk_in_d/dt = (-i_kd*shell_dend - 0.075*(k_in_d - 145))/ms : 1
dk_out_d/dt = (i_kd*shell_dend - 0.075*(k_out_d - 5))/ms : 1
dA_nmda/dt = -A_nmda/rise_nmda/ms : 1
dB_nmda/dt = -B_nmda/decay_nmda/ms : 1
"""

RENSHAW = """
dka_a/dt = (1/(1 + exp(-(vs + 36)/8)) - ka_a)/ms : 1
dka_b/dt = (1/(1 + exp((vs + 66)/8)) - ka_b)/15/ms : 1
"""

# The learning signal of a rule on a compartment: the gates are open on one side of their thresholds.
RULE = """
ltd_{r} = int({v} {side} {theta_ltd})/(1 + exp({b}*({ltd_sigmoid_half} - {v}))) : 1
ltp_{r} = int({v} {side} {theta_ltp})/(1 + exp({b}*({ltp_sigmoid_half} - {v}))) : 1
dell_{r}/dt = (kappa*(2/(1 + exp({b}/{learning_tau}*({A_ltd}*ltd_{r} - 2*{A_ltp}*ltp_{r}))) - 1) - ell_{r}/{tau})/ms : 1
dlam_{r}/dt = ell_{r}/ms : 1
"""

LEARN = """
grown = 1 + lam_{r}_post - last
last = lam_{r}_post
"""
ARRIVE = """
w_{receptor} = clip(w_{receptor}*grown, {w_min}, {w_max})
A_{receptor}_post += w_{receptor}*{jump}
B_{receptor}_post += w_{receptor}*{jump}
"""

PATHWAYS = (
    ("EXC", "EXC", "EXC", ("AMPA", "NMDA")),
    ("EXC", "INH", "EXC", ("AMPA",)),
    ("INH", "EXC", "INH", ("GABA_A",)),
    ("INH", "INH", "INH", ("GABA_A",)),
)
"""(source, target, rule, receptors)."""

NAMES = {"v_soma": "vs", "v_dend": "vd", "ca_soma": "ca_s", "ca_dend": "ca_d", "can_m_soma": "can_m"} | {
    "can_h_soma": "can_h", "can_m_dend": "can_md", "can_h_dend": "can_hd", "cal_m_dend": "cal_md",
    "k_in_soma": "k_in", "k_out_soma": "k_out", "k_in_dend": "k_in_d", "k_out_dend": "k_out_d",
}  # fmt: skip
"""livn's state variables by the names that they have here."""


def namespace(network: Network, kind: str, current: float) -> dict[str, float]:
    """Constants of a kind of cell into which a current [nA] flows."""
    values, noise = dict(network.constants[kind]), network.noise[kind]
    for receptor, about in network.receptors.items():
        name = short(receptor)
        values[f"rise_{name}"], values[f"decay_{name}"] = about["kinetics"][kind]
        values[f"e_{name}"] = about["e"]
    values |= {name: noise[name] for name in ("g_e0", "std_e", "g_i0", "std_i")}
    for part in ("e", "i"):
        values[f"fade_{part}"] = math.exp(-network.dt / noise[f"tau_{part}"])
        values[f"spread_{part}"] = math.sqrt(1.0 - values[f"fade_{part}"] ** 2)
    return values | {
        "thermal": THERMAL,
        "calcium_out": CALCIUM_OUT,
        "force_can": FORCE["can"],
        "force_cal": FORCE["cal"],
        "kappa": KAPPA,
        "injected": current,
    }


def short(receptor: str) -> str:
    """A receptor's name in variables."""
    return {"GABA_A": "gaba"}.get(receptor, receptor.lower())


def equations(network: Network, kind: str) -> str:
    """The differential equations of a kind of cell, its learning signals included."""
    text = SOMA + DENDRITE if kind == "EXC" else SOMA + RENSHAW
    if kind == "EXC":  # its AMPA receptors lie on the dendrite
        places = {"EXC": "vd", "INH": "vs"}
    else:
        places = {"EXC": "vs", "INH": "vs"}
    for rule, v in places.items():
        p = network.rules[rule]
        side = ">" if rule == "EXC" else "<"
        text += RULE.format(r=rule, v=v, side=side, b=math.log(p["learning_slope"]), tau=TAU[rule], **p)
    return text


def cells(network: Network, kind: str, count: int, current: float) -> b2.NeuronGroup:
    """The cells of a kind."""
    values = namespace(network, kind, current)
    group = b2.NeuronGroup(
        count,
        equations(network, kind),
        method="exponential_euler",
        threshold=f"before <= {values['threshold']} and vs > {values['threshold']}",
        refractory=2 * b2.ms,
        namespace=values,
        name=kind.lower(),
    )
    group.run_regularly(EXC_STEP if kind == "EXC" else INH_STEP, name=f"{kind.lower()}_membrane")
    group.run_regularly(NOISE_STEP, when="end", name=f"{kind.lower()}_noise")
    for name, value in network.start[kind].items():
        setattr(group, NAMES.get(name, name), value)
    group.z_e, group.z_i = "randn()", "randn()"
    return group


def connections(network: Network, groups: dict[str, b2.NeuronGroup]) -> list[b2.Synapses]:
    """One object per pair of populations."""
    made = []
    for pre, post, rule, receptors in PATHWAYS:
        rows = {receptor: network.between(pre, post, receptor) for receptor in receptors}
        first = rows[receptors[0]]
        if not len(first):
            continue
        code = LEARN.format(r=rule)
        for receptor, where in rows.items():
            jump = jumps(network, where, post, receptor)
            code += ARRIVE.format(receptor=short(receptor), jump=jump, **network.rules[rule])
        model = "last : 1\n" + "".join(f"w_{short(receptor)} : 1\n" for receptor in receptors)
        synapses = b2.Synapses(groups[pre], groups[post], model, on_pre=code, name=f"{pre}_{post}".lower())
        start = {"EXC": 0, "INH": network.cells["EXC"]}
        synapses.connect(i=network.pre[first] - start[pre], j=network.post[first] - start[post])
        synapses.delay = network.columns["delay_ms"][first] * b2.ms
        for receptor in receptors:
            setattr(synapses, f"w_{short(receptor)}", network.rules[rule]["w_init"])
        made.append(synapses)
    return made


def jumps(network: Network, rows: np.ndarray, post: str, receptor: str) -> float:
    """What an event adds at multiplier 1, the same for all these connections, µS."""
    (peak,) = np.unique(network.columns["weight"][rows] * network.columns["g_unit_uS"][rows])
    return float(peak) * network.receptors[receptor]["peak_factor"][post]


def build(network: Network, current: float) -> tuple[b2.Network, dict[str, b2.SpikeMonitor], dict[str, Any]]:
    """All objects, the monitors of spikes, and what there is to say."""
    groups = {kind: cells(network, kind, count, current) for kind, count in network.cells.items()}
    monitors = {kind: b2.SpikeMonitor(group, name=f"spikes_{kind.lower()}") for kind, group in groups.items()}
    synapses = connections(network, groups)
    plastic = sum(len(network.between(*path[:2], receptor)) for path in PATHWAYS for receptor in path[3])
    compiler = subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    about = {"plastic": plastic, "tools": {"g++": compiler}}
    return b2.Network(*groups.values(), *monitors.values(), *synapses), monitors, about


def contestant(task: Task, network: Network) -> tuple[Callable[[], dict[str, Any]], dict[str, Any]]:
    """The network with learning and noise on, on one thread."""
    current = task.options.get("current", 0.0)
    if task.options.get("tuned"):
        b2.prefs.codegen.cpp.extra_compile_args_gcc = TUNED
    b2.prefs.codegen.runtime.cython.cache_dir = str(Path(sys.prefix) / "cython")
    b2.defaultclock.dt = network.dt * b2.ms

    def sample(seconds: float, after: float) -> dict[str, Any]:
        gids, times = [], []
        for kind, first in (("EXC", 0), ("INH", network.cells["EXC"])):
            t = np.asarray(monitors[kind].t / b2.ms) + network.dt  # Brian2 gives the start of the step, livn its end
            gids.append(np.asarray(monitors[kind].i)[t > after + 0.5 * network.dt] + first)
            times.append(t[t > after + 0.5 * network.dt] - after)
        train = np.concatenate(times) if current else None
        return network.sample(seconds, task.duration, np.concatenate(gids), train)

    if task.options["target"] == "cython":
        b2.prefs.codegen.target = "cython"
        net, monitors, about = build(network, current)
        net.run(task.warm_up * b2.ms)

        def stretch() -> dict[str, Any]:
            after = float(net.t / b2.ms)
            net.run(task.duration * b2.ms)
            return sample(get_device()._last_run_time, after)

        return stretch, about

    b2.set_device("cpp_standalone", build_on_run=False)
    net, monitors, about = build(network, current)
    net.run(task.warm_up * b2.ms)
    net.run(task.duration * b2.ms)
    kind = "tuned" if task.options.get("tuned") else "own"
    folder = str(Path(sys.prefix) / "standalone" / f"{network.n}-{kind}")
    b2.device.build(directory=folder, compile=True, run=False, clean=True)

    def again() -> dict[str, Any]:
        b2.device.run(folder)
        return sample(get_device()._last_run_time, task.warm_up)

    again()
    return again, about


if __name__ == "__main__":
    serve(contestant, "brian2", "cython", "numpy")
