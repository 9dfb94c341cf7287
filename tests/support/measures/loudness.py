"""Loudness by EBU R128: its course, its change in a transition, and true peaks."""

import math
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.filter import Graph
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rtc_drift.audio.loudness import SILENCE_DBTP, SILENCE_LUFS
from rtc_drift.media import SAMPLE_RATE, Audio
from tests.support.measures.excerpt import excerpt

HOP = SAMPLE_RATE // 10
"""Samples from one value of the short-term loudness to the next."""
SPAN = 3 * SAMPLE_RATE
"""Samples that each value covers."""
_TAPS = 64
_POINTS = 12
"""Points per sample: at 0.45 of the sampling rate, a peak between two points is missed by 0.06 dB."""
_NEARBY = 4
"""Samples on each side whose steps are used."""
_BEYOND = 0.6
"""Share of the largest step nearby by which the curve may exceed both samples around; a sine's is 0.43 at most."""
_BATCH = 2_048
_BLOCK = 10 * SAMPLE_RATE


def short_term_lufs(audio: Audio) -> NDArray[np.float64]:
    """Return the loudness of each 3 s, every 100 ms: `(n,)` LUFS, -70 for silence. Value k covers 3 s from k · 100 ms.

    Measured by ffmpeg's `ebur128`, the usual reference. The audio must be finite.
    """
    values = [max(value, SILENCE_LUFS) if math.isfinite(value) else SILENCE_LUFS for value in _ebur128_values(audio)]
    return np.array(values[SPAN // HOP - 1 :])


def loudness_excursion(lufs: NDArray[np.float64], start: int, end: int, *, around: int = 10) -> tuple[float, float]:
    """Return by how many LU a transition leaves the loudness band before and after it: (above, below), both ≥ 0.

    `lufs` comes from `short_term_lufs`; the transition lasts from sample `start` to `end` of the same audio. The band
    reaches from the lowest to the highest value whose 3 s lie entirely within the `around` seconds before or after the
    transition; silence is left out. It is compared with all values whose 3 s touch the transition. With less than 3 s
    of music on one side, the band is that of the other side; with none on both sides the result is NaN.
    """
    begin = np.arange(len(lufs)) * HOP
    outside = (begin + SPAN <= start) & (begin >= start - around * SAMPLE_RATE)
    outside |= (begin >= end) & (begin + SPAN <= end + around * SAMPLE_RATE)
    band = lufs[outside & (lufs > SILENCE_LUFS)]
    within = lufs[(begin + SPAN > start) & (begin < end)]
    if not len(band) or not len(within):
        return math.nan, math.nan
    return max(0.0, float(within.max() - band.max())), max(0.0, float(band.min() - within.min()))


def true_peak_dbtp(audio: Audio) -> float:
    """Return the largest magnitude of the curve through the samples: dBTP, -120 for silence.

    Exact to 0.1 dB below 21.6 kHz. Interpolates twelve times (ITU-R BS.1770-4 asks for four, which may miss 0.6 dB),
    but only where the largest step nearby allows a higher peak than the one found so far.
    """
    starts = range(0, len(audio), _BLOCK)
    peak = max((float(np.abs(audio[at : at + _BLOCK]).max()) for at in starts), default=0.0)
    for at in starts:
        block = excerpt(audio, at - _TAPS // 2, _BLOCK + _TAPS)
        for channel in np.ascontiguousarray(block.T):
            peak = max(peak, _peak_between(channel, peak))
    return max(20 * math.log10(peak), SILENCE_DBTP) if peak > 0 else SILENCE_DBTP


def _peak_between(samples: NDArray[np.float32], found: float) -> float:
    """Return the largest magnitude between samples with `_TAPS` / 2 others on both sides, or `found` if greater."""
    steps = np.abs(np.diff(samples))
    reach = _TAPS // 2 - 1
    nearby = steps[reach - _NEARBY : len(steps) - reach + _NEARBY]
    for doubling in (1, 2, 4):
        nearby = np.maximum(nearby[:-doubling], nearby[doubling:])
    ends = np.abs(samples[reach : len(samples) - reach])
    possible = np.maximum(ends[:-1], ends[1:]) + np.float32(_BEYOND) * nearby[: len(ends) - 1]
    candidates = np.flatnonzero(possible > found)
    candidates = candidates[np.argsort(-possible[candidates])]
    windows = sliding_window_view(samples, _TAPS)
    for at in range(0, len(candidates), _BATCH):
        batch = candidates[at : at + _BATCH]
        batch = batch[possible[batch] > found]
        if not len(batch):
            break
        found = max(found, float(np.abs(windows[batch] @ _INTERPOLATOR).max()))
    return found


def _interpolator() -> NDArray[np.float32]:
    """Return Kaiser-windowed sincs for the points between the two samples in the middle: `(_TAPS, _POINTS - 1)`."""
    distance = np.arange(_TAPS)[:, None] - (_TAPS // 2 - 1) - np.arange(1, _POINTS) / _POINTS
    taps = np.sinc(distance) * np.i0(6 * np.sqrt(np.maximum(0, 1 - (2 * distance / _TAPS) ** 2)))
    return np.asarray(taps / taps.sum(axis=0), np.float32)


def _ebur128_values(audio: Audio) -> Iterator[float]:
    graph = Graph()
    graph.threads = 1
    rate = Fraction(1, SAMPLE_RATE)
    source = graph.add_abuffer(sample_rate=SAMPLE_RATE, format="flt", layout="stereo", time_base=rate)
    meter = graph.add("ebur128", "metadata=1")
    graph.link_nodes(source, meter, graph.add("abuffersink"))
    graph.configure()
    whole = audio[: len(audio) // HOP * HOP]
    for at in range(0, len(whole), _BLOCK):
        block = np.ascontiguousarray(whole[at : at + _BLOCK])
        frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate, frame.pts = SAMPLE_RATE, at
        graph.push(frame)
        yield from _pulled(graph)
    graph.push(None)
    yield from _pulled(graph)


def _pulled(graph: Graph) -> Iterator[float]:
    while True:
        try:
            metadata = graph.pull().metadata
        except (av.BlockingIOError, av.EOFError):
            return
        if metadata:
            yield float(metadata.get("lavfi.r128.S", "nan"))


_INTERPOLATOR = _interpolator()
