"""From what a run recorded to numbers: rates, regularity, bursts, avalanches, field potentials, evoked responses."""

from livn.decoding.arrow import ArrowDataset
from livn.decoding.avalanches import AvalancheAnalysis
from livn.decoding.base import Decoding
from livn.decoding.bursts import BurstRate
from livn.decoding.density import PopulationSpikeDensity, baks
from livn.decoding.evoked import PeriStimulusHistogram, RecruitmentCurve, StimulusResponse
from livn.decoding.lfp import LFP
from livn.decoding.pipe import Pipe
from livn.decoding.populations import PopulationActiveFraction, PopulationAutocorrTau, PopulationRateMetrics
from livn.decoding.rates import ActiveFraction, MeanFiringRate, PerUnitFiringRate, PopulationFiringRates
from livn.decoding.recording import ChannelRecording, GatherAndMerge, Slice
from livn.decoding.regularity import ISICV
from livn.decoding.stability import Stability
from livn.decoding.synchrony import PairwiseChannelCorrelation, PeakSynchrony
from livn.decoding.waveforms import Waveforms

__all__ = [
    "ISICV",
    "LFP",
    "ActiveFraction",
    "ArrowDataset",
    "AvalancheAnalysis",
    "BurstRate",
    "ChannelRecording",
    "Decoding",
    "GatherAndMerge",
    "MeanFiringRate",
    "PairwiseChannelCorrelation",
    "PeakSynchrony",
    "PerUnitFiringRate",
    "PeriStimulusHistogram",
    "Pipe",
    "PopulationActiveFraction",
    "PopulationAutocorrTau",
    "PopulationFiringRates",
    "PopulationRateMetrics",
    "PopulationSpikeDensity",
    "RecruitmentCurve",
    "Slice",
    "Stability",
    "StimulusResponse",
    "Waveforms",
    "baks",
]
