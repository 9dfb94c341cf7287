"""Chroma by second: a chord has its tones, noise and silence have none."""

import numpy as np
import pytest

from rtc_drift.analysis import Analyser
from rtc_drift.media import SAMPLE_RATE, Audio

SECONDS = 6
A_MINOR = {0: 261.63, 4: 329.63, 9: 440.0}
"""Frequency of each pitch class."""


def chroma(audio: Audio) -> np.ndarray:
    analyser = Analyser(true_peak_dbtp=-1.0)
    analyser.add(audio)
    return np.array(analyser.finish().chroma).reshape(-1, 12)


def chord(level: float) -> Audio:
    time = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    wave = level * sum(np.sin(2 * np.pi * hertz * time) for hertz in A_MINOR.values())
    return np.stack((wave, wave), axis=1).astype(np.float32)


@pytest.mark.parametrize("level", [0.3, 0.01])
def test_a_chord_has_its_tones_whatever_its_level(level: float) -> None:
    found = chroma(chord(level))
    assert found.shape == (SECONDS, 12)
    assert (found.max(axis=1) == 1).all()
    assert all(set(np.argsort(second)[-3:]) == set(A_MINOR) for second in found)
    assert np.abs(found * 15 - np.round(found * 15)).max() < 0.1, "in fifteenths"


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(1).uniform(-0.3, 0.3, (SECONDS * SAMPLE_RATE, 2)).astype(np.float32)
    assert np.mean(chroma(noise).max(axis=1) == 0) > 0.8
    assert chroma(np.zeros((SECONDS * SAMPLE_RATE, 2), np.float32)).max() == 0
    assert chroma(np.zeros((0, 2), np.float32)).shape == (0, 12)
