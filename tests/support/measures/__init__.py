"""Measures of a mix and of its transitions, as a listener would perceive them. They return figures and assert nothing.

Pure functions on `(n, 2) float32` at 48 kHz. Positions are samples of the audio given. Long audio is measured block by
block, so hours fit in memory.
"""

from tests.support.measures.attacks import Coincidence, coincidence, onset_seconds
from tests.support.measures.bass import DoubleBass, bass_db, double_bass
from tests.support.measures.clicks import Click, clicks
from tests.support.measures.loudness import loudness_excursion, short_term_lufs, true_peak_dbtp
from tests.support.measures.parts import Part, parts_of, sources_of
from tests.support.measures.pitch import pitch_cents
from tests.support.measures.silence import gaps
from tests.support.measures.source_place import SourcePlace, find_source, greatest_difference, source_end, source_start

__all__ = [
    "Click",
    "Coincidence",
    "DoubleBass",
    "Part",
    "SourcePlace",
    "bass_db",
    "clicks",
    "coincidence",
    "double_bass",
    "find_source",
    "gaps",
    "greatest_difference",
    "loudness_excursion",
    "onset_seconds",
    "parts_of",
    "pitch_cents",
    "short_term_lufs",
    "source_end",
    "source_start",
    "sources_of",
    "true_peak_dbtp",
]
