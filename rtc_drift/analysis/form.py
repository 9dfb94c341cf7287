"""The form of a track: its phrases and sections, from its bars where these are sure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.bars import describe_bars
from rtc_drift.analysis.model import Cues, Section
from rtc_drift.analysis.onsets import Onsets
from rtc_drift.analysis.phrases import FEWEST_BARS, find_phrases
from rtc_drift.analysis.sections import SectionMeter, find_sections, sections_by_energy
from rtc_drift.analysis.tempo import Tempo

_LEAST_CLARITY = 0.15
"""Least clarity of the pulse of music whose bars are sure. How beats are counted moves no bar by less than a beat."""
_LEAST_STEADY = 0.9
"""Least share of the beats that are as far apart as usual."""
_STEADY_WITHIN = 0.05
_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Form:
    """The phrases and sections of a track."""

    phrases_seconds: tuple[float, ...]
    phrases_confidence: float
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound of a track over time, by which its parts are compared."""

    levels: NDArray[np.uint8]
    """Levels of the spectrum trace."""
    chroma: NDArray[np.float32]
    onsets: Onsets


def find_form(
    tempo: Tempo | None, beats: _Array, downbeats: _Array, sound: Sound, cues: Cues, meter: SectionMeter
) -> Form:
    """Return the form of a track; `beats` and `downbeats` in seconds. Without sure bars it has no phrases."""
    if tempo is None or not _are_sure(tempo, beats, downbeats):
        return Form((), 0.0, tuple(sections_by_energy(cues, meter)))
    bars = describe_bars(downbeats, sound.levels, sound.chroma, sound.onsets)
    phrases = find_phrases(bars)
    return Form(
        phrases_seconds=tuple(downbeats[list(phrases.starts)].tolist()),
        phrases_confidence=phrases.confidence,
        sections=tuple(find_sections(bars, downbeats, phrases, cues, meter)),
    )


def _are_sure(tempo: Tempo, beats: _Array, downbeats: _Array) -> bool:
    if len(downbeats) < FEWEST_BARS or tempo.clarity < _LEAST_CLARITY:
        return False
    gaps = np.diff(beats)
    return float(np.mean(np.abs(gaps / np.median(gaps) - 1) <= _STEADY_WITHIN)) >= _LEAST_STEADY
