"""What a culture is, how it comes to life and what can be set on it; `env.py` adds what can be done with it."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np

from livn import checks
from livn.cells import Cell, CellRegistry
from livn.cores import usable_cores
from livn.engine.registry import engine_class, engines_with
from livn.env import defaults, parameters, showing
from livn.env.learning import Learning
from livn.env.recorders import Recorders, Spikes
from livn.env.traces import Traces
from livn.errors import UnsupportedByEngine
from livn.io import IO
from livn.network import Network, build_network
from livn.recordings import tidy
from livn.system.resolve import resolve
from livn.system.system import System
from livn.world import World, share

if TYPE_CHECKING:
    from livn.engine.base import Engine

__all__ = ["Culture", "threads_in_environment", "world_of"]

DEFAULT_DT = 0.025
NO_SPIKES: Spikes = (np.empty(0, np.int64), np.empty(0, np.int64))
STREAMS = 1 << 16
AUTO_COMPARTMENTS = 128
"""Compartments per thread below which another thread is not worth it: on an idle machine two threads are 1.8 times as
fast from 300 compartments on, where one of the cores is busy with something else 0.8 times."""


class Culture:
    """System, model and engine under one handle; `Env` documents the arguments."""

    def __init__(
        self,
        system: Any,
        model: Any = None,
        io: Any = None,
        seed: int = 123,
        comm: Any = None,
        subworld_size: int | None = None,
        engine: str | None = None,
        threads: int | None = None,
        precision: str = "double",
    ) -> None:
        if io is not None and not isinstance(io, IO):
            raise TypeError(f"io must be an IO, such as livn.io.MEA(), or None, got {io!r:.200}")
        checks.choice("precision", precision, ("double", "single"))
        self.seed = checks.integer("seed", seed, low=0, high=2**64 - 1)
        if threads is not None:
            checks.integer("threads", threads, low=1, high=1024)
        self._engine_class = engine_class(engine)
        self.engine: str = self._engine_class.name
        self.capabilities = self._engine_class.capabilities
        if precision not in self._engine_class.precisions:
            raise UnsupportedByEngine(f"{precision} precision", self.engine, ("cpu",))
        self._world = world_of(comm, subworld_size, self._engine_class)
        self.comm, self.precision = comm, precision
        self.system = self._world.root_first(lambda: resolve(system))
        own = isinstance(self.system, System) and self.system is not system
        self._spare = self.system if own and self._world.size > 1 else None  # each rank builds from a part of it
        self.model = self.system.default_model() if model is None else _check_model(model)
        for population in self.system.populations:
            if population not in self.model.ignored_populations():
                self.model.cell_type(population)  # which refuses one that it does not know
        self.io: IO = self.system.default_io() if io is None else io
        self._threads = threads
        self._busy = threading.Lock()
        self.selection_name: str | None = None
        self._selection: dict[str, np.ndarray] | None = None
        self._network: Network | None = None
        self._running: Engine | None = None
        self._learning: Learning | None = None
        self._closed = False
        self._recorders, self._traces = Recorders(), Traces(self.seed, self._world)
        self._noise: parameters.Noise = {}
        self._weights: dict[str, float] = {}
        self._cells = CellRegistry(self)
        self._stream, self._noise_seed = 0, self.seed
        self._v_init: float | None = None
        self._dt: float | None = None
        self._late = NO_SPIKES  # stamped with the end of the last run: they open the next one

    # Life

    def init(self) -> Self:
        """Build cells and synapses. Required before `run`, weights and plasticity; a second call does nothing.

        Raises:
            RuntimeError: the env is closed.
        """
        self._check_open()
        if self._running is not None:
            return self
        network = self._ensure_network()
        options: dict[str, Any] = {"world": self._world} if "mpi" in self.capabilities else {}
        if self.precision != "double":
            options["precision"] = self.precision
        engine = self._engine_class(network, seed=self._noise_seed, threads=self._pick_threads(network), **options)
        try:
            engine.set_noise(self._noise_here(self._noise))
            engine.reset(DEFAULT_DT, self._v_init, self._stream)
        except BaseException:  # nobody else could free it
            engine.close()
            raise
        self._running, self._learning = engine, Learning(network, engine, self._world)
        for name, cells in network.populations.items():
            gids = network.gids[cells].tolist()
            self._cells.add(name, {gid: Cell(self, name, gid) for gid in gids})
        return self

    def close(self) -> None:
        """Free the engine; a second call does nothing, any other use afterwards raises `RuntimeError`.

        Raises:
            RuntimeError: while the env is running.
        """
        if self._running is not None:
            self._check_open()
            self._running.close()
        self._traces.close()
        self._running, self._learning, self._network = None, None, None
        self._cells.clear()
        self._closed = True

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Env cannot be pickled or copied: store it with save(path), get it with Env.load(path)")

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return showing.text(self)

    def _repr_html_(self) -> str:
        return showing.html(self)

    def _check_not_closed(self) -> None:
        if self._closed:
            raise RuntimeError("this env is closed; make a new one")

    def _check_open(self) -> None:
        self._check_not_closed()
        if self._busy.locked():
            raise RuntimeError("this env is running, in another thread or in the call that is under way")

    def _engine(self) -> Engine:
        self._check_open()
        if self._running is None:
            raise RuntimeError("call init() first")
        return self._running

    def _learner(self) -> Learning:
        self._engine()
        if self._learning is None or "plasticity" not in self.capabilities:
            raise UnsupportedByEngine("plasticity", self.engine, engines_with("plasticity"))
        return self._learning

    def _ensure_network(self) -> Network:
        self._check_open()
        if self._network is None:
            network = build_network(self.system, self.model, self._selection, self._world)
            parameters.apply_weights(network, {k: v for k, v in self._weights.items() if k in network.weight_groups})
            self._network = network
            if isinstance(self._spare, System):
                self._spare.set_aside()
        return self._network

    def _network_now(self) -> Network:
        self._engine()
        return self._ensure_network()

    def _pick_threads(self, network: Network) -> int:
        most = min(usable_cores(), max(1, len(network.compartments[0]) // AUTO_COMPARTMENTS))
        return self._threads or threads_in_environment() or most

    @property
    def threads(self) -> int | None:
        """Number of threads that the engine uses; before `init()` what was asked for."""
        return self._threads if self._running is None else self._running.threads

    # What is there

    @property
    def t(self) -> float:
        """Time since construction or `clear()`, ms."""
        self._check_not_closed()
        return 0.0 if self._running is None else float(tidy(self._running.step * (self._dt or DEFAULT_DT)))

    def selection(self, select: Any, method: str = "first", bounds: Any = None) -> Self:
        """Simulate a part of the culture only; other cells and their synapses do not exist. Before `init()`.

        Args:
            select: name of a stored selection, number of cells (split by population size), fraction, or
                `{population: number | fraction | gids}`.
            method: `"first"`, `"random"` (seeded) or `"patch"` (a centred box: a fraction is one of the area, a number
                means the nearest cells).
            bounds: [[x0, y0], [x1, y1]] in µm, for `"patch"`.

        Raises:
            RuntimeError: after `init()`.
            ValueError, KeyError, TypeError: see `System.selection`.
        """
        self._check_open()
        if self._running is not None:
            raise RuntimeError(
                "selection() must come before init(), which make() calls: Env(system).selection(...).init()."
                "apply_default_params()"
            )
        chosen = self.system.selection(select, None, self.seed, method, bounds)
        if chosen is not None:
            left = np.concatenate(list(chosen.values()))
            self._recorders.check_selection(left)
            self._traces.check_selection(left)
        self._selection = chosen
        self.selection_name = select if isinstance(select, str) else None
        self._network = None
        return self

    @property
    def cells(self) -> CellRegistry:
        """The cells and their parameters.

        Raises:
            RuntimeError: before `init()`.
        """
        self._engine()
        return self._cells

    def active_populations(self) -> list[str]:
        """Names of the populations that are simulated."""
        return list(self._ensure_network().populations)

    def active_gids(self) -> np.ndarray:
        """int64[N], the gids that are simulated, ascending."""
        return self._ensure_network().gids.copy()

    def simulated_gids(self) -> np.ndarray:
        """int64[n], the gids that this process simulates, ascending: all, or this MPI rank's."""
        network = self._ensure_network()
        return network.gids[network.local]

    @property
    def weight_names(self) -> list[str]:
        """The keys that `set_weights` takes for this culture, sorted."""
        return list(self._ensure_network().weight_groups)

    # Parameters

    def apply_model_defaults(self, weights: bool = True, noise: bool = True) -> Self:
        """Apply the model's static weights and noise for a system of this name, else its generic set."""
        self._check_open()
        self.model.apply_defaults(self, checks.boolean("weights", weights), checks.boolean("noise", noise))
        return self

    def apply_default_params(self, group: str | None = None, strict: bool = False) -> Self:
        """Apply the system's stored parameters for this selection and model, else the model's defaults.

        Args:
            group: which of the stored sets; None: `"default"`.
            strict: raise rather than warn about entries that this culture cannot use.

        Raises:
            KeyError: unknown group, or with `strict` an entry that cannot be used.
        """
        self._check_open()
        strict = checks.boolean("strict", strict)
        with self._world.once():
            defaults.apply_default_params(self, group, strict)
        return self

    def set_weights(self, weights: Mapping[str, float]) -> Self:
        """Set static synaptic weights, dimensionless multipliers of the unit conductance.

        Args:
            weights: `{"{post}_{pre}-{section}-{mechanism}-weight": value >= 0}`, mechanism a receptor label. Trailing
                parts may be left out and then match all; `hillock` is read as `dend`.

        Raises:
            KeyError: a name that matches nothing.
            ValueError: a value that is negative or not finite.
            TypeError: learned multipliers, which go to `set_multipliers`.
        """
        network = self._ensure_network()
        resolved = parameters.resolve_weights(weights, network)
        self._weights |= resolved
        parameters.apply_weights(network, resolved)
        return self._parameters_changed()

    def set_noise(self, noise: Mapping[str, Any]) -> Self:
        """Set the background: Ornstein-Uhlenbeck conductances, off until first set; merges over earlier calls.

        Args:
            noise: `g_e0, g_i0, std_e, std_i` (µS), `tau_e, tau_i` (ms), `E_e, E_i` (mV) for all populations, or
                `{population: {...}}`. `std` is the stationary standard deviation at every step; the conductance is
                clipped at 0. EXC takes the excitatory part on its dendrite and the inhibitory on its soma, INH both
                on its soma.

        Raises:
            KeyError: unknown parameter or population.
            ValueError: a value out of bounds.
        """
        self._check_open()
        merged = parameters.merge_noise(noise, self._noise, self.active_populations())
        self._noise = merged
        if self._running is not None:
            self._running.set_noise(self._noise_here(merged))
        return self

    def _noise_here(self, noise: parameters.Noise) -> parameters.Noise:
        """Noise of the populations that a selection left."""
        present = self._ensure_network().populations
        return {population: values for population, values in noise.items() if population in present}

    def set_params(self, params: Mapping[str, Any]) -> Self:
        """Set parameters by prefixed name: `weight-` or none, `noise-`, `cells-`, `io-`; all are checked before any is
        set.

        `"noise-g_e0"` sets a noise parameter everywhere, `"noise-EXC-g_e0"` on one population;
        `"cells-soma.g_pas"` is `cells.set_params({"soma.g_pas": ...})`; `"io-input_radius"` is
        `io.set_params({"input_radius": ...})`.

        Raises:
            KeyError, ValueError, TypeError: as the call that the name leads to.
        """
        self._check_open()
        defaults.set_params(self, params)
        return self

    def _parameters_changed(self) -> Self:
        if self._running is not None:
            self._running.update_parameters()
        return self


