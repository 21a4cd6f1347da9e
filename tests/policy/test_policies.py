"""Policies: the pulses of their fields, on any grid, in any windows, balanced to the last bit."""

from __future__ import annotations

import itertools
import math
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livn.env import Env
from livn.io import MEA
from livn.policy import BiphasicPulsePolicy, ElectrodePolicy, MonophasicPulsePolicy, Policy, PulseSweepPolicy
from livn.stimulus import Stimulus

GRIDS = (0.0125, 0.02, 0.025, 0.05, 0.1, 0.2, 0.25, 0.3)
amplitudes = st.floats(-1e6, 1e6)


@st.composite
def biphasic(draw: Any) -> BiphasicPulsePolicy:
    """Pulses of any amplitude on some of the electrodes, a whole number of rows apart."""
    n, dt = draw(st.integers(1, 6)), draw(st.sampled_from(GRIDS))
    channels = draw(st.permutations(range(n)))[: draw(st.integers(0, n))]
    phase, gap = draw(st.integers(1, 9)), draw(st.integers(0, 5))
    between = draw(st.lists(st.integers(0, 30), max_size=6))
    onsets = np.cumsum([2 * phase + gap + b for b in between])
    each = draw(st.booleans())
    return BiphasicPulsePolicy(
        n_channels=n,
        channels=channels,
        amplitude=[draw(amplitudes) for _ in channels] if each else draw(amplitudes),
        pulse_times=draw(st.permutations((onsets * dt).tolist())),
        phase_duration=phase * dt,
        interphase_gap=gap * dt,
        cathodic_first=draw(st.booleans()),
        dt=dt,
        start_ms=draw(st.integers(0, 20)) * dt,
    )


@st.composite
def sweeps(draw: Any) -> PulseSweepPolicy:
    """Trials of any amplitudes in any order."""
    dt, half = draw(st.sampled_from(GRIDS)), draw(st.integers(1, 4))
    onset = draw(st.integers(0, 10))
    trial = onset + 2 * half + draw(st.integers(0, 10))
    values = draw(st.lists(amplitudes, min_size=1, max_size=4))
    return PulseSweepPolicy(
        n_channels=2,
        channels=[1],
        amplitudes=values,
        order=draw(st.lists(st.integers(0, len(values) - 1), max_size=5)),
        repeats=draw(st.integers(1, 3)),
        trial_ms=trial * dt,
        onset_ms=onset * dt,
        pulse_ms=2 * half * dt,
        total_ms=draw(st.one_of(st.none(), st.integers(1, 9).map(lambda n: n * trial * dt))),
        dt=dt,
    )


# What pulses look like


def test_a_biphasic_pulse() -> None:
    command = BiphasicPulsePolicy(n_channels=3, channels=[2, 0], pulse_times=[0.1], start_ms=0.05)()
    assert command.shape == (12, 3)
    pulse = [-20.0] * 4 + [0.0] + [20.0] * 4  # 0.2 ms of -20 µA, 0.05 ms of nothing, 0.2 ms of +20 µA
    assert command[:, 2].tolist() == command[:, 0].tolist() == [0.0, 0.0, 0.0, *pulse]
    assert not command[:, 1].any()


def test_its_sign_and_its_amplitudes() -> None:
    assert BiphasicPulsePolicy(cathodic_first=False)()[0, 0] == 20.0
    assert BiphasicPulsePolicy(amplitude=-20.0)()[0, 0] == 20.0
    two = BiphasicPulsePolicy(n_channels=2, channels=[1, 0], amplitude=[5.0, 7.0])()
    assert two[0].tolist() == [-7.0, -5.0]  # in the order of the channels named


def test_a_monophasic_pulse() -> None:
    policy = MonophasicPulsePolicy(n_channels=2, channels=[1], amplitude=-3.7, pulse_times=[5.0, 1.0], pulse_width=2.0)
    assert policy.dt == 1.0
    assert policy()[:, 1].tolist() == [0.0, -3.7, -3.7, 0.0, 0.0, -3.7, -3.7]
    assert not policy()[:, 0].any()
    assert MonophasicPulsePolicy(channels=[0], amplitude=[0.1])().tolist() == [[0.1]]


