"""Cultures as Gymnasium environments; importing this registers the tasks, `livn/RateControl-v0` and others.

A task is made of four parts:

- a culture, `livn.make(...)`;
- an encoding, which turns an action into a stimulus; its `input_space` is the action space;
- a `livn.decoding.Pipe` that turns what the culture did in `duration` ms into the action of the task proper, a
  `gymnasium.Env` without a culture, which its stage `GymStep` holds: that one defines observation, reward and end;
- stages after it, `ObsAugmentation`, may append to the observation what they see in the culture.

`GymnasiumEnv(env, encoding, decoding)` puts them together:

    pipe = Pipe((KeepRun(), MyRate(), GymStep(MyTask()), MyFeatures(obs_dim=2)), duration=100)
    env = GymnasiumEnv(make("EI2"), MyPulses(), pipe)

A ready-made task is a subclass that builds the parts in its `__init__`, in a module of this package, with a function
`vector(num_envs, **options)` beside it, and a line in `registration.TASKS`. It may override `_prepare` (what is done
with a cleared culture before an episode), `_curves` and `_marks` (what its picture shows).
"""

from livn.extras import gymnasium

gymnasium()  # which says how to install it where it is missing

from livn.env.gymnasium.base import GymnasiumEnv  # noqa: E402
from livn.env.gymnasium.registration import register  # noqa: E402
from livn.env.gymnasium.stages import GymStep, KeepRun, ObsAugmentation  # noqa: E402
from livn.env.gymnasium.vector import CultureVectorEnv  # noqa: E402

__all__ = ["CultureVectorEnv", "GymStep", "GymnasiumEnv", "KeepRun", "ObsAugmentation"]

register()
