"""How a track sounds: tempo, beats, key, loudness, cues and features, measured from its samples."""

from rtc_drift.analysis.analyser import Analyser
from rtc_drift.analysis.model import Analysis, Cues, Features

__all__ = ["Analyser", "Analysis", "Cues", "Features"]
