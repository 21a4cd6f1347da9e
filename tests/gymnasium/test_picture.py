"""`render()`: a picture that shows electrodes, activity and the task's curves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise

import gymnasium as gym
import numpy as np
import pytest

from livn import make
from livn.env.gymnasium import GymnasiumEnv
from livn.env.gymnasium.picture import Picture
from livn.env.gymnasium.rate_control import RateControl, vector
from livn.run import Run

from .helpers import counting

FULL = np.ones(2, np.float32)


def test_a_picture_changes_with_what_happened_and_is_ones_own() -> None:
    env = RateControl(render_mode="rgb_array")
    pictures = [env.render()]
    env.reset(seed=1)
    pictures.append(env.render())
    env.step(FULL)
    pictures += [env.render(), env.render()]
    env.step(FULL)
    pictures.append(env.render())
    for p in pictures:
        assert p is not None
        assert p.dtype == np.uint8
        assert p.shape == (360, 720, 3)
    changed = [not np.array_equal(a, b) for a, b in pairwise(pictures)]
    assert changed == [False, True, False, True]
    env.close()
    with pytest.raises(RuntimeError, match="closed"):
        env.render()


def test_without_a_mode_there_is_none() -> None:
    env = RateControl()
    assert env.render() is None
    env.close()


def test_any_culture_can_be_drawn() -> None:
    """Also one without electrodes, a task without curves or marks, and a Pipe that keeps no Run."""
    plain = counting()
    env = GymnasiumEnv(plain.env, plain.encoding, plain.decoding, render_mode="rgb_array")
    env.reset(seed=0)
    env.step(np.ones(1, np.float32))
    assert env.render().std() > 0  # type: ignore[union-attr]

    class Curves(GymnasiumEnv):
        def _curves(self) -> Mapping[str, Sequence[float]]:
            return {"falling": [-1.0, -2.0], "empty": []}

    curves = Curves(plain.env, plain.encoding, plain.decoding, render_mode="rgb_array")
    assert not np.array_equal(curves.render(), env.render())


def brightness(picture: np.ndarray) -> np.ndarray:
    """How yellow the array's half is, by pixel."""
    left = picture[40:320, :360].astype(int)
    return (left[..., 0] > 200) & (left[..., 1] > 180) & (left[..., 2] < 90)


def test_the_cells_that_fired_shine() -> None:
    env = make("EI2", threads=1)
    picture = Picture(env, {"here": 5})
    gids = env.active_gids()
    silent = picture.draw(Run(t0=0.0, duration=10.0), 0.0, {})
    few = picture.draw(Run(t0=0.0, duration=10.0).add_spikes(gids[:2], [1.0, 2.0]), 10.0, {})
    many = picture.draw(Run(t0=0.0, duration=10.0).add_spikes(gids[:40], np.ones(40)), 10.0, {})
    amounts = [int(brightness(p).sum()) for p in (silent, few, many)]
    assert amounts[0] == 0
    assert amounts[0] < amounts[1] < amounts[2]
    orange = [194, 65, 12]
    assert (silent == orange).all(axis=-1).sum() > 20  # the mark
    assert (Picture(env, {}).draw(None, 0.0, {}) == orange).all(axis=-1).sum() == 0


def test_many_environments_give_many_pictures() -> None:
    env = vector(2, render_mode="rgb_array", steps=3)
    assert env.render_mode == "rgb_array"
    env.reset(seed=1)
    env.step(env.action_space.sample())
    frames = env.render()
    assert frames is not None
    assert len(frames) == 2
    assert not np.array_equal(*frames)
    env.close()


def test_gymnasium_can_record_it() -> None:
    env = gym.wrappers.RenderCollection(gym.make("livn/RateControl-v0", render_mode="rgb_array"))
    env.reset(seed=1)
    env.step(FULL)
    assert len(env.render()) == 2  # type: ignore[arg-type]
    assert env.metadata["render_fps"] == 10
    env.close()


def test_without_matplotlib_the_error_tells_how_to_get_it() -> None:
    code = """
import sys
sys.modules["matplotlib.figure"] = None
import gymnasium, livn.env.gymnasium
env = gymnasium.make("livn/RateControl-v0", render_mode="rgb_array").unwrapped
try:
    env.render()
except ImportError as e:
    print(e)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == 'matplotlib is not installed: pip install "pylivn[plot]"\n', done.stderr
