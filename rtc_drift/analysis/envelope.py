"""The envelope: peak and power every 10 ms, from which cues and dynamics are measured."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.media import SAMPLE_RATE, Audio

WINDOW_SAMPLES = SAMPLE_RATE // 100
WINDOW_SECONDS = WINDOW_SAMPLES / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Envelope:
    """One value for each 10 ms, `(n,) float32`, full scale 1; the last window may be shorter."""

    peaks: NDArray[np.float32]
    """Peak of the louder channel."""
    powers: NDArray[np.float32]
    """Mean square of both channels."""
    samples: int
    """Length of the whole track."""


class EnvelopeMeter:
    """A meter for audio at 48 kHz in chunks of any length."""

    def __init__(self) -> None:
        self._waiting = np.zeros((0, 2), np.float32)
        self._peaks = bytearray()
        self._powers = bytearray()
        self._samples = 0

    def add(self, audio: Audio) -> None:
        """Measure the next chunk, `(n, 2)`."""
        self._samples += len(audio)
        line = np.concatenate((self._waiting, audio)) if len(self._waiting) else audio
        whole = len(line) - len(line) % WINDOW_SAMPLES
        self._measure(line[:whole])
        self._waiting = line[whole:].copy()

    def finish(self) -> Envelope:
        """Return the envelope of all added samples."""
        if len(self._waiting):
            self._measure(np.pad(self._waiting, ((0, WINDOW_SAMPLES - len(self._waiting)), (0, 0))))
        peaks, powers = (np.frombuffer(values, np.float32) for values in (self._peaks, self._powers))
        return Envelope(peaks, powers, self._samples)

    def _measure(self, audio: Audio) -> None:
        windows = audio.reshape(-1, 2 * WINDOW_SAMPLES)
        self._peaks += np.maximum(windows.max(axis=1), -windows.min(axis=1)).tobytes()
        self._powers += (np.einsum("ij,ij->i", windows, windows) / np.float32(2 * WINDOW_SAMPLES)).tobytes()
