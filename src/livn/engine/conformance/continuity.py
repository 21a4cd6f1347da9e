"""Checks of a culture's course: the same bits however it is cut, replayed, stored or changed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from livn.engine.base import Advance, Engine, Probe, State, Tracing
from livn.engine.conformance.checklist import check
from livn.engine.conformance.compare import close, require, same, series, spikes, taking
from livn.engine.conformance.cultures import DT, LIVELY, culture, lively, ring
from livn.env import Env
from livn.network import Network
from livn.run import Run

TOTAL = 60.0
"""ms that the lively culture runs."""


class Outcome(NamedTuple):
    """What became of a culture: joined runs, weights, their traces, and the whole state at the end."""

    run: Run
    weights: np.ndarray
    traces: np.ndarray
    state: State


def _outcome(env: Env, *pieces: float) -> Outcome:
    """Let a culture live for these lengths [ms]."""
    run = env.run(pieces[0])
    for duration in pieces[1:]:
        run = run.concat(env.run(duration))
    return Outcome(run, env.get_weights().array, env.w_recs.array, env._engine().read_state())


def _compare(what: str, got: Outcome, expected: Outcome) -> None:
    """Two outcomes must be the same bit for bit."""
    ids, times = zip(spikes(got.run), spikes(expected.run), strict=True)
    n = min(len(times[0]), len(times[1]))
    same(f"times of spikes {what}", times[0][:n], times[1][:n], unit="ms", where=taking("spike"))
    same(f"cells of spikes {what}", ids[0][:n], ids[1][:n], where=taking("spike"))
    require(len(times[0]) == len(times[1]), f"spikes {what}: expected {len(times[1])}, got {len(times[0])}")
    v = series(got.run, "voltage"), series(expected.run, "voltage")
    same(f"potentials {what}", *v, unit="mV", where=taking("row", "sample"))
    same(f"weights {what}", got.weights, expected.weights, where=taking("synapse"))
    same(f"recorded weights {what}", got.traces, expected.traces, where=taking("sample", "synapse"))
    _compare_states(what, got.state, expected.state)


def _compare_states(what: str, got: State, expected: State) -> None:
    for name, values in expected.items():
        require(name in got, f"{name} of the state {what}: missing")
        same(f"{name} of the state {what}", got[name], values)


def _worth(outcome: Outcome) -> None:
    """The culture fired and learned: else there was nothing to compare."""
    n, spread = len(spikes(outcome.run)[0]), float(outcome.weights.std())
    require(n > 10, f"25 cells under strong noise fired {n} times in {TOTAL:g} ms")
    require(spread > 1e-3, f"the weights of a plastic culture spread by {spread:.3g} only in {TOTAL:g} ms")


@check("plasticity", "noise")
def partitions_change_nothing(engine: str) -> None:
    """A run equals any partition of itself, on any number of threads, bit for bit: results and state."""
    with lively(engine) as env:
        whole = _outcome(env, TOTAL)
    _worth(whole)
    pieces = (0.5, 0.5, 13.0, 1.5, 20.0, 24.5)
    with lively(engine, threads=2) as env:
        cut = _outcome(env, *pieces)
    _compare(f"of runs of {', '.join(f'{p:g}' for p in pieces)} ms against one of {TOTAL:g} ms", cut, whole)


@check("plasticity", "noise")
def single_steps_change_nothing(engine: str) -> None:
    """A run of one step after the other leaves the same state, bit for bit, as one run."""
    states = []
    for pieces in ([3.0], [DT] * 120):
        with culture(engine, ring()) as env:
            env.set_noise(LIVELY).enable_plasticity().record_spikes().run(25.0)
            for duration in pieces:
                env.run(duration)
            states.append(env._engine().read_state())
    _compare_states("after 120 runs of one step", states[1], states[0])


@check("plasticity", "replayable_noise")
def clear_replays(engine: str) -> None:
    """`clear(reseed=False, reset_weights=True)` starts over and replays bit for bit, with no spike left in flight."""
    with lively(engine) as env:
        first = _outcome(env, 30.0)
        close("t after clear()", env.clear(reseed=False, reset_weights=True).t, 0.0)
        _compare("of a replay after clear()", _outcome(env, 30.0), first)


@check("plasticity", "noise")
def a_stored_culture_goes_on(engine: str) -> None:
    """A culture that was saved and loaded goes on bit for bit, spikes in flight included."""
    with tempfile.TemporaryDirectory(prefix="livn-") as folder:
        path = Path(folder) / "culture.livn"
        with lively(engine) as env:
            env.run(26.0)
            env.save(path)
            env.clear_recordings()
            expected = _outcome(env, TOTAL - 26.0)
        with Env.load(path, engine=engine) as env:
            _compare("of a culture that was saved at 26 ms and loaded", _outcome(env, TOTAL - 26.0), expected)


@check("plasticity", "noise")
def state_reads_back_as_written(engine: str) -> None:
    """`write_state` takes up a state of `read_state`, whose arrays have their names and shapes, and goes on from it."""
    with lively(engine) as env:
        env.run(20.0)
        running, network = env._engine(), env._network_now()
        probe = Probe("voltage", np.arange(network.n_cells), np.zeros(network.n_cells, np.int64), 4)
        state = running.read_state()
        _check_names(engine, network, state)
        first, traced = _advance(running, probe)
        weights = running.multipliers()
        running.write_state(state)
        _compare_states("written and read back", running.read_state(), state)
        second, traced_again = _advance(running, probe)
        same("steps of spikes after write_state", second.spike_steps, first.spike_steps)
        same("cells of spikes after write_state", second.spike_cells, first.spike_cells)
        same("potentials after write_state", second.series[0], first.series[0], where=taking("row", "sample"))
        same("recorded weights after write_state", traced_again, traced, where=taking("sample", "synapse"))
        same("weights after write_state", running.multipliers(), weights, where=taking("synapse"))
        require(second.steps == 800, f"an advance of 800 steps did {second.steps}")
        order = np.lexsort((second.spike_cells, second.spike_steps))
        require((np.diff(order) == 1).all(), "spikes of an advance: expected ascending by step, then by cell")


def _advance(engine: Engine, probe: Probe) -> tuple[Advance, np.ndarray]:
    """What comes of 800 steps, and every third weight after every 20 of them."""
    pieces: list[np.ndarray] = []
    places = np.arange(0, len(engine.network.plastic), 3)
    result = engine.advance(800, [probe], tracing=Tracing(20, places, lambda piece: pieces.append(piece.copy())))
    expected = engine.multipliers()[places].astype(np.float32)
    same("the last of the weights that were sampled", pieces[-1][-1], expected, where=taking("synapse"))
    return result, np.concatenate(pieces)


def _check_names(engine: str, network: Network, state: State) -> None:
    """The state holds everything by the names that all engines share."""
    expected: dict[str, tuple[int, ...]] = {"step": (), "stream": (), "last_spike": (network.n_cells,)}
    for number, kind in enumerate(network.kinds):
        names = [*kind.states, "z_e", "z_i"]
        for section in kind.sections:
            names += [f"{s}_{r.label}_{section}" for r in network.model.receptors for s in "AB"]
            for rule in network.model.neuron_plasticity_defaults():
                parts = ("signal", "learning", "open_ltp", "open_ltd", "driven")
                names += [f"{part}_{rule}_{section}" for part in parts]
        expected |= {f"{kind.name}.{name}": (int((network.kind == number).sum()),) for name in names}
    expected |= dict.fromkeys(("weight", "last_integral"), (network.n_connections,))
    expected |= {name: state.get(name, np.empty(0)).shape for name in ("spike_steps", "spike_cells")}
    odd = sorted(name for name in state.keys() - expected.keys() if not name.startswith(f"{engine}."))
    missing = sorted(expected.keys() - state.keys())
    require(not missing, f"read_state: expected the names that all engines share, and lacks {', '.join(missing)}")
    require(not odd, f"read_state: expected names of its own to start with '{engine}.', got {', '.join(odd)}")
    for name, shape in expected.items():
        got = state[name].shape
        require(got == shape, f"read_state, {name}: expected the shape {list(shape)}, got {list(got)}")


@check("plasticity", "noise")
def changes_between_runs_take_effect(engine: str) -> None:
    """Weights, noise and cell parameters set between runs act from then on as if they had been set at first."""

    def change(env: Env) -> None:
        env.set_weights({"EXC_EXC-dend-AMPA": 12.0, "EXC_INH": 3.0}).set_noise(LIVELY | {"g_e0": 0.003, "tau_i": 6.0})
        env.cells.set_params({"EXC:soma.g_pas": 1.3e-4, "INH:soma.gmax_Kdr": 0.09})

    with lively(engine) as env:
        env.run(15.0)
        state = env._engine().read_state()
        change(env)
        changed = env.run(20.0)
        weights = env.get_weights().array
    with lively(engine) as env:
        change(env)
        env.run(0.5)
        env._engine().write_state(state)
        expected = env.run(20.0)
        same_weights = env.get_weights().array
        env._engine().write_state(state)
    with culture(engine, ring()) as env:
        env.set_noise(LIVELY).enable_plasticity().record_voltage(sections=["soma", "dend"], dt=0.5)
        env._engine().write_state(state)
        unchanged = env.run(20.0)
    v = series(changed, "voltage"), series(expected, "voltage")
    moved = float(np.abs(v[0] - series(unchanged, "voltage")).max())
    require(moved > 1.0, f"changed weights, noise and parameters moved potentials by {moved:.3g} mV only in 20 ms")
    close("potentials after the changes", *v, atol=1e-6, unit="mV", where=taking("row", "sample"))
    close("weights after the changes", weights, same_weights, atol=1e-9, where=taking("synapse"))
