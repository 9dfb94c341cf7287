"""Measures of what a listener hears of a mix, and of each transition in it. They give figures and judge nothing.

Pure functions on `(n, 2) float32` at 48 kHz. Places are samples of the audio they were given; hours are measured block
by block.
"""

from tests.measures.attacks import Coincidence, coincidence, onset_seconds
from tests.measures.bass import DoubleBass, bass_db, double_bass
from tests.measures.clicks import Click, clicks
from tests.measures.joins import Heard, heard, heard_end, heard_start, same_samples
from tests.measures.loudness import loudness_excursion, short_term_lufs, true_peak_dbtp
from tests.measures.parts import Part, parts_of, sources_of
from tests.measures.pitch import pitch_cents
from tests.measures.silence import gaps

__all__ = [
    "Click",
    "Coincidence",
    "DoubleBass",
    "Heard",
    "Part",
    "bass_db",
    "clicks",
    "coincidence",
    "double_bass",
    "gaps",
    "heard",
    "heard_end",
    "heard_start",
    "loudness_excursion",
    "onset_seconds",
    "parts_of",
    "pitch_cents",
    "same_samples",
    "short_term_lufs",
    "sources_of",
    "true_peak_dbtp",
]
