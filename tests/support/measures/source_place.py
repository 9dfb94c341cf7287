"""The place of a source in a mix, and whether its samples are unchanged."""

from dataclasses import dataclass

import numpy as np

from rtc_drift.media import SAMPLE_RATE, Audio
from tests.support.audio_checks import lag_of

_EXCERPT = SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """The place of a source in a mix, in samples of the mix."""

    position: int
    """Position of the source's first sample: negative if the mix begins later."""
    start: int
    """The first sample at which the source sounds."""
    end: int
    """The sample after the last one at which it sounds."""


def greatest_difference(mix: Audio, source: Audio, gain: float = 1.0) -> float:
    """Return the largest difference between the mix and `gain` times the source, of the same length; linear."""
    if not len(mix):
        return 0.0
    block = 10 * SAMPLE_RATE
    starts = range(0, len(mix), block)
    return max(float(np.abs(mix[at : at + block] - np.float32(gain) * source[at : at + block]).max()) for at in starts)


def find_source(mix: Audio, source: Audio, gain: float = 1.0, *, probe_at: int | None = None) -> SourcePlace:
    """Find where a source begins and ends in a mix that plays it at its own speed, at `gain` when it is not faded.

    The position is found by one second of the source: that from sample `probe_at` on, or the loudest (or all of it, if
    it is shorter). All of that second must be in the mix; in a loop, another repetition may be found. The source starts
    at the sample from which adding it explains the mix better than leaving it out: for a cut exactly that sample, if
    the source is not silent there and nothing else sounds; for a fade where it passes half the amplitude; below other
    music of the same loudness within some 10 ms.
    """
    excerpt = _loudest(source) if probe_at is None else probe_at
    position = lag_of(source[excerpt : excerpt + _EXCERPT], mix) - excerpt
    first, last = max(position, 0), min(position + len(source), len(mix))
    there = source[first - position : last - position].astype(np.float64) * gain
    evidence = (2 * mix[first:last] * there - np.square(there)).sum(axis=1)
    total = np.concatenate(((0.0,), np.cumsum(evidence)))
    middle = min(max(position + excerpt + min(_EXCERPT, len(source)) // 2 - first, 0), len(evidence))
    start = middle - int(np.argmin(total[: middle + 1][::-1]))
    return SourcePlace(position, first + start, first + middle + int(np.argmax(total[middle:])))


def source_start(mix: Audio, source: Audio, gain: float = 1.0, *, probe_at: int | None = None) -> int:
    """Return the first sample of the mix at which the source sounds: see `find_source`."""
    return find_source(mix, source, gain, probe_at=probe_at).start


def source_end(mix: Audio, source: Audio, gain: float = 1.0, *, probe_at: int | None = None) -> int:
    """Return the sample of the mix after the last at which the source sounds: see `find_source`."""
    return find_source(mix, source, gain, probe_at=probe_at).end


def _loudest(source: Audio) -> int:
    """Return the sample at which the second with the most power begins."""
    energy = np.concatenate(((0.0,), np.cumsum(np.square(source, dtype=np.float64).sum(axis=1))))
    return int(np.argmax(energy[_EXCERPT:] - energy[:-_EXCERPT])) if len(source) > _EXCERPT else 0
