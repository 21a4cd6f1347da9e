"""The compiled kernel: its elementary functions, its one source of equations, and its cache."""

import dataclasses
import inspect
import os
import subprocess
import sys
import types

import numba as nb
import numpy as np
import pytest

import livn.models
from livn import Env, make
from livn.engine.cpu import kernel, maths
from livn.engine.cpu.binding import bind
from livn.engine.cpu.codegen import kernel_source
from livn.engine.cpu.layout import Layout
from livn.models import cells, channels, ions, noise, plasticity, synapses
from livn.models.rcsd import ReducedCalciumSomaDendrite


def over(f, n_arguments=1):
    """A compiled scalar function over arrays: a row per argument in, a row per result out."""
    arguments = ", ".join(f"a[{i}, k]" for i in range(n_arguments))
    text = "def loop(a, m):\n out = np.empty((m, a.shape[1]))\n for k in range(a.shape[1]):\n"
    namespace = {"f": f, "np": np}
    exec(text + f"  out[:, k] = np.array(f({arguments}))\n return out\n", namespace)
    return nb.njit(**maths.OPTIONS)(namespace["loop"])


@pytest.mark.parametrize(
    ("name", "x", "rtol", "atol"),
    [
        ("exp", np.linspace(-300, 300, 200_001), 2e-14, 0),
        ("log", np.exp(np.linspace(-200, 200, 200_001)), 1e-15, 2e-16),
        ("sqrt", np.linspace(0, 1e6, 10_001), 0, 0),
        ("sin", np.linspace(-20, 20, 200_001), 0, 1e-15),
        ("cos", np.linspace(-20, 20, 200_001), 0, 1e-15),
    ],
)
def test_elementary_functions_are_accurate(name, x, rtol, atol):
    got = over(maths.NAMES[name])(x[None], 1)[0]
    np.testing.assert_allclose(got, getattr(np, name)(x), rtol=rtol, atol=atol)


# Plausible ranges by argument; every function of the models is evaluated over them by NumPy and by the engine
RANGES = {
    "v": (-120, 60), "e": (-100, 60), "e_na": (40, 60), "e_k": (-100, -70), "reversal": (-95, 0), "f": (10, 20),
    "z": (-3, 3), "ez": (0.05, 20), "x": (-30, 30), "target": (0, 1), "rate_dt": (0, 1), "fraction": (0, 1),
    "inside": (1, 150), "outside": (1, 150), "flux": (-1, 1), "rest": (1, 150), "pump_dt": (0, 0.01), "dt": (0.01, 0.1),
    "i_ca": (-1, 1), "i_rest": (-0.1, 0), "inflow": (0, 1), "k": (1, 20), "before": (-60, -40), "after": (-60, -40),
    "threshold": (-60, -40), "theta": (-80, -40), "half": (-80, -40), "b": (0.1, 0.4), "base": (0.1, 0.4),
    "ca": (1e-5, 1e-2), "tau_rise": (0.1, 1), "tau_decay": (2, 50), "elapsed": (0, 1000), "signal": (-0.1, 0.1),
    "integral": (-2, 2), "last": (-2, 2), "w": (0.1, 5), "w_min": (0, 0.1), "w_max": (4, 6), "xi": (-4, 4),
    "mean": (0, 1), "std": (0, 1), "tau": (1, 20), "driven": (-1, 1),
}  # fmt: skip
BY_HAND = {
    "philox_round",
    "philox",
    "uniforms",
    "normals",
    "words",
    "decays",
    "step_constants",
}  # integers, addressing, set-up


def equations():
    for module in (channels, ions, synapses, plasticity, noise, cells):
        for name, f in vars(module).items():
            own = isinstance(f, types.FunctionType) and f.__module__ == module.__name__
            set_up = module is cells and name != "crossed"
            if own and not set_up and name not in BY_HAND:
                yield pytest.param(f, id=f"{module.__name__.rpartition('.')[2]}.{name}")


@pytest.mark.parametrize("function", list(equations()))
def test_numpy_and_the_engine_evaluate_the_same_equation(function):
    names = list(inspect.signature(function).parameters)
    rng = np.random.default_rng(0)
    columns = np.array([rng.uniform(*RANGES.get(n, (0, 1)), 4001) for n in names])
    if function is channels.ghk:
        columns[0, :2000] = np.linspace(-1e-2, 1e-2, 2000)  # across the removable singularity
    expected = np.atleast_2d(np.array(function(*columns)))
    got = over(bind(function), len(names))(columns, len(expected))
    scale = np.abs(expected).max(axis=1, keepdims=True)
    slope = 1e-7 if function in (channels.ghk, synapses.nmda_current, channels.can_current, channels.cal_current) else 0
    np.testing.assert_allclose(got / scale, expected / scale, rtol=1e-12, atol=max(1e-13, slope))


