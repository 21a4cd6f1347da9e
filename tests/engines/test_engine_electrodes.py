"""Stimulation through electrodes: what it does to cells, on every engine."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livn import Env, Stimulus, make
from livn.io import MEA
from livn.policy import BiphasicPulsePolicy
from tests.env.helpers import outcome, small_system

ROOT = Path(__file__).parents[2]


def on_electrodes(engine: str, **options: object) -> Env:
    """The small culture on two electrodes 40 µm above it, silent by itself."""
    io = MEA([[0, 0.0, 10.0, 60.0], [7, 200.0, 160.0, 200.0]])
    env = Env(small_system(), io=io, engine=engine, **options)  # type: ignore[arg-type]
    return env.init().record_spikes().record_voltage(dt=0.025, sections=["soma", "dend"])


def pulses(*channels: int, amplitude: float = 40.0, times: tuple[float, ...] = (5.0,)) -> BiphasicPulsePolicy:
    return BiphasicPulsePolicy(n_channels=2, channels=channels, amplitude=amplitude, pulse_times=times)


def test_a_scripted_protocol_gives_the_same_spikes_on_every_engine() -> None:
    def played(env: Env) -> tuple[list[int], list[float], np.ndarray]:
        env.record_spikes().enable_plasticity({"A_ltd": 0.2})
        runs = [env.run(100.0, Stimulus.biphasic_pulse(16, [5, 10], a, pulse_times=[10, 30, 60])) for a in (15, 30, 60)]
        return (
            np.concatenate([r.spike_ids for r in runs]).tolist(),
            np.concatenate([r.spike_times + r.t0 for r in runs]).tolist(),
            env.get_weights().array,
        )

    a, b = (outcome(make("EI2", engine=engine), played) for engine in ("cpu", "neuron"))
    assert len(a[0]) > 200
    assert a[:2] == b[:2]
    np.testing.assert_allclose(a[2], b[2], rtol=0, atol=1e-9)


def test_a_pulse_fires_cells_near_its_electrode_alone(engine: str) -> None:
    run = outcome(on_electrodes(engine), lambda env: env.run(10.0, pulses(0)))
    assert 0 in run.spike_ids[run.spike_times < 6.0]
    weak = outcome(on_electrodes(engine), lambda env: env.run(10.0, pulses(0, amplitude=1.0)))
    assert len(weak.spike_ids) == 0
    assert not np.array_equal(weak.voltage[:, 200:], weak.voltage[:, 199:-1])


def test_the_gradient_alone_acts(engine: str) -> None:
    def under(phi: np.ndarray) -> np.ndarray:
        env = on_electrodes(engine)
        return outcome(env, lambda env: env.run(10.0, Stimulus.from_extracellular(phi, 1.0)).voltage)

    rng = np.random.default_rng(3)
    common = rng.uniform(-20, 20, (10, 10))
    common[:, 1:8:2] = common[:, 0:8:2]  # dend as soma
    rest = under(np.zeros((10, 10)))
    np.testing.assert_array_equal(under(common), rest)
    split = common.copy()
    split[:, 1] += 8.0
    moved = under(split)
    assert np.abs(moved[1] - rest[1]).max() > 5.0  # dend of cell 0
    np.testing.assert_allclose(moved, under(split - 7.0), rtol=0, atol=1e-9)


BY_MECHANISM = """
import sys
import numpy as np
from tests.engines.test_engine_electrodes import PHI, one_cell

env = one_cell("neuron")
segments = [env._engine()._membranes.segments[0, s] for s in (0, 1)]
for segment in segments:
    segment.sec.insert("extracellular")
    for layer in range(2):  # a medium without resistance: the potential is what is put there
        segment.xraxial[layer], segment.xg[layer], segment.xc[layer] = 1e9, 1e10, 0.0
env.clear()
parts = []
for duration, row in ((1.0, PHI[0]), (9.0, PHI[-1])):
    for segment, value in zip(segments, row, strict=True):
        segment.e_extracellular = value
    parts.append(env.run(duration).voltage)