def test_a_sweep() -> None:
    policy = PulseSweepPolicy(amplitudes=[1.0, 4.0], repeats=2, trial_ms=1.0, onset_ms=0.5, pulse_ms=0.4, start_ms=0.2)
    assert (policy.n_trials, policy.duration_ms, policy.extent_ms) == (4, 4.0, 4.2)
    assert policy.schedule() == [(0.7, 1.0), (1.7, 4.0), (2.7, 1.0), (3.7, 4.0)]
    assert policy.schedule(start_ms=100.0)[1] == (101.5, 4.0)
    command = policy()[:, 0]
    assert command.shape == (42,)
    for ms, amplitude in policy.schedule():
        row = round(ms / 0.1)
        assert command[row : row + 4].tolist() == [-amplitude, -amplitude, amplitude, amplitude]
    assert np.count_nonzero(command) == 16


def test_the_default_sweep() -> None:
    policy = PulseSweepPolicy()
    assert (policy.n_trials, policy.duration_ms, policy.dt) == (40, 80_000.0, 0.1)
    assert policy.schedule()[:6] == [(1000, 5), (3000, 10), (5000, 20), (7000, 40), (9000, 80), (11000, 5)]


def test_the_order_of_a_sweep_goes_round() -> None:
    fields = {"amplitudes": [1.0, 2.0, 3.0], "trial_ms": 10.0, "onset_ms": 5.0}
    assert [a for _, a in PulseSweepPolicy(order=[2, 0], **fields).schedule()] == [3.0, 1.0]
    longer = PulseSweepPolicy(order=[2, 0], total_ms=55.0, **fields)
    assert [a for _, a in longer.schedule()] == [3.0, 1.0, 3.0, 1.0, 3.0]
    short = PulseSweepPolicy(total_ms=40.0, **fields)
    assert [a for _, a in short.schedule()] == [1.0, 2.0, 3.0, 1.0]
    assert short.extent_ms == 40.0


@pytest.mark.parametrize("fields", [{"pulse_times": ()}, {"n_channels": 4, "channels": ()}])
def test_silence(fields: dict[str, Any]) -> None:
    policy = BiphasicPulsePolicy(**fields)
    assert not policy().any()
    assert policy.window(0.0, 1.0).shape == (20, policy.n_channels)


def test_an_observation_changes_nothing() -> None:
    policy = BiphasicPulsePolicy()
    assert policy(np.ones(3)).tobytes() == policy().tobytes()


@given(biphasic())
def test_extent_is_the_end_of_the_last_pulse(policy: BiphasicPulsePolicy) -> None:
    if not policy.pulse_times:
        assert policy.extent_ms == policy.start_ms
        return
    end = policy.start_ms + max(policy.pulse_times) + 2 * policy.phase_duration + policy.interphase_gap
    assert policy.extent_ms == pytest.approx(end)
    assert len(policy()) == round(end / policy.dt)
    if policy.channels and np.all(policy.amplitude):
        assert policy()[-1].any()
    assert not policy.window(0.0, len(policy()) * policy.dt + 4 * policy.dt)[len(policy()) :].any()


# Charge


@given(biphasic() | sweeps())
def test_charge_is_balanced_to_the_last_bit(policy: ElectrodePolicy) -> None:
    command = policy()
    assert not command.sum(axis=0).any()
    assert command.sum() == command.ravel(order="F").sum() == math.fsum(command.flat) == 0.0
    for column in command.T:
        column = np.ascontiguousarray(column)
        assert np.sum(column) == np.sum(column[::-1]) == math.fsum(column) == sum(column) == 0.0
        assert column.cumsum()[-1:].tolist() in ([], [0.0])
        assert column[column < 0].sum() == -column[column > 0].sum()
    shuffled = np.random.default_rng(0).permutation(command.ravel())
    assert shuffled.sum() == sum(shuffled) == 0.0


