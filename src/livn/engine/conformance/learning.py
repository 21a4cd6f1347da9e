"""Checks of the learning rule: its integral, its steps, what it makes of a network."""

from __future__ import annotations

import numpy as np

from livn.engine.conformance.checklist import Failed, check
from livn.engine.conformance.compare import close, require, same_spikes, series, spikes
from livn.engine.conformance.cultures import DT, Pulse, Synapse, culture, currents, network_a, wired
from livn.models import plasticity
from livn.models.plasticity import KAPPA
from livn.system import System


@check("plasticity")
def network_matches_recording(engine: str) -> None:
    """A plastic network under currents fires as NEURON recorded, to the step, and learns its weights within 1e-4."""
    system, stimulus, data = network_a()
    with culture(engine, system, v_init=data["v_init"]) as env:
        env.record_spikes().enable_plasticity()
        run = env.run(data["T"], stimulus=(stimulus, 1.0, None, "current"), dt=data["dt"])
        weights = env.get_weights()
    ids = np.repeat(np.arange(data["n"]), [len(times) for times in data["spikes"]])
    times = np.concatenate([np.array(t, float) for t in data["spikes"]])
    same_spikes("spikes of the recorded network", spikes(run), (ids, times), data["dt"])
    edges = data["edges"]
    got = [weights[post, syn_id, mechanism] for _, post, syn_id, mechanism, *_ in edges]
    close(
        f"weights after {data['T']:g} ms", got, data["w_final"], atol=1e-4,
        where=lambda i: f"the synapse of cell {edges[i][0]} onto cell {edges[i][1]}, {edges[i][3]}",
    )  # fmt: skip


@check("plasticity")
def learning_is_the_same_at_every_step(engine: str) -> None:
    """The rule is one in continuous time: at dt = 0.0125, 0.025 and 0.05 ms a network learns the same within 10 %."""
    change: dict[float, float] = {}
    system, stimulus, data = network_a()
    for dt in (0.0125, 0.025, 0.05):
        with culture(engine, system, v_init=data["v_init"]) as env:
            env.enable_plasticity().run(200.0, stimulus=(stimulus[:200], 1.0, None, "current"), dt=dt)
            change[dt] = float(np.mean(env.get_weights().array - 1.0))
    found = ", ".join(f"{c:.4g} at dt = {dt:g} ms" for dt, c in change.items())
    finest = change[0.0125]
    require(abs(finest) > 1e-3, f"mean change of the weights: {found}: nothing was learned")
    for dt, allowed in ((0.025, 0.05), (0.05, 0.10)):
        ratio = change[dt] / finest
        require(
            abs(ratio - 1.0) <= allowed,
            f"mean change of the weights: {found}: {ratio:.3g} times as much at {dt:g} ms as at 0.0125 ms; what feeds "
            "the learning signal must be a rate, not an increment per evaluation",
        )


PARAMETERS: dict[str, dict[str, float]] = {
    "EXC": {"A_ltp": 3.0},
    "INH": {"A_ltp": 2.0, "A_ltd": 0.5, "learning_tau": 5.0},
}
LEARNERS = ((1, "EXC", "dend"), (2, "INH", "soma"), (3, "EXC", "soma"), (4, "INH", "soma"))
"""(gid, rule, section): a compartment of each kind of cell under each rule; cells 0 to 2 are EXC, 3 and 4 INH."""


def _learners() -> System:
    """Cell 0 onto each of `LEARNERS`, through a weak synapse."""
    mechanism = {"EXC": "AMPA", "INH": "GABA_A"}
    return wired({"EXC": 3, "INH": 2}, [Synapse(0, gid, mechanism[rule], s) for gid, rule, s in LEARNERS])


