"""Checks of the background noise: its statistics, its numbers, its streams."""

from __future__ import annotations

import math

import numpy as np

from livn.engine.conformance.checklist import check
from livn.engine.conformance.compare import close, require, same, series, taking
from livn.engine.conformance.cultures import DT, culture
from livn.models import noise

NOISE = {"g_e0": 0.02, "std_e": 0.002, "tau_e": 1.0, "g_i0": 0.001, "std_i": 0.002, "tau_i": 1.0}
"""The excitatory part lies ten standard deviations above zero, the inhibitory one is clipped there."""

CELLS, LENGTH = 60, 100.0


@check("noise")
def noise_is_stationary(engine: str) -> None:
    """Mean, standard deviation and autocorrelation of the noise are as set from t = 0 on, at every step."""
    for dt in (DT, 0.1):
        with culture(engine, {"INH": CELLS}) as env:
            env.set_noise(NOISE).record("g_noise_e", dt=0.5).record("g_noise_i", dt=0.5)
            run = env.run(LENGTH, dt=dt)
        g = series(run, "g_noise_e")
        at = f"dt = {dt:g} ms, {CELLS} cells, {LENGTH:g} ms"
        sd, mean = NOISE["std_e"], NOISE["g_e0"]
        close(f"mean of g_noise_e at {at}", g.mean(), mean, atol=0.06 * sd, unit="µS")
        close(f"standard deviation of g_noise_e at {at}", g.std(), sd, rtol=0.06, unit="µS")
        for k in (0, 1):  # stationary from the start, not after a few time constants
            what = f"standard deviation of g_noise_e over the cells at sample {k}, {at}"
            close(what, g[:, k].std(), sd, rtol=0.4, unit="µS")
        x = g - mean
        for lag in (1, 2, 4):
            rho = float((x[:, lag:] * x[:, :-lag]).mean() / (x * x).mean())
            expected = math.exp(-lag * 0.5 / NOISE["tau_e"])
            close(f"autocorrelation of g_noise_e over {lag * 0.5:g} ms at {at}", rho, expected, atol=0.06)
        _check_clipped(series(run, "g_noise_i"), at)


def _check_clipped(g: np.ndarray, at: str) -> None:
    """A conductance is never below 0; its mean is that of a normal number clipped there."""
    mean, sd = NOISE["g_i0"], NOISE["std_i"]
    require(g.min() >= 0.0, f"g_noise_i at {at}: expected no conductance below 0, got {g.min():g} µS")
    a = mean / sd
    density, share = math.exp(-a * a / 2) / math.sqrt(2 * math.pi), 0.5 * (1.0 + math.erf(a / math.sqrt(2)))
    close(f"mean of g_noise_i, clipped at 0, at {at}", g.mean(), mean * share + sd * density, rtol=0.06, unit="µS")


@check("noise", "replayable_noise")
def noise_numbers_are_addressed(engine: str) -> None:
    """The noise is made of the numbers that seed, step, gid and stream address, within 1e-9."""
    seed, steps, parameters = 2**40 + 17, 800, NOISE | {"tau_e": 3.0, "tau_i": 7.0}
    gids = np.array([1, 4, 5, 7])
    for stream in (0, 3):
        with culture(engine, {"EXC": 5, "INH": 3}, seed=seed, select={"EXC": [1, 4], "INH": [5, 7]}) as env:
            env.set_noise(parameters).reseed_noise(stream).clear(reseed=False)
            env.record("g_noise_e", dt=DT).record("g_noise_i", dt=DT)
            first = env.run(10.0)
            run = first.concat(env.run(10.0))
        z = np.array(noise.normals(*noise.words(0, gids, noise.INITIAL, stream, seed)))
        xi = np.array(noise.normals(*noise.words(np.arange(steps)[:, None], gids, noise.BACKGROUND, stream, seed)))
        for side, name in enumerate("ei"):
            mean, sd = parameters[f"g_{name}0"], parameters[f"std_{name}"]
            decay, spread = noise.stationary(DT, parameters[f"tau_{name}"])
            x, expected = z[side], []
            for k in range(steps):
                expected.append(noise.noise_conductance(mean, sd, x))
                x = noise.wander(x, decay, spread, xi[side, k])
            close(
                f"g_noise_{name} of stream {stream}", series(run, f"g_noise_{name}"), np.array(expected).T,
                rtol=1e-9, atol=1e-9 * sd, unit="µS", where=lambda i, k: f"cell {gids[i]}, t = {k * DT:.10g} ms",
            )  # fmt: skip


@check("noise", "replayable_noise")
def noise_streams_replay(engine: str) -> None:
    """`clear(reseed=False)` replays the noise, `clear()` and another seed draw anew, company changes nothing."""

    def flow(seed: int, select: dict[str, list[int]] | None = None) -> list[np.ndarray]:
        with culture(engine, {"EXC": 4}, seed=seed, select=select) as env:
            env.set_noise(NOISE).record("g_noise_e", dt=0.1)
            out = [series(env.run(3.0), "g_noise_e")]
            for change in (lambda: env.clear(), lambda: env.clear(reseed=False), lambda: env.reseed_noise(0)):
                change()
                out.append(series(env.clear(reseed=False).run(3.0), "g_noise_e"))
            return out

    first, fresh, again, back = flow(5)
    same("noise after clear(reseed=False)", again, fresh, unit="µS", where=taking("cell", "sample"))
    same("noise after reseed_noise(0)", back, first, unit="µS", where=taking("cell", "sample"))
    require(not np.array_equal(first, fresh), "noise after clear(): expected another stream, got the same numbers")
    require(abs(np.corrcoef(first)[0, 1]) < 0.9, "cells 0 and 1 draw the same noise")
    for seed in (6, 5 + 2**32):
        other = flow(seed)[0]
        require(not np.array_equal(first, other), f"seeds 5 and {seed} draw the same noise")
        with culture(engine, {"EXC": 4}, seed=5) as env:
            env.set_noise(NOISE).record("g_noise_e", dt=0.1).reseed_noise(seed=seed).clear(reseed=False)
            again = series(env.run(3.0), "g_noise_e")
        same(f"noise after reseed_noise(seed={seed})", again, other, unit="µS", where=taking("cell", "sample"))
    alone = flow(5, {"EXC": [2]})[0]
    same("noise of cell 2 when simulated alone", alone[0], first[2], unit="µS", where=taking("sample"))
