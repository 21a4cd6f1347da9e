"""`GymStep`, `KeepRun` and `ObsAugmentation` as stages of a Pipe, and what numbers mean in a space."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from livn.decoding import Pipe
from livn.env.gymnasium import GymnasiumEnv, GymStep, KeepRun, ObsAugmentation
from livn.env.gymnasium.spaces import into

from .helpers import Count, Counts, Current, culture


class Fixed(ObsAugmentation):
    """Features that a test sets."""

    obs_dim: int = 2
    values: Any = (0.5, -0.5)

    def _features(self, env: Any, context: dict[str, Any], state: dict[str, Any]) -> Any:
        return self.values


class Number:
    """The first stage: a number in place of the Run."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, signal: Any, env: Any) -> Any:
        return self.value


def step(space: gym.Space, value: Any) -> tuple[Any, Pipe]:
    """The action that a task of this space got."""
    task = Count(9, space)
    task.reset(seed=0)
    pipe = Pipe(stages=(Number(value), GymStep(gym_env=task)), duration=1.0)
    culture()(pipe)
    return task.actions[0], pipe


@pytest.mark.parametrize(
    ("space", "value", "action"),
    [
        (spaces.Discrete(3), 1.4, 1),
        (spaces.Discrete(3), 7, 2),
        (spaces.Discrete(3), -7.0, 0),
        (spaces.Discrete(3, start=-1), 1.6, 1),
        (spaces.Discrete(3, start=5), [5.6], 6),
        (spaces.Discrete(2), np.inf, 1),
        (spaces.MultiDiscrete([2, 4]), [0.6, 9.0], [1, 3]),
        (spaces.MultiDiscrete([2, 4], start=[1, -1]), [9.0, -9.0], [2, -1]),
        (spaces.MultiBinary(3), [0.2, 0.8, 5.0], [0, 1, 1]),
        (spaces.Box(-1.0, 2.0, (2,), np.float32), [-3.0, 1.5], [-1.0, 1.5]),
        (spaces.Box(-1.0, 2.0, (), np.float64), [5.0], 2.0),
        (spaces.Box(0.0, np.inf, (1, 2), np.float64), [-1.0, np.inf], [[0.0, np.inf]]),
        (spaces.Box(0, 255, (2,), np.uint8), [300.0, 1.6], [255, 2]),
        (spaces.Text(3), "abc", "abc"),
    ],
)
def test_numbers_are_rounded_or_clipped_into_the_space(space: gym.Space, value: Any, action: Any) -> None:
    got, pipe = step(space, value) if not isinstance(space, spaces.Text) else (into(space, value), None)
    assert space.contains(got)
    assert np.array_equal(got, action)
    if pipe is not None:
        assert np.array_equal(pipe.context["gym_action"], action)


@given(
    st.lists(st.floats(allow_nan=False), min_size=2, max_size=2),
    st.sampled_from([np.float32, np.float64, np.int8, np.uint8, np.int64]),
    st.integers(1, 100),
    st.integers(-(2**40), 2**40),
)
def test_any_numbers_become_members(numbers: list[float], kind: Any, n: int, start: int) -> None:
    low = 0 if kind is np.uint8 else -100
    choices = [
        spaces.Box(low, 100, (2,), kind),
        spaces.MultiDiscrete([n, n], start=[start, -start]),
        spaces.MultiBinary(2),
    ]
    for space in choices:
        assert space.contains(into(space, numbers))
    assert spaces.Discrete(n, start=start).contains(into(spaces.Discrete(n, start=start), numbers[0]))


@pytest.mark.parametrize("value", [np.nan, [1.0, 2.0], [], "x", {"a": 1}, None])
def test_data_that_is_no_action_is_refused(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        step(spaces.Discrete(3), value)
    with pytest.raises((ValueError, TypeError)):
        step(spaces.Box(-1.0, 1.0, (1,)), value)


def test_stages_need_their_pipe() -> None:
    for stage in (GymStep(gym_env=Count()), KeepRun()):
        with pytest.raises(RuntimeError, match="must be a stage of the Pipe"):
            stage(1.0)
        with pytest.raises(RuntimeError, match="must be a stage of the Pipe"):
            stage(1.0, culture())
    with pytest.raises(RuntimeError, match="has not been reset"):
        _ = GymStep(gym_env=Count()).start
    with pytest.raises(RuntimeError, match="must be a stage of the Pipe"):
        Fixed()((np.zeros(1), 0.0, False, False, {}))
    for wrong in (1.0, np.zeros(5), (np.zeros(1), 0.0)):
        with pytest.raises(TypeError, match="Fixed must come after a GymStep"):
            Fixed()(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"gym_env must be a gymnasium.Env, got 3"):
        GymStep(gym_env=3)
    with pytest.raises(ValueError, match=r"must be a gymnasium.Env, got <class"):
        GymStep(gym_env=Count)


def test_a_pipe_resets_the_task() -> None:
    task = Count()
    pipe = Pipe(stages=(KeepRun(), GymStep(gym_env=task), Fixed()), duration=5)
    pipe.reset(seed=3)
    observation, info = pipe.get_stage(GymStep).start
    assert observation[1] == pytest.approx(np.random.default_rng(3).random(), abs=1e-7)
    assert info == {"episode": "new"}


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1.0], r"features of Fixed must have the shape \[2\], got \[1\]"),
        (3.0, r"must have the shape \[2\]"),
        ([np.nan, 0.0], "features of Fixed must be finite"),
        ([np.inf, 0.0], "must be finite"),
        (["a", "b"], "must be an array of numbers"),
        (None, "must be an array of numbers|shape"),
        ([2.0, 0.0], "must be from -1 to 1, got"),
    ],
)
def test_features_that_are_none_are_refused(values: Any, text: str) -> None:
    pipe = Pipe(stages=(Number(0.0), GymStep(gym_env=Count()), Fixed(values=values, low=-1.0, high=1.0)), duration=1.0)
    env = GymnasiumEnv(culture(), Current(), pipe)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=text):
        env.step(np.zeros(1))