def _gates(v: np.ndarray, rule: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gates of potentiation and of depression, and the drive, at potentials [mV]; float64[T] each."""
    p = plasticity.DEFAULTS[rule] | PARAMETERS[rule]
    b = np.log(p["learning_slope"])
    gate = plasticity.gate_above if rule == "EXC" else plasticity.gate_below
    ltp = gate(v, p["theta_ltp"], p["ltp_sigmoid_half"], b)
    ltd = gate(v, p["theta_ltd"], p["ltd_sigmoid_half"], b)
    return ltp, ltd, plasticity.drive(ltp, ltd, p["A_ltp"], p["A_ltd"], b, p["learning_tau"])


def _by_hand(v: np.ndarray, rule: str, dt: float) -> np.ndarray:
    """float64[T], Λ at each of these potentials [mV], from 0 on: the rule evaluated with NumPy."""
    fade = np.exp(-dt / plasticity.TAU_LEARNING[rule])
    signal, integral, out = 0.0, 0.0, []
    for driven in _gates(v, rule)[2]:
        out.append(integral)
        signal, integral = plasticity.learn(signal, integral, driven, fade, dt)
    return np.array(out)


@check("plasticity")
def learning_follows_the_rule(engine: str) -> None:
    """The learning integral is what the rule, evaluated with NumPy on the recorded potential, gives, within 1e-6."""
    rng = np.random.default_rng(2)
    pulses: list[Pulse] = []
    for gid, rule, _ in LEARNERS:
        low, high = (0.0, 0.2) if rule == "EXC" else (-0.1, 0.0)
        pulses += [(gid, 0, t, t + 10, rng.uniform(low, high)) for t in range(0, 80, 10)]
    with culture(engine, _learners()) as env:
        env.enable_plasticity(PARAMETERS)
        for dt in (DT, 0.05):
            env.clear().record_voltage(dt=dt, sections=["soma", "dend"])
            env.record("learning_EXC", dt=dt).record("learning_INH", dt=dt)
            run = env.run(80.0, currents(80.0, *pulses), dt=dt)
            for gid, rule, section in LEARNERS:
                expected = _by_hand(series(run, "voltage", gid, section), rule, dt)
                _compare_integral(series(run, f"learning_{rule}", gid, section), expected, rule, gid, section, dt)


def _compare_integral(got: np.ndarray, expected: np.ndarray, rule: str, gid: int, section: str, dt: float) -> None:
    scale = float(np.abs(expected).max())
    require(scale > 1e-3, f"Λ of rule {rule} in cell {gid}, {section}: the potential never opened the rule's gates")
    factor = float(got @ expected / (expected @ expected))
    if abs(factor - 1.0) > 1e-6 and np.allclose(got, factor * expected, rtol=0.0, atol=1e-6 * scale):
        raise Failed(
            f"Λ of rule {rule} in cell {gid}, {section}, at dt = {dt:g} ms is {factor:.7g} times what the rule gives: "
            f"κ is {factor * KAPPA:.6g} /ms², and must be {KAPPA:g}"
        )
    close(
        f"Λ of rule {rule} in cell {gid}, {section}", got, expected, rtol=1e-6, atol=1e-7 * scale,
        where=lambda k: f"t = {k * dt:.10g} ms, dt = {dt:g} ms",
    )  # fmt: skip


@check("plasticity")
def summary_measures_what_happened(engine: str) -> None:
    """`plasticity_summary` counts open gates and drive once a ms as the recorded potentials say, and the gain of Λ."""
    pulses = [(gid, 0, 5, 40, 0.12 if rule == "EXC" else -0.05) for gid, rule, _ in LEARNERS]
    with culture(engine, _learners()) as env:
        env.run(2.5)  # the samples lie at multiples of 1 ms since t = 0
        env.enable_plasticity(PARAMETERS).record_voltage(dt=DT, sections=["soma", "dend"])
        env.record("learning_EXC", dt=DT).record("learning_INH", dt=DT)
        on = env.run(60.0, currents(60.0, *pulses))
        env.disable_plasticity()
        off = env.run(5.0)
        rows = {(row.rule, row.population, row.section): row for row in env.plasticity_summary()}
    for gid, rule, section in LEARNERS:
        row = rows[rule, "EXC" if gid < 3 else "INH", section]
        ltp, ltd, driven = _gates(series(on, "voltage", gid, section)[20::40], rule)
        learned = series(off, f"learning_{rule}", gid, section)[-1]
        what = f"summary of rule {rule} in cell {gid}, {section}"
        require(0.0 < np.mean(ltd > 0.0) < 1.0, f"{what}: the potential never crossed the gate of depression")
        close(f"{what}: sampled_ms", row.sampled_ms, 60.0, atol=1e-9, unit="ms")
        close(f"{what}: ltp_open", row.ltp_open, np.mean(ltp > 0.0), atol=1e-9)
        close(f"{what}: ltd_open", row.ltd_open, np.mean(ltd > 0.0), atol=1e-9)
        close(f"{what}: mean_drive", row.mean_drive, driven.mean(), atol=1e-9)
        close(f"{what}: learned", row.learned, learned, rtol=1e-9)
