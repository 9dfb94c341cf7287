"""Finds attacks in audio, so that stretching keeps them sharp and on time. Pure numpy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.media import SAMPLE_RATE, Audio, amplitude

WINDOW = 512
"""Length of a frame, in samples."""
HOP = 256
"""Distance of frames, in samples."""
_BATCH = 256
"""Frames that are computed at once."""
_BAND_EDGES_HZ = (0, 300, 1_000, 3_000, 8_000)
_RISES = (24.0, 8.0, 4.0, 3.0, 3.0)
"""Growth of a band's power within 10 ms that makes an attack: noise rarely does that in so wide a band."""
_FLOOR = amplitude(-50) ** 2
"""Least power of an attack, as a share of the greatest power in its band."""
_MIN_DISTANCE = 1_536
"""Distance of two attacks, in samples (32 ms), below which only one counts: the first, or else the stronger."""
_STRONGER = 1.5
"""Factor by which the later of two close attacks must be stronger to count."""


@dataclass(frozen=True, slots=True)
class Attacks:
    """Attacks in order of time."""

    positions: NDArray[np.int64]
    """Sample of each attack in the audio, `(k,)`, exact to some 10 ms."""
    strengths: NDArray[np.float64]
    """Power that came with each attack, in all bands, `(k,)`."""


def find_attacks(audio: Audio) -> Attacks:
    """Find the attacks in `(n, 2) float32`."""
    power = _band_powers(audio)
    before = power[:-2]
    rise = power[2:] - before
    floor = _FLOOR * power.max(axis=0, initial=0)
    rise[(power[2:] < _RISES * before) | (power[2:] <= floor)] = 0
    # Each band is scaled by its largest power: a hi-hat has a hundredth of the power of a bass drum.
    novelty = (rise / np.maximum(power.max(axis=0, initial=0), 1e-12)).sum(axis=1)
    positions: list[int] = []
    strengths: list[float] = []
    for index in np.flatnonzero(novelty):
        position = (int(index) + 2) * HOP
        if positions and position - positions[-1] < _MIN_DISTANCE:
            if novelty[index] > _STRONGER * strengths[-1]:  # otherwise it is the same attack, going on
                positions[-1], strengths[-1] = position, float(novelty[index])
        else:
            positions.append(position)
            strengths.append(float(novelty[index]))
    return Attacks(np.array(positions, np.int64), np.array(strengths))


def _band_powers(audio: Audio) -> NDArray[np.float64]:
    """Return the power of each band in each frame, `(frames, bands)`; frame k is centred on sample k · HOP."""
    edges = [round(edge * WINDOW / SAMPLE_RATE) for edge in _BAND_EDGES_HZ]
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    # Not the plain sum: channels of opposite sign must not cancel each other.
    padded = np.pad(audio[:, 0] + np.float32(0.6) * audio[:, 1], (WINDOW // 2, WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    parts = []
    for first in range(0, len(frames), _BATCH):
        spectrum = np.fft.rfft(frames[first : first + _BATCH] * window)
        power = spectrum.real**2 + spectrum.imag**2
        parts.append(np.add.reduceat(power, edges, axis=1).astype(np.float64))
    return np.concatenate(parts)