@pytest.mark.parametrize("amplitude", [0.1, 1e-300, 5e-324, 1e300, 19.999999999999996, math.pi])
def test_odd_amplitudes_balance_in_long_phases_on_many_electrodes(amplitude: float) -> None:
    n = 300
    policy = BiphasicPulsePolicy(
        n_channels=n, channels=range(n), amplitude=amplitude * np.linspace(0.3, 1.0, n), phase_duration=20.0
    )
    command = policy()
    assert command.any()
    assert command.sum() == math.fsum(command.flat) == 0.0
    assert not command.cumsum(axis=0)[-1].any()
    assert policy._balanced(np.array([amplitude])) == pytest.approx(amplitude, rel=1e-9, abs=0.0)


@given(biphasic(), st.integers(2, 8))
def test_balance_survives_finer_grids(policy: BiphasicPulsePolicy, parts: int) -> None:
    rows = (len(policy()) + 3) * parts
    fine = policy.window(0.0, rows * (policy.dt / parts), policy.dt / parts)
    assert not fine.sum(axis=0).any()
    assert not fine.cumsum(axis=0)[-1].any()


@given(biphasic())
def test_amplitudes_are_kept(policy: BiphasicPulsePolicy) -> None:
    wanted = np.broadcast_to(np.abs(policy.amplitude), len(policy.channels))
    command = np.abs(policy()).max(axis=0, initial=0.0)
    if policy.pulse_times:
        assert command[list(policy.channels)] == pytest.approx(wanted, rel=1e-6, abs=1e-10 * wanted.max(initial=0.0))


# Windows


@given(biphasic() | sweeps(), st.sampled_from((None, *GRIDS)), st.lists(st.integers(0, 60), max_size=6))
def test_windows_joined_are_the_whole(policy: Policy, dt: float | None, cuts: list[int]) -> None:
    step = policy._grid if dt is None else dt
    n = max(cuts, default=0) + math.ceil(policy.extent_ms / step) + 3
    bounds = [0, *sorted(cuts), n]
    parts = [policy.window(a * step, b * step, dt) for a, b in itertools.pairwise(bounds)]
    whole = policy.window(0.0, n * step, dt)
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    if step == policy._grid:
        command = policy()
        assert whole[: len(command)].tobytes() == command.tobytes()
        assert not whole[len(command) :].any()


@given(biphasic(), st.sampled_from(GRIDS))
def test_no_charge_is_lost_on_another_grid(policy: BiphasicPulsePolicy, dt: float) -> None:
    phases = np.abs(policy())  # of one sign, so that there is a charge to lose
    single = MonophasicPulsePolicy(
        n_channels=policy.n_channels,
        channels=policy.channels,
        amplitude=policy.amplitude,
        pulse_times=policy.pulse_times,
        pulse_width=policy.phase_duration,
        dt=policy.dt,
    )
    n = math.ceil(single.extent_ms / dt) + 1
    charge = single().sum(axis=0) * policy.dt
    assert single.window(0.0, n * dt, dt).sum(axis=0) * dt == pytest.approx(charge, rel=1e-9, abs=1e-9 * phases.sum())


def test_a_window_far_beyond_costs_nothing() -> None:
    policy = BiphasicPulsePolicy(pulse_times=np.arange(1000) * 10.0)
    assert not policy.window(1e9, 1e9 + 1.0).any()
    assert policy.window(9990.0, 9990.45).tobytes() == policy.window(0.0, 0.45).tobytes()
    assert policy.window(5.0, 5.0).shape == (0, 1)


# When pulses begin


@given(biphasic())
def test_pulses_of_electrodes(policy: BiphasicPulsePolicy) -> None:
    row = np.broadcast_to(policy.amplitude, len(policy.channels)).tolist()
    onsets = sorted(policy.start_ms + t for t in policy.pulse_times)
    expected = [(t, c, a) for t in onsets for c, a in zip(policy.channels, row, strict=True)]
    assert [p[1:] for p in policy.pulses()] == [p[1:] for p in expected]
    assert [p[0] for p in policy.pulses()] == pytest.approx([p[0] for p in expected])


