"""Checks of what an engine declares, refuses and reports."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from livn.engine.base import CAPABILITIES
from livn.engine.conformance.checklist import check
from livn.engine.conformance.compare import require, same, series, throws
from livn.engine.conformance.cultures import DT, culture, currents, network_a
from livn.engine.registry import engine_class
from livn.env import Env
from livn.errors import SimulationDiverged, UnsupportedByEngine
from livn.run import Run
from livn.stimulus import Stimulus


class _TwoRanks:
    """What an MPI communicator of two ranks says of itself."""

    @staticmethod
    def Get_size() -> int:
        return 2

    @staticmethod
    def Get_rank() -> int:
        return 0


@check()
def capabilities_are_legal(engine: str) -> None:
    """The class defines the whole contract, bears its name, and declares legal capabilities."""
    cls = engine_class(engine)
    left = sorted(cls.__abstractmethods__)
    require(not left, f"these methods of the contract are not defined: {', '.join(left)}")
    declared = cls.capabilities
    require(isinstance(declared, frozenset), f"capabilities must be a frozenset, got {type(declared).__name__}")
    odd = sorted(declared - CAPABILITIES)
    require(not odd, f"capabilities must be among {', '.join(sorted(CAPABILITIES))}, got {', '.join(odd)}")
    require("simulation" in declared, "capabilities must hold 'simulation'")
    with culture(engine, 1) as env:
        require(env.engine == engine, f"env.engine: expected {engine!r}, got {env.engine!r}")
        require(env.capabilities == declared, f"env.capabilities: expected {declared}, got {env.capabilities}")
        require((env.threads or 0) >= 1, f"env.threads: expected at least 1, got {env.threads}")


@check()
def missing_capabilities_are_refused(engine: str) -> None:
    """Asking for what the engine does not declare raises `UnsupportedByEngine`, which names feature and engine."""
    declared = engine_class(engine).capabilities

    def refuse(feature: str, *calls: Callable[[], object]) -> None:
        for call in calls:
            e = throws(f"asking for {feature!r}", UnsupportedByEngine, call, feature, engine)
            require(engine not in e.engines, f"the error for {feature!r} names {engine!r} among those that have it")

    if "mpi" not in declared:
        refuse("mpi", lambda: Env(1, engine=engine, comm=_TwoRanks()), lambda: Env(1, engine=engine, subworld_size=2))
    system, _, _ = network_a()
    with culture(engine, system) as env:
        if "plasticity" not in declared:
            refuse("plasticity", env.enable_plasticity, env.get_weights, env.normalize_weights)
        if "noise" not in declared:
            refuse("noise", lambda: env.set_noise({"g_e0": 1e-3}))


@check("per_gid_voltage")
def voltages_of_chosen_cells(engine: str) -> None:
    """Potentials of chosen cells are those of the same cells when all are recorded."""
    with culture(engine, {"EXC": 4, "INH": 2}) as env:
        drive = currents(5.0, *((gid, 0, 0, 5, 0.02 * gid) for gid in range(6)))
        every = series(env.record_voltage(dt=0.5).run(5.0, drive), "voltage")
        run = env.clear().record_voltage(dt=0.5, gids=[5, 2]).run(5.0, drive)
    ids = run.voltage_ids
    require(ids is not None and ids.tolist() == [2, 5], f"cells recorded: expected [2, 5], got {ids}")
    same("potentials of the cells 2 and 5", series(run, "voltage"), every[[2, 5]], unit="mV")


@check()
def divergence_names_the_cell(engine: str) -> None:
    """A potential that runs away raises `SimulationDiverged` with cell, section and time within 1 ms; clear() mends."""
    with culture(engine, {"EXC": 20, "INH": 3}) as env:
        env.record_spikes()
        blast = currents(20.0, (17, 1, 5, 20, -1e6))
        e = throws("-1e6 nA into the dendrite of cell 17", SimulationDiverged, lambda: env.run(20.0, blast), "cell 17")
        require(e.gid == 17, f"SimulationDiverged.gid: expected 17, got {e.gid}")
        require(e.section in ("soma", "dend"), f"SimulationDiverged.section: expected soma or dend, got {e.section!r}")
        require(
            5.0 < e.time <= 6.0 + 2 * DT, f"SimulationDiverged.time: expected 5 to 6 ms, within 1 ms, got {e.time:g} ms"
        )
        require(not abs(e.value) < 1000.0, f"SimulationDiverged.value: expected beyond 1000 mV, got {e.value:g} mV")
        throws("a run after a divergence", RuntimeError, lambda: env.run(1.0), "clear()")
        run = env.clear().record_voltage(dt=1.0).run(5.0)
        highest = np.abs(series(run, "voltage")).max()
        require(highest < 100.0, f"potentials after a divergence and clear(): expected below 100 mV, got {highest:g}")


@check()
def nan_is_found(engine: str) -> None:
    """NaN anywhere in a cell reaches its potential, and raises `SimulationDiverged` within 1 ms."""
    with culture(engine, 3) as env:
        env.run(2.0)
        state = env._engine().read_state()
        state["EXC.ca_dend"][1] = np.nan
        env._engine().write_state(state)
        e = throws("NaN calcium in cell 1 at 2 ms", SimulationDiverged, lambda: env.run(10.0), "cell 1")
        require(e.time <= 3.0 + 2 * DT, f"SimulationDiverged.time: expected 2 to 3 ms, got {e.time:g} ms")
        require(np.isnan(e.value), f"SimulationDiverged.value: expected NaN, got {e.value:g} mV")


@check()
def misuse_is_refused(engine: str) -> None:
    """Wrong steps, durations and stimuli raise, and leave the culture as it was; so does any use after close()."""

    def live(meddle: bool) -> Run:
        with culture(engine, {"EXC": 2}) as env:
            env.record_voltage(dt=0.5)
            env.run(5.0)
            if meddle:
                throws("a second dt", ValueError, lambda: env.run(5.0, dt=0.05), "until clear()")
                throws("a duration that is no multiple", ValueError, lambda: env.run(1.01), "multiple")
                unknown = Stimulus.from_current(np.ones((5, 1)), 1.0, gids=[7])
                throws("a stimulus for a cell that is not there", ValueError, lambda: env.run(5.0, unknown), "gid 7")
                broken = Stimulus(source=lambda a, b: np.ones((3, 3)), gids=[0], extent=5.0, input_mode="current")
                throws("a stimulus whose source is wrong", ValueError, lambda: env.run(5.0, broken))
            run = env.run(5.0)
        throws("a run after close()", RuntimeError, lambda: env.run(1.0), "closed")
        return run

    spared, asked = live(False), live(True)
    same("potentials after refused calls", series(asked, "voltage"), series(spared, "voltage"), unit="mV")


@check()
def close_frees_everything(engine: str) -> None:
    """After `close()` another culture, of other cells, can be built, and does what it does in a fresh process."""

    def live(system: object) -> Run:
        with culture(engine, system) as env:
            env.record_voltage(dt=0.5)
            run = env.run(10.0, (np.full((10, 1), 0.1), 1.0, [0], "current"))
            env.close()
            env.close()
            return run

    first, _, again = live({"EXC": 3}), live({"INH": 2, "EXC": 1}), live({"EXC": 3})
    same("potentials of the same culture built anew", series(again, "voltage"), series(first, "voltage"), unit="mV")
