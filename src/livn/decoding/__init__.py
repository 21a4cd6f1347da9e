"""From what a run recorded to numbers: rates, regularity, bursts, avalanches, field potentials, evoked responses."""

from livn.decoding.base import Decoding
from livn.decoding.bursts import BurstRate
from livn.decoding.density import PopulationSpikeDensity, baks
from livn.decoding.populations import PopulationActiveFraction, PopulationAutocorrTau, PopulationRateMetrics
from livn.decoding.rates import ActiveFraction, MeanFiringRate, PerUnitFiringRate, PopulationFiringRates
from livn.decoding.regularity import ISICV
from livn.decoding.stability import Stability
from livn.decoding.synchrony import PairwiseChannelCorrelation, PeakSynchrony

__all__ = [
    "ISICV",
    "ActiveFraction",
    "BurstRate",
    "Decoding",
    "MeanFiringRate",
    "PairwiseChannelCorrelation",
    "PeakSynchrony",
    "PerUnitFiringRate",
    "PopulationActiveFraction",
    "PopulationAutocorrTau",
    "PopulationFiringRates",
    "PopulationRateMetrics",
    "PopulationSpikeDensity",
    "Stability",
    "baks",
]
