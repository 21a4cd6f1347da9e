"""`env(decoding, inputs, encoding)`: encode, run, decode."""

from __future__ import annotations

import inspect
import numbers
from typing import TYPE_CHECKING, Any

from livn import checks

if TYPE_CHECKING:
    from livn.env.env import Env

__all__ = ["call"]


def call(env: Env, decoding: Any, inputs: Any, encoding: Any, run_options: dict[str, Any]) -> Any:
    """See `Env.__call__`."""
    from livn.decoding import Decoding

    env._engine()
    if encoding is not None and not callable(encoding):
        raise TypeError(f"encoding must be an Encoding, encoding(env, t_end, inputs), got {encoding!r:.200}")
    if isinstance(decoding, numbers.Real) and not isinstance(decoding, bool):
        duration = checks.number("decoding", decoding, above=0.0, unit="ms of duration")
    elif isinstance(decoding, Decoding):
        if decoding.duration is None:
            raise ValueError(f"{type(decoding).__name__} needs a duration here: {type(decoding).__name__}(duration=ms)")
        duration = decoding.duration
    else:
        raise TypeError(
            f"decoding must be a Decoding or a duration in ms, got {decoding!r:.200}"
            + ("; a function can be a stage: Pipe([function], duration=ms)" if inspect.isfunction(decoding) else "")
        )
    before, began = (env.encoding, env.decoding), env.t
    env.encoding, env.decoding = encoding, decoding
    try:
        if isinstance(decoding, Decoding):
            decoding.setup(env)
        stimulus = inputs if encoding is None else encoding(env, duration, inputs)
        run = env.run(duration, stimulus, **run_options)
    except BaseException:
        if env.t == began:  # nothing has come of it
            env.encoding, env.decoding = before
        raise
    return decoding(run, env) if isinstance(decoding, Decoding) else run