def _check_model(model: Any) -> Any:
    from livn.types import Model

    if isinstance(model, type) or not isinstance(model, Model):
        raise TypeError(f"model must be a model, such as ReducedCalciumSomaDendrite(), got {model!r:.200}")
    return model


def threads_in_environment() -> int | None:
    """The number in `LIVN_THREADS`, None where it is not set.

    Raises:
        ValueError: something else is in it.
    """
    text = os.environ.get("LIVN_THREADS")
    try:
        return checks.integer("LIVN_THREADS", int(text), low=1, high=1024) if text else None
    except ValueError:
        raise ValueError(
            f"the environment variable LIVN_THREADS must be a whole number from 1 to 1024, got {text!r}"
        ) from None


def world_of(comm: Any, subworld_size: Any, engine: type[Engine]) -> World:
    """The ranks that simulate this culture together.

    Raises:
        TypeError: not a communicator.
        ValueError: some of MPI's ranks only.
        UnsupportedByEngine: several ranks, on an engine without MPI.
    """
    try:
        world = World(comm)
    except (AttributeError, TypeError):
        raise TypeError(f"comm must be an MPI communicator or None, got {comm!r:.200}") from None
    if subworld_size is not None:
        checks.integer("subworld_size", subworld_size, low=1)
    if max(world.size, subworld_size or 1) > 1 and "mpi" not in engine.capabilities:
        raise UnsupportedByEngine("mpi", engine.name, engines_with("mpi"))
    if subworld_size not in (None, world.size):
        raise ValueError(f"subworld_size must be the number of ranks of comm, {world.size}, got {subworld_size}")
    if world.comm is not None:
        share(world)
    return world