def test_numpy_and_the_engine_draw_the_same_normals():
    words = noise.words(np.arange(5000), 7, noise.BACKGROUND, 3, 2**40 + 17)
    expected = noise.normals(*words)
    draw, made = bind(noise.normals), bind(noise.philox)

    @nb.njit(**maths.OPTIONS)
    def loop(n):
        out = np.empty((2, n))
        for k in range(n):
            w = made(np.uint64(k), np.uint64(0), np.uint64(7), np.uint64((1 << 16) | 3), np.uint64(17), np.uint64(256))
            out[0, k], out[1, k] = draw(w[0], w[1], w[2], w[3])
        return out

    np.testing.assert_allclose(loop(5000), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["EXC", "INH"])
def test_numpy_and_the_engine_step_a_cell_alike(name):
    n, steps = 40, 800
    env = Env({name: n}, engine="cpu").init().record_voltage(dt=0.025)
    current = np.linspace(-0.05, 0.2, n)
    got = env.run(steps * 0.025, stimulus=(np.tile(current, (20, 1)), 1.0, None, "current")).voltage
    kind = ReducedCalciumSomaDendrite().cell_type(name)
    p = {k: np.full(n, v) for k, v in kind.parameters.items()}
    constants = tuple(kind.prepare(p, 0.025)[c] for c in kind.constants)
    start = cells.initial_state(kind.states, {s: p[f"{s}.V_rest"] for s in kind.sections})
    state = tuple(start[s] for s in kind.states)
    inputs = (-current, *(np.zeros(n) for _ in range(2 * len(kind.sections) - 1)))
    expected = []
    for _ in range(steps):
        expected.append(state[0])
        state = kind.step(state, inputs, constants, 0.025)[:-2]
    np.testing.assert_allclose(got, np.array(expected).T, rtol=0, atol=1e-6)
    assert got.max() > 0  # some fired


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess:
    env = os.environ | environment
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)


FIRST_RUN = """
from livn import make
env = make("EI1")
env.record_spikes()
print(env.run(100).spike_times.tolist())
print(sum(env._engine()._advance.stats.cache_misses.values()))
"""


def test_a_second_process_compiles_nothing():
    run_python(FIRST_RUN)
    second = run_python(FIRST_RUN)
    assert second.stdout.splitlines()[-1] == "0"
    assert "compiling" not in second.stderr


def _step(constant):
    namespace = {"__name__": "elsewhere"}
    exec(f"def step(states, inputs, constants, dt):\n    return {constant} * states", namespace)
    return namespace["step"]


def test_a_changed_equation_gets_another_kernel(tmp_path, monkeypatch):
    model = ReducedCalciumSomaDendrite()
    layouts = [Layout.of(model.cell_type("EXC"), model.receptors)]
    text = kernel_source(layouts)
    key = kernel._key(text, layouts)
    assert key == kernel._key(text, layouts)
    assert key != kernel._key(text + "\n", layouts)
    elsewhere = [dataclasses.replace(layouts[0], kind=dataclasses.replace(layouts[0].kind, step=_step(0.5)))]
    assert kernel._key(text, elsewhere) != kernel._key(text, layouts)
    changed = [dataclasses.replace(layouts[0], kind=dataclasses.replace(layouts[0].kind, step=_step(0.7)))]
    assert kernel._key(text, elsewhere) != kernel._key(text, changed)
    inner = [
        dataclasses.replace(layouts[0], kind=dataclasses.replace(layouts[0].kind, step=_step(f"(lambda: {c})()")))
        for c in (0.5, 0.7)
    ]
    assert kernel._key(text, inner[:1]) != kernel._key(text, inner[1:])
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "1")
    assert kernel._key(text, layouts) != key
    monkeypatch.delenv("NUMBA_BOUNDSCHECK")
    source = tmp_path / "models" / "__init__.py"
    source.parent.mkdir()
    source.write_text("# other equations")
    monkeypatch.setattr(livn.models, "__file__", str(source))
    assert kernel._key(text, layouts) != key


def test_nothing_is_compiled_twice(tmp_path):
    """One signature serves every size, recording, stimulus, number of threads, and a loaded culture."""
    with make("EI1", threads=1) as env:
        env.run(1)
    with make("EI2", threads=2) as env:
        env.record_spikes().record_voltage(dt=0.5).record("g_AMPA").record_membrane_current()
        env.enable_plasticity().record_weights(dt=1.0)
        env.run(2)
        env.record_weights(dt=1.0, fraction=0.5)
        env.run(2, (np.full((2, 100), 0.01), 1.0, None, "current"))
        env.save(tmp_path / "culture.livn")
    with Env.load(tmp_path / "culture.livn") as env:
        env.run(1)
    with Env({"EXC": 3}).init() as env:  # no connections
        env.run(1)
    advance = kernel.load_kernel([Layout.of(k, env.model.receptors) for k in env.model.cell_types.values()])
    assert len(advance.signatures) == 1
