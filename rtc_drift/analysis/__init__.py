"""The sound of a track: tempo, beats, key, loudness, cues and features, measured from its samples.

May import `audio` and `media`; does no I/O.
Begin with `model` (the result), then `analyser` (the pass over the samples).
"""

from rtc_drift.analysis.analyser import Analyser
from rtc_drift.analysis.model import Analysis, Cues, Features

__all__ = ["Analyser", "Analysis", "Cues", "Features"]
