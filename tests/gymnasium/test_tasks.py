"""What holds for every registered task; and that Gymnasium is imported by nobody who did not ask for it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from livn.env.gymnasium import CultureVectorEnv, GymnasiumEnv
from livn.env.gymnasium.registration import TASKS, register

from .helpers import trajectory


@pytest.fixture(params=TASKS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_the_checker_of_gymnasium_finds_nothing(name: str) -> None:
    env = gym.make(name)
    assert isinstance(env.unwrapped, GymnasiumEnv)
    check_env(env.unwrapped)  # a warning is an error here
    env.close()


def test_the_same_seed_gives_the_same_trajectory(name: str) -> None:
    env = gym.make(name)
    first = trajectory(env, 3, 4)
    other = trajectory(env, 4, 4)
    assert trajectory(env, 3, 4) == first
    assert [step[1] for step in other[2:-1]] != [step[1] for step in first[2:-1]]
    env.close()


def test_it_is_registered_once_with_finite_spaces(name: str) -> None:
    register()
    env = gym.make(f"livn.env.gymnasium:{name}")
    for space in (env.action_space, env.observation_space):
        assert not isinstance(space, gym.spaces.Box) or np.isfinite([space.low, space.high]).all()
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        gym.make(name, chanel=3)
    env.close()


def test_its_vector_form_is_native(name: str) -> None:
    env: Any = gym.make_vec(name, num_envs=2)
    assert isinstance(env, CultureVectorEnv)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert env.observation_space.contains(env.reset(seed=1)[0])
    env.close()


def in_new_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_gymnasium_is_imported_where_it_is_asked_for() -> None:
    code = "import sys, livn, livn.env, livn.encoding, livn.decoding, livn.io; print('gymnasium' in sys.modules)"
    assert in_new_process(code) == "False\n"


def test_without_gymnasium_the_error_tells_how_to_get_it() -> None:
    code = """
import sys
sys.modules["gymnasium"] = None
try:
    import livn.env.gymnasium
except ImportError as e:
    print(e)
"""
    assert in_new_process(code) == 'gymnasium is not installed: pip install "pylivn[gym]"\n'
