"""Gaps: stretches of silence."""

import numpy as np

from rtc_drift.media import SAMPLE_RATE, Audio, amplitude
from tests.support.audio_checks import quiet_windows

_WINDOW = SAMPLE_RATE // 1_000


def gaps(audio: Audio, threshold_dbfs: float = -60.0, at_least_ms: float = 20.0) -> list[tuple[int, int]]:
    """Find stretches in which no sample of either channel reaches the threshold: first sample and length, in order."""
    shortest = round(at_least_ms / 1e3 * SAMPLE_RATE)
    if len(audio) < 2 * _WINDOW:
        return []
    found = []
    for first, last in quiet_windows(audio, threshold_dbfs, _WINDOW) * _WINDOW:
        start, end = _widened(audio, int(first), int(last), amplitude(threshold_dbfs))
        if end - start >= shortest:
            found.append((start, end - start))
    return found


def _widened(audio: Audio, start: int, end: int, threshold: float) -> tuple[int, int]:
    """Widen a stretch of whole windows to the sample."""
    before = np.abs(audio[max(0, start - _WINDOW) : start]).max(axis=1) < threshold
    behind = np.abs(audio[end : end + _WINDOW]).max(axis=1) < threshold
    quiet_before = int(np.argmin(before[::-1])) if not before.all() else len(before)
    quiet_behind = int(np.argmin(behind)) if not behind.all() else len(behind)
    return start - quiet_before, end + quiet_behind
