"""From what a run recorded to numbers: rates, regularity, bursts, avalanches, field potentials, evoked responses."""

from livn.decoding.arrow import ArrowDataset
from livn.decoding.avalanches import AvalancheAnalysis
from livn.decoding.base import Decoding
from livn.decoding.evoked import PeriStimulusHistogram, RecruitmentCurve, StimulusResponse
from livn.decoding.lfp import LFP
from livn.decoding.pipe import Pipe
from livn.decoding.recording import ChannelRecording, GatherAndMerge, Slice
from livn.decoding.waveforms import Waveforms

__all__ = [
    "LFP",
    "ArrowDataset",
    "AvalancheAnalysis",
    "ChannelRecording",
    "Decoding",
    "GatherAndMerge",
    "PeriStimulusHistogram",
    "Pipe",
    "RecruitmentCurve",
    "Slice",
    "StimulusResponse",
    "Waveforms",
]