np.save(sys.argv[1], np.concatenate(parts, axis=1))
"""
PHI = np.zeros((400, 2))
PHI[40:] = 12.0, -8.0


def one_cell(engine: str) -> Env:
    return Env(1, engine=engine).init().record_voltage(dt=0.025, sections=["soma", "dend"])


def test_the_polarisation_is_that_of_the_extracellular_mechanism_of_neuron(tmp_path: Path) -> None:
    file = tmp_path / "voltage.npy"  # in a process of its own: NEURON rounds differently once it had the mechanism
    subprocess.run([sys.executable, "-c", BY_MECHANISM, str(file)], cwd=ROOT, check=True)
    expected = np.load(file)
    assert np.abs(np.diff(expected[:, 39:60])).max() > 5.0
    for engine in ("cpu", "neuron"):
        run = outcome(one_cell(engine), lambda env: env.run(10.0, Stimulus.from_extracellular(PHI, 0.025)))
        np.testing.assert_allclose(run.voltage, expected, rtol=0, atol=1e-6)


def test_membrane_currents_sum_to_nothing_under_a_potential(engine: str) -> None:
    env = on_electrodes(engine).record_membrane_current(dt=0.025)
    run = outcome(env, lambda env: env.run(10.0, pulses(0)))
    of_cell = [run.current[run.current_ids == gid] for gid in range(4)]
    assert max(np.abs(rows).max() for rows in of_cell) > 1e-3  # µA, during the pulse
    for rows in of_cell:
        np.testing.assert_allclose(rows.sum(axis=0), 0.0, rtol=0, atol=1e-12)


def test_cells_of_one_compartment_do_not_feel_it_and_that_is_said_once(engine: str) -> None:
    with Env({"INH": 3}, io=MEA([[0, 0.0, 0.0, 10.0]]), engine=engine) as env:
        env.init().record_voltage(dt=0.025)
        silent = env.run(10.0).voltage
        env.clear()
        with pytest.warns(RuntimeWarning, match="reaches cells of one compartment only") as caught:
            run = env.run(10.0, BiphasicPulsePolicy(amplitude=50.0))
        assert len(caught) == 1
        assert caught[0].filename == __file__
        np.testing.assert_array_equal(run.voltage, silent)
        env.run(10.0, BiphasicPulsePolicy(amplitude=50.0))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert env.run(1.0, env.cell_stimulus([[0.0]])).duration == 1.0


def test_a_policy_and_its_array_are_the_same_stimulus(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = pulses(0, 1, amplitude=25.0, times=(5.0, 25.0))
    dense = outcome(on_electrodes(engine), lambda env: env.run(40.0, env.cell_stimulus(policy(), policy.dt)))
    assert len(dense.spike_ids) > 1
    assert outcome(on_electrodes(engine), lambda env: env.run(40.0, policy)) == dense
    monkeypatch.setenv("LIVN_STIMULUS_CHUNK_MB", "0.001")
    assert outcome(on_electrodes(engine), lambda env: env.run(40.0, policy)) == dense


@settings(max_examples=15)
@given(
    threads=st.integers(1, 2),
    chunk=st.sampled_from(["0.0005", "0.01", "64"]),
    step=st.sampled_from([0.025, 0.05, 0.1]),
)
def test_no_bit_depends_on_windows_or_threads(threads: int, chunk: str, step: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIVN_STIMULUS_CHUNK_MB", chunk)
        policy = Stimulus.biphasic_pulse(16, [3, 9], [20.0, -35.5], pulse_times=[1, 8])
        with make("EI2", threads=threads) as env:
            got = env.record_spikes().record_voltage(dt=1.0).run(15.0, policy, dt=step)
    if step not in EXPECTED:
        with make("EI2", threads=1) as env:
            rows = env.cell_stimulus(policy(), policy.dt)
            EXPECTED[step] = env.record_spikes().record_voltage(dt=1.0).run(15.0, rows, dt=step)
    assert got == EXPECTED[step]


EXPECTED: dict[float, object] = {}


def test_a_stored_culture_keeps_its_electrodes(engine: str, tmp_path: Path) -> None:
    def stored(env: Env) -> object:
        env.set_params({"io-input_radius": 150.0, "io-volume_conductor-culture_height_um": 20.0})
        env.run(10.0, pulses(0))
        env.save(tmp_path / "culture")
        return env.io.as_json(), env.run(30.0, pulses(1))

    form, run = outcome(on_electrodes(engine), stored)
    loaded = Env.load(tmp_path / "culture", engine=engine)
    assert loaded.io.as_json() == form
    assert outcome(loaded, lambda env: env.run(30.0, pulses(1))) == run


LONG = """
import resource, sys
from livn import make, Stimulus

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)

env = make("EI3").record_spikes()
sweep = Stimulus.biphasic_pulse(64, range(64), 10.0, pulse_times=range(0, 100, 50), phase_duration=0.2,
                                interphase_gap=0.1, dt=0.1)
env.run(100.0, sweep, dt=0.1)
before = peak()
protocol = sweep.for_array(64, pulse_times=range(0, 60_000, 200))
run = env.run(60_000.0, protocol)
print(len(run.spike_ids), round(peak() - before, 1))
"""


def test_a_minute_of_pulses_needs_little_memory() -> None:
    done = subprocess.run([sys.executable, "-c", LONG], capture_output=True, text=True, check=True)
    spikes, megabytes = done.stdout.split()
    assert int(spikes) > 30_000
    assert float(megabytes) < 300.0
