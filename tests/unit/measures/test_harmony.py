"""The measure of harmonic clash tells rough from smooth, and both at once from one after the other."""

import numpy as np

from rtc_drift.media import SAMPLE_RATE, Audio
from tests.support.measures.harmony import harmonic_clash


def chord(*semitones: int, seconds: float = 4.0, level: float = 0.1) -> Audio:
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wave = sum(np.sin(2 * np.pi * 220 * 2 ** (note / 12) * time) for note in semitones) * level
    return np.stack((wave, wave), axis=1).astype(np.float32)


def test_a_semitone_is_rougher_than_a_fifth_and_a_fifth_than_nothing() -> None:
    first = chord(0, 4, 7)
    same, fifth, semitone = (harmonic_clash(first, chord(*(it + up for it in (0, 4, 7)))) for up in (0, 7, 1))
    assert semitone > 1.5 * fifth and semitone > 1.5 * same
    assert harmonic_clash(first, np.zeros_like(first)) < 0.001


def test_a_short_time_together_counts_less_than_a_long_one() -> None:
    first, second = chord(0, 4, 7), chord(1, 5, 8)
    early, late = first.copy(), second.copy()
    early[len(early) // 2 + SAMPLE_RATE // 2 :] = 0
    late[: len(late) // 2 - SAMPLE_RATE // 2] = 0
    assert harmonic_clash(early, late) < 0.6 * harmonic_clash(first, second)
