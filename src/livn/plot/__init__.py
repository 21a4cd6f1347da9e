"""Figures of cultures, of what they did and of what they learned, drawn with Matplotlib (`pip install "pylivn[plot]"`).

    from livn import make, plot

    env = make("EI2").record_spikes()
    plot.raster(env.run(1000), of=env)

A figure is made from a live culture, a run with `of=env`, or from an `Experiment`, also a stored one. Functions that
take `ax` draw on these axes and return them; without them they open a figure of pyplot, as notebooks show it. Nothing
is set globally: style sheets and rcParams stay as they are. Times are those of the culture's clock, ms.
"""

from livn.plot.composed import overview, training
from livn.plot.electrodes import channels, culture
from livn.plot.learning import weight_change, weight_distribution, weights
from livn.plot.rules import rule
from livn.plot.signals import lfp, voltage
from livn.plot.spikes import activity, raster, rates

__all__ = [
    "activity",
    "channels",
    "culture",
    "lfp",
    "overview",
    "raster",
    "rates",
    "rule",
    "training",
    "voltage",
    "weight_change",
    "weight_distribution",
    "weights",
]
