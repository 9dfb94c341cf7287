"""How strong the sound is every 10 ms: what the cues and the dynamics are measured from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.media import SAMPLE_RATE, Audio

WINDOW_SAMPLES = SAMPLE_RATE // 100
WINDOW_SECONDS = WINDOW_SAMPLES / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Envelope:
    """One value for each 10 ms, the last window may be shorter: `(n,) float32`, full scale 1."""

    peaks: NDArray[np.float32]
    """Of the larger channel."""
    powers: NDArray[np.float32]
    """Mean square of both channels."""
    samples: int
    """Of the whole track."""


class EnvelopeMeter:
    """Takes audio at 48 kHz in blocks of any length."""

    def __init__(self) -> None:
        self._waiting = np.zeros((0, 2), np.float32)
        self._peaks: list[NDArray[np.float32]] = []
        self._powers: list[NDArray[np.float32]] = []
        self._samples = 0

    def add(self, audio: Audio) -> None:
        """Measure the next block, `(n, 2)`."""
        self._samples += len(audio)
        line = np.concatenate((self._waiting, audio)) if len(self._waiting) else audio
        whole = len(line) - len(line) % WINDOW_SAMPLES
        self._measure(line[:whole])
        self._waiting = line[whole:].copy()

    def finish(self) -> Envelope:
        """Of all that was added."""
        if len(self._waiting):
            self._measure(np.pad(self._waiting, ((0, WINDOW_SAMPLES - len(self._waiting)), (0, 0))))
        nothing = np.zeros(0, np.float32)
        return Envelope(
            np.concatenate([nothing, *self._peaks]), np.concatenate([nothing, *self._powers]), self._samples
        )

    def _measure(self, audio: Audio) -> None:
        windows = audio.reshape(-1, 2 * WINDOW_SAMPLES)
        self._peaks.append(np.maximum(windows.max(axis=1), -windows.min(axis=1)))
        self._powers.append(np.einsum("ij,ij->i", windows, windows) / np.float32(2 * WINDOW_SAMPLES))
