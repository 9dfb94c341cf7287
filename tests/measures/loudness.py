"""How loud it is, by EBU R128: the course of the loudness, what a transition does to it, and true peaks."""

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
from tests.measures.excerpt import excerpt

HOP = SAMPLE_RATE // 10
"""Samples from one value of the short-term loudness to the next."""
SPAN = 3 * SAMPLE_RATE
"""Samples that each is about."""
_TAPS = 64
_POINTS = 12
"""Points per sample: at 0.45 of the sampling rate a peak between two of them is missed by 0.06 dB."""
_NEARBY = 4
"""Samples on each side whose steps count."""
_BEYOND = 0.6
"""Share of the largest step nearby by which the curve may get beyond both samples around; a sine's is 0.43 at most."""
_BATCH = 2_048
_BLOCK = 10 * SAMPLE_RATE


def short_term_lufs(audio: Audio) -> NDArray[np.float64]:
    """Loudness of each 3 s, every 100 ms: `(n,)` LUFS, -70 for silence; value k is about the 3 s from k · 100 ms on.

    ffmpeg's `ebur128`, for it is what everybody else measures with. The audio must be finite.
    """
    told = [max(value, SILENCE_LUFS) if math.isfinite(value) else SILENCE_LUFS for value in _told_by_ebur128(audio)]
    return np.array(told[SPAN // HOP - 1 :])


def loudness_excursion(lufs: NDArray[np.float64], start: int, end: int, *, around: int = 10) -> tuple[float, float]:
    """By how many LU a transition leaves the band that the loudness before and after it spans: (above, below), ≥ 0.

    `lufs` as `short_term_lufs` gives it; the transition lasts from sample `start` to `end` of the same audio. The band
    is from the lowest to the highest of the values of which all 3 s lie within the `around` seconds before it, or after
    it, but those of silence; what is held against it are all values that have some of the transition in them. With less
    than 3 s of music on one side the band is that of the other side; with none on both there is no answer: NaN.
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
    """The largest magnitude of the curve through the samples, dBTP, -120 for silence; exact to 0.1 dB below 21.6 kHz.

    Interpolated twelve times, where ITU-R BS.1770-4 asks for four, which may miss 0.6 dB; but only where the largest
    step nearby says that the curve could get beyond what was found so far.
    """
    starts = range(0, len(audio), _BLOCK)
    peak = max((float(np.abs(audio[at : at + _BLOCK]).max()) for at in starts), default=0.0)
    for at in starts:
        block = excerpt(audio, at - _TAPS // 2, _BLOCK + _TAPS)
        for channel in np.ascontiguousarray(block.T):
            peak = max(peak, _peak_between(channel, peak))
    return max(20 * math.log10(peak), SILENCE_DBTP) if peak > 0 else SILENCE_DBTP


def _peak_between(samples: NDArray[np.float32], found: float) -> float:
    """The largest magnitude between two of `(n,)` with `_TAPS` / 2 on both sides, if it exceeds `found`."""
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
    """`(_TAPS, _POINTS - 1)`: Kaiser-windowed sincs for the points between the two samples in the middle."""
    distance = np.arange(_TAPS)[:, None] - (_TAPS // 2 - 1) - np.arange(1, _POINTS) / _POINTS
    taps = np.sinc(distance) * np.i0(6 * np.sqrt(np.maximum(0, 1 - (2 * distance / _TAPS) ** 2)))
    return np.asarray(taps / taps.sum(axis=0), np.float32)


def _told_by_ebur128(audio: Audio) -> Iterator[float]:
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