@given(sweeps())
def test_pulses_of_a_sweep_are_its_schedule(policy: PulseSweepPolicy) -> None:
    assert [(t, a) for t, _, a in policy.pulses()] == [(pytest.approx(t), a) for t, a in policy.schedule()]
    assert {c for _, c, _ in policy.pulses()} == {1}


@pytest.mark.parametrize("block", [1, 3, 1000])
def test_pulses_of_any_command_are_where_it_leaves_zero(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livn.policy.BLOCK", block)
    times = [0.0, 3.0, 10.0]
    fields = {"amplitude": [-1.5, 4.0], "pulse_times": times, "pulse_width": 2.0}
    policy = MonophasicPulsePolicy(n_channels=3, channels=[2, 0], **fields)
    assert Policy.pulses(policy) == [(t, c, a) for t in times for c, a in ((0, 4.0), (2, -1.5))]
    assert sorted(policy.pulses()) == Policy.pulses(policy)
    assert Ramp(slope=2.0).pulses() == [(1.0, 0, 2.0)]
    assert Ramp(slope=0.0).pulses() == []


# On an array


def test_for_array() -> None:
    policy = BiphasicPulsePolicy(n_channels=1, amplitude=5.0, pulse_times=[1.0])
    wide = policy.for_array(16)
    assert (wide.n_channels, wide.channels, wide.amplitude, wide.pulse_times) == (16, (0,), 5.0, (1.0,))
    other = policy.for_array(16, [3, 7], amplitude=[1.0, 2.0])
    assert (other.channels, other.amplitude, other.pulse_times) == ((3, 7), (1.0, 2.0), (1.0,))
    assert policy == BiphasicPulsePolicy(n_channels=1, amplitude=5.0, pulse_times=[1.0])
    assert PulseSweepPolicy().for_array(4, [2]).schedule() == PulseSweepPolicy().schedule()


def test_biphasic_pulse_of_stimulus_is_the_policy() -> None:
    assert Stimulus.biphasic_pulse(4, [1]) == BiphasicPulsePolicy(n_channels=4, channels=(1,))
    fields = {"phase_duration": 0.1, "interphase_gap": 0.0, "dt": 0.025, "cathodic_first": False}
    made = Stimulus.biphasic_pulse(4, 2, [3.0], pulse_times=[1.0, 2.0], **fields)
    assert made == BiphasicPulsePolicy(n_channels=4, channels=(2,), amplitude=(3.0,), pulse_times=(1.0, 2.0), **fields)


def culture() -> Env:
    """Four cells on sixteen electrodes."""
    return Env({"EXC": 4}, io=MEA(input_radius=2000.0))


def test_what_a_policy_does_to_the_cells() -> None:
    policy = BiphasicPulsePolicy(n_channels=16, channels=[0, 5], amplitude=[10.0, -4.0], pulse_times=[1.0, 3.0])
    with culture() as env:
        with pytest.warns(RuntimeWarning, match="no cell is within reach of channel 5, whose input does nothing"):
            stimulus = Stimulus.from_arg(policy, env, 10.0)
        dense = env.cell_stimulus(policy(), policy.dt)
    assert stimulus.deferred
    assert (stimulus.dt, stimulus.units, stimulus.duration) == (0.05, "mV", pytest.approx(3.45))
    assert stimulus.window(0.0, 3.45).tobytes() == dense.array.tobytes()


def test_a_policy_may_last_as_long_as_the_run_and_no_longer() -> None:
    sweep, silent = PulseSweepPolicy(n_channels=16), BiphasicPulsePolicy(n_channels=16, pulse_times=())
    with culture() as env:
        assert Stimulus.from_arg(sweep, env, 80_000.0).duration == 80_000.0
        with pytest.raises(ValueError, match=r"lasts 80000 ms, longer than the run of 79999\.9 ms"):
            Stimulus.from_arg(sweep, env, 79_999.9)
        assert not np.asarray(Stimulus.from_arg(silent, env, 0.025)).any()


# Configuration


class Ramp(Policy):
    """A policy of somebody else's, in any unit."""

    slope: float = 1.0

    @property
    def num_inputs(self) -> int:
        """One."""
        return 1

    @property
    def extent_ms(self) -> float:
        """Of the ramp."""
        return 3.5

    @property
    def _grid(self) -> float:
        return 1.0

    def _rows(self, first: int, last: int) -> np.ndarray:
        rows = np.arange(first, last)
        return np.where(rows < 4, self.slope * rows, 0.0)[:, None]


def test_a_policy_of_ones_own() -> None:
    policy = Ramp(slope=2.0)
    assert policy()[:, 0].tolist() == [0.0, 2.0, 4.0, 6.0]
    assert policy.window(1.0, 2.0, 0.5)[:, 0].tolist() == [2.0, 2.0]
    assert policy.window(0.0, 6.0, 2.0)[:, 0].tolist() == [1.0, 5.0, 0.0]
    assert policy.input_units is None
    assert Policy.from_json(policy.as_json()) == policy


@pytest.mark.parametrize("name", ["num_inputs", "extent_ms"])
def test_a_policy_must_say_what_it_is(name: str) -> None:
    with pytest.raises(NotImplementedError, match=f"Policy must define {name}"):
        getattr(Policy(), name)


@given(biphasic() | sweeps())
def test_json_and_back(policy: ElectrodePolicy) -> None:
    for base in (Policy, ElectrodePolicy, type(policy)):
        back = base.from_json(policy.as_json())
        assert type(back) is type(policy)
        assert back == policy
        assert hash(back) == hash(policy)
        assert back().tobytes() == policy().tobytes()
    assert pickle.loads(pickle.dumps(policy)) == policy


def test_equal_is_equal_content() -> None:
    a = BiphasicPulsePolicy(n_channels=2, channels=[0, 1], amplitude=np.array([1, 2]), pulse_times=range(3))
    b = BiphasicPulsePolicy(n_channels=np.int64(2), channels=(0, 1), amplitude=[1.0, 2.0], pulse_times=[0.0, 1.0, 2.0])
    assert a == b
    assert hash(a) == hash(b)
    assert len({a, b, b.changed(dt=0.025)}) == 2
    zero, minus = BiphasicPulsePolicy(amplitude=0.0), BiphasicPulsePolicy(amplitude=-0.0)
    assert zero == minus
    assert hash(zero) == hash(minus)
    assert BiphasicPulsePolicy() != MonophasicPulsePolicy()
    assert BiphasicPulsePolicy() != "policy"


def test_the_hash_is_the_same_in_every_process() -> None:
    code = "from livn.policy import PulseSweepPolicy as P; print(hash(P(n_channels=3, amplitudes=[1.5, 2])))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(told) == hash(PulseSweepPolicy(n_channels=3, amplitudes=[1.5, 2]))


def test_a_policy_does_not_change() -> None:
    policy = BiphasicPulsePolicy()
    with pytest.raises(ValueError, match="frozen"):
        policy.amplitude = 3.0
    policy()[:] = 7.0
    assert policy()[0, 0] == -20.0


def test_numbers_of_numpy_are_welcome() -> None:
    policy = BiphasicPulsePolicy(
        n_channels=np.int32(4), channels=[np.int64(1)], amplitude=np.float32(2.5), pulse_times=[np.float32(1.0)]
    )
    assert policy == BiphasicPulsePolicy(n_channels=4, channels=(1,), amplitude=2.5, pulse_times=(1.0,))
    assert {type(policy.n_channels), type(policy.channels[0])} == {int}
    assert {type(policy.amplitude), type(policy.pulse_times[0])} == {float}
