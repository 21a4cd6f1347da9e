"""What Gymnasium is told of the tasks."""

from __future__ import annotations

from gymnasium.envs import registration

__all__ = ["TASKS", "register"]

TASKS = {
    "livn/RateControl-v0": "livn.env.gymnasium.rate_control:RateControl",
    "livn/PathwayLearning-v0": "livn.env.gymnasium.pathway:PathwayLearning",
}
"""The class of each task; the function `vector` of its module makes many in parallel."""


def register() -> None:
    """Make the tasks known to `gymnasium.make` and `gymnasium.make_vec`; a second call does nothing."""
    for name, place in TASKS.items():
        if name not in registration.registry:
            module = place.partition(":")[0]
            registration.register(id=name, entry_point=place, vector_entry_point=f"{module}:vector")
