"""Measures of received audio: alignment, correlation, gaps and loudness."""

import numpy as np
from numpy.typing import NDArray

from rtc_drift.audio.loudness import LoudnessMeter
from rtc_drift.media import SAMPLE_RATE, Audio


def lag_of(part: Audio, reference: Audio) -> int:
    """Return the position of `part` in `reference`: the sample at which their left channels correlate best."""
    size = 1 << (len(part) + len(reference) - 1).bit_length()
    spectrum = np.fft.rfft(reference[:, 0], size) * np.conj(np.fft.rfft(part[:, 0], size))
    return int(np.argmax(np.fft.irfft(spectrum, size)[: len(reference) - len(part) + 1]))


def correlation(first: Audio, second: Audio) -> tuple[float, float]:
    """Return the correlation coefficients of the left and of the right channels."""
    left, right = (float(np.corrcoef(first[:, channel], second[:, channel])[0, 1]) for channel in (0, 1))
    return left, right


def best_correlation(part: Audio, reference: Audio) -> float:
    """Return the correlation of `part` with the place of `reference` that fits best: the lower channel's."""
    lag = lag_of(part, reference)
    return min(correlation(part, reference[lag : lag + len(part)]))


def longest_silence_ms(audio: Audio, threshold_dbfs: float = -60.0, window: int = 48) -> float:
    """Return the length of the longest stretch in which no window exceeds the threshold, in milliseconds."""
    stretches = quiet_windows(audio, threshold_dbfs, window)
    return float(np.diff(stretches, axis=1).max(initial=0)) * window / SAMPLE_RATE * 1e3


def quiet_windows(audio: Audio, threshold_dbfs: float, window: int) -> NDArray[np.int64]:
    """Return stretches of whole windows below the threshold: `(k, 2)`, first window and the one after the last."""
    whole = audio[: len(audio) // window * window].reshape(-1, window * 2)
    peaks = np.maximum(whole.max(axis=1, initial=-np.inf), -whole.min(axis=1, initial=np.inf))
    quiet = np.concatenate(((0,), (peaks < 10 ** (threshold_dbfs / 20)).astype(int), (0,)))
    return np.flatnonzero(np.diff(quiet)).reshape(-1, 2)


def integrated_lufs(audio: Audio) -> float:
    """Return the integrated loudness (EBU R128)."""
    meter = LoudnessMeter()
    meter.add(audio)
    return meter.finish()
