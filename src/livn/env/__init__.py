"""The handle people hold: a culture that can be run, recorded, taught and stored."""

from livn.env.env import Env

__all__ = ["Env"]
