"""`Env.reseed_noise(seed=...)`: the noise of another seed, without another culture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from livn import Env

from .helpers import differences, lively, outcome, state_of


def run_of(env: Env) -> Any:
    return env.record_spikes().run(60.0)


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_a_reseeded_culture_is_that_of_the_seed(engine: str, seed: int) -> None:
    """The oracle is a culture made with that seed, whose noise is the same numbers."""
    own = outcome(lively(engine, seed=seed), run_of)

    def reseeded(env: Env) -> Any:
        other = run_of(env)
        env.reseed_noise(9).clear()
        return other, run_of(env.reseed_noise(seed=seed).clear(reseed=False))

    other, again = outcome(lively(engine, seed=99), reseeded)
    assert again == own
    assert other != own


def test_a_seed_and_a_stream_go_together(engine: str) -> None:
    """A stream of the seed given, not of the one before; `clear()` moves on from it."""
    own = outcome(lively(engine, seed=5).reseed_noise(3), run_of)
    next_one = outcome(lively(engine, seed=5).reseed_noise(4), run_of)

    def reseeded(env: Env) -> Any:
        first = run_of(env.reseed_noise(3, seed=5))
        return first, run_of(env.clear())

    assert outcome(lively(engine, seed=6), reseeded) == (own, next_one)


def test_the_seed_counts_from_now_on_and_env_seed_stays() -> None:
    env = lively("cpu", seed=1).record("g_noise_e", dt=0.1)
    twin = lively("cpu", seed=1).record("g_noise_e", dt=0.1)
    assert env.run(5.0) == twin.run(5.0)
    assert env.reseed_noise(seed=2).seed == 1
    a, b = env.run(5.0).values("g_noise_e"), twin.run(5.0).values("g_noise_e")
    assert (a[:, 0] == b[:, 0]).all()  # the state stays, what comes is new
    assert (a != b).any()


def test_a_stored_culture_keeps_the_seed_of_its_noise(engine: str, tmp_path: Path) -> None:
    def stored(env: Env) -> Any:
        env.reseed_noise(seed=2**63 + 5).run(10.0)
        env.save(tmp_path / "env")
        return env.record_spikes().run(40.0), env.clear().run(40.0)

    kept = outcome(lively(engine, seed=4).record_spikes(), stored)
    again = Env.load(tmp_path / "env", engine=engine)
    assert again.seed == 4
    assert outcome(again, lambda e: (e.run(40.0), e.clear().run(40.0))) == kept


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, "1", True, [1]])
def test_a_wrong_seed_changes_nothing(seed: Any) -> None:
    env = lively("cpu")
    before = state_of(env)
    with pytest.raises((TypeError, ValueError), match="seed must be a whole number"):
        env.reseed_noise(5, seed=seed)
    with pytest.raises(ValueError, match="stream must be a whole number"):
        env.reseed_noise(1 << 16, seed=3)
    assert not differences(before, state_of(env))