def test_features_follow_the_observation_in_order() -> None:
    pipe = Pipe(
        stages=(
            KeepRun(),
            Number(7.0),
            GymStep(gym_env=Count()),
            Fixed(),
            None,
            Counts(),
            Fixed(obs_dim=1, values=[9]),
        ),
        duration=20.0,
    )
    env = GymnasiumEnv(culture(), Current(), pipe)
    assert env.reset()[0][3:].tolist() == [0.0] * 5
    observation = env.step(np.ones(1, np.float32))[0]
    spikes = pipe.context["run"].spike_ids
    assert observation[2:].tolist() == [7.0, 0.5, -0.5, (spikes < 4).sum(), (spikes >= 4).sum(), 9.0]
    assert env.observation_space.contains(observation)
    assert Counts().zero_features().tolist() == [0.0, 0.0]
    assert Counts().zero_features().dtype == np.float32


@pytest.mark.parametrize(
    "fields", [{"obs_dim": 0}, {"obs_dim": 1.5}, {"low": 1.0}, {"high": -1.0}, {"low": 0.0, "high": 0.0}, {"dim": 3}]
)
def test_wrong_augmentations_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Counts(**fields)


def test_an_augmentation_must_say_what_it_sees() -> None:
    with pytest.raises(NotImplementedError, match="ObsAugmentation must define _features"):
        ObsAugmentation(obs_dim=1)._features(None, {}, {})


# Equality and hash: the configuration, not the episode


def test_an_episode_is_no_part_of_a_stage() -> None:
    one, other = GymStep(gym_env=Count(4)), GymStep(gym_env=Count(4))
    assert one == other
    assert hash(one) == hash(other)
    one.reset(seed=5)
    one.gym_env.step(np.zeros(1))
    assert one == other
    assert hash(one) == hash(other)
    assert one != GymStep(gym_env=Count(5))
    assert hash(one) != hash(GymStep(gym_env=Count(5)))
    assert one != GymStep(gym_env=Count(4), duration=3.0)
    assert one != "a step"
    pipes = [Pipe(stages=(GymStep(gym_env=Count(4)), Counts()), duration=2.0) for _ in range(2)]
    assert pipes[0] == pipes[1]
    assert hash(pipes[0]) == hash(pipes[1])
    assert pickle.loads(pickle.dumps(pipes[0])) == pipes[0]


def test_a_task_that_gymnasium_made_is_known_by_its_arguments() -> None:
    def cart(**options: Any) -> GymStep:
        return GymStep(gym_env=gym.make("CartPole-v1", **options))

    one = cart()
    one.reset(seed=3)
    assert one == cart()
    assert hash(one) == hash(cart())
    for other in (cart(max_episode_steps=7), cart(sutton_barto_reward=True), GymStep(gym_env=one.gym_env.unwrapped)):
        assert one != other
        assert hash(one) != hash(other)


def test_a_task_of_unknown_arguments_equals_itself_alone() -> None:
    class Plain(gym.Env):
        action_space = observation_space = spaces.Discrete(2)

    task = Plain()
    assert GymStep(gym_env=task) == GymStep(gym_env=task)
    assert GymStep(gym_env=task) != GymStep(gym_env=Plain())
    assert hash(GymStep(gym_env=task)) == hash(GymStep(gym_env=Plain()))
    wrapped = gym.wrappers.ClipAction(Count())
    assert GymStep(gym_env=wrapped) == GymStep(gym_env=gym.wrappers.ClipAction(Count()))
    assert GymStep(gym_env=wrapped) != GymStep(gym_env=Count())


def test_a_cart_can_be_driven() -> None:
    """A task that knows nothing of cultures: its infinite bounds become finite, and so do its observations."""
    pipe = Pipe(stages=(KeepRun(), Number(0.7), GymStep(gym_env=gym.make("CartPole-v1")), Counts()), duration=2.0)
    env = GymnasiumEnv(culture(), Current(), pipe)
    assert np.isfinite(env.observation_space.high).all()
    env.reset(seed=1)
    over, steps = False, 0
    while not over:
        observation, _, terminated, truncated, _ = env.step(np.zeros(1, np.float32))
        assert env.observation_space.contains(observation)
        over, steps = terminated or truncated, steps + 1
    assert 5 < steps < 15  # always pushed to one side, it falls soon
    assert pipe.context["gym_action"] == 1


def test_what_is_no_action_names_the_stage_that_gave_it() -> None:
    with pytest.raises(ValueError, match=r"the stage before GymStep must give the task's action, in Box.*got \{'rate'"):
        into(gym.spaces.Box(0.0, 1.0, (1,)), {"rate": 3.0})
