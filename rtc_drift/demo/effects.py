"""Filters, reverb, echo, ducking, loudness: pure functions on numpy arrays.

In the demo synthesiser sound is planar, `(2, samples) float32` (or `(samples,)` for mono), because every pass runs
along time. Wet effects run at half the sample rate: their tails have few highs, and it halves the cost.
"""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rtc_drift.media import SAMPLE_RATE

Wave: TypeAlias = NDArray[np.float32]
"""`(samples,)` or `(2, samples)`, full scale ±1."""

WET_RATE = SAMPLE_RATE // 2


def tilt(frequencies: NDArray[np.float32], brightness: float) -> NDArray[np.float32]:
    """Return linear gains of a spectral tilt around 700 Hz.

    Brightness 0 is -3 dB per octave, 0.5 is neutral, 1 is +3 dB per octave.
    """
    octaves: NDArray[np.float32] = np.log2(np.clip(frequencies, 150.0, 12_000.0) / np.float32(700.0))
    gains: NDArray[np.float32] = np.exp2(octaves * np.float32(brightness - 0.5))
    return gains


def band(wave: Wave, low: float, high: float, order: int = 2) -> Wave:
    """Apply a zero-phase band pass from `low` to `high` Hz, `order` × 6 dB per octave on both sides."""
    length = wave.shape[-1]
    frequencies = np.fft.rfftfreq(length, 1 / SAMPLE_RATE) + 1e-3
    gains = 1 / np.sqrt((1 + (low / frequencies) ** (2 * order)) * (1 + (frequencies / high) ** (2 * order)))
    return np.fft.irfft(np.fft.rfft(wave) * gains.astype(np.float32), length).astype(np.float32)


def to_wet(wave: Wave) -> Wave:
    """Convert `(2, n)` to mono `(n / 2,)` at `WET_RATE`; n is even."""
    left, right = wave
    mono: Wave = 0.25 * (left[0::2] + left[1::2] + right[0::2] + right[1::2])
    return mono


def add_wet(mix: Wave, wet: Wave) -> None:
    """Add `(2, n / 2)` at `WET_RATE` to the mix `(2, n)` in place."""
    mix[:, 0::2] += wet
    mix[:, 1:-1:2] += 0.5 * (wet[:, :-1] + wet[:, 1:])


def impulse_response(seconds: float, brightness: float, rng: np.random.Generator) -> Wave:
    """Return the impulse response of a room at `WET_RATE`, `(2, n)`.

    It is stereo noise that is 60 dB down after `seconds`; high frequencies decay faster.
    """
    length = int(seconds * WET_RATE)
    time = np.arange(length, dtype=np.float32) / WET_RATE
    frequencies = np.fft.rfftfreq(length, 1 / WET_RATE).astype(np.float32)
    spectrum = np.fft.rfft(rng.standard_normal((2, length), dtype=np.float32))
    warm = np.fft.irfft(
        spectrum * ((frequencies > 180) / (1 + (frequencies / (1200 + 1600 * brightness)) ** 2)), length
    )
    airy = np.fft.irfft(
        spectrum * ((frequencies > 180) / (1 + (frequencies / (3500 + 6000 * brightness)) ** 2)), length
    )
    room = np.exp(-6.9 * time / seconds) * (warm + (airy - warm) * np.exp(-12 * time / seconds))
    room *= np.minimum(1.0, time / 0.012)
    room /= np.sqrt(np.square(room).sum(axis=1, keepdims=True))
    return room.astype(np.float32)


def convolve(mono: Wave, response: Wave) -> Wave:
    """Convolve mono `(n,)` with a response `(2, m)` by overlap-add: `(2, n)`. The tail beyond n is dropped."""
    size = 1 << math.ceil(math.log2(3 * response.shape[1]))
    hop = size - response.shape[1] + 1
    transfer = np.fft.rfft(response, size)
    out = np.zeros((2, mono.size + size), np.float32)
    for start in range(0, mono.size, hop):
        spectrum = np.fft.rfft(mono[start : start + hop], size)
        out[:, start : start + size] += np.fft.irfft(spectrum * transfer, size)
    return out[:, : mono.size]


def ping_pong(mono: Wave, delay: int, feedback: float) -> Wave:
    """Return echoes `delay` samples apart, left and right in turn: `(n,)` becomes `(2, n)`."""
    out = np.zeros((2, mono.size), np.float32)
    for echo in range(1, 7):
        lag, gain = echo * delay, feedback ** (echo - 1)
        if lag >= mono.size or gain < 0.03:
            break
        out[echo % 2, lag:] += gain * mono[:-lag]
        out[(echo + 1) % 2, lag:] += 0.25 * gain * mono[:-lag]
    return out


def duck(wave: Wave, starts: list[int], depth: float, length: int) -> None:
    """Lower the level in place by `depth` (0–1) at each start, and let it recover over `length`.

    Starts and length in samples; the starts must ascend.
    """
    down = 240  # 5 ms: a sudden drop would click
    recovery = 1 - depth * np.square(np.cos(np.linspace(0, np.pi / 2, length, dtype=np.float32)))
    curve = np.concatenate([np.linspace(1, 1 - depth, down, dtype=np.float32), recovery.astype(np.float32)])
    for index, start in enumerate(starts):
        until = starts[index + 1] - down if index + 1 < len(starts) else start + length
        begin, end = max(0, start - down), min(until, start + length, wave.shape[-1])
        offset = begin - (start - down)
        wave[..., begin:end] *= curve[offset : offset + end - begin]


def active_rms(wave: Wave) -> float:
    """Return the root mean square of `(2, n)` over the half seconds in which it plays; 0 if it never plays."""
    block = SAMPLE_RATE // 2
    whole = wave.shape[1] // block * block
    sparse = wave[:, :whole:4].reshape(2, -1, block // 4)
    powers = np.einsum("cbs,cbs->b", sparse, sparse) / (2 * sparse.shape[2])
    peak = float(powers.max(initial=0.0))
    return math.sqrt(float(powers[powers >= 0.03 * peak].mean())) if peak > 0 else 0.0


def loudness(wave: Wave) -> float:
    """Return the loudness of `(2, n)` in LUFS: BS.1770's weighting and relative gate on every second 400 ms block."""
    block = SAMPLE_RATE * 2 // 5
    whole = wave.shape[1] // block
    blocks = wave[:, : whole * block].reshape(2, whole, block)[:, ::2]
    frequencies = np.fft.rfftfreq(block, 1 / SAMPLE_RATE)
    shelf = (1 + 2.51 * (frequencies / 1500) ** 4) / (1 + (frequencies / 1500) ** 4)
    weights = (shelf / (1 + (38 / (frequencies + 1e-3)) ** 2) ** 2).astype(np.float32)
    spectra = np.fft.rfft(blocks)
    powers = ((spectra.real**2 + spectra.imag**2) @ weights).sum(axis=0) * (2 / block**2)
    loud = powers[powers > 1e-7]
    loud = loud[loud >= 0.1 * loud.mean()]
    return float(-0.691 + 10 * np.log10(loud.mean()))


def soft_clip(wave: Wave, ceiling: float) -> None:
    """Round off the peaks in place so that none exceeds `ceiling`; quiet sound stays almost unchanged."""
    wave *= np.float32(1 / ceiling)
    np.tanh(wave, out=wave)
    wave *= np.float32(ceiling)
