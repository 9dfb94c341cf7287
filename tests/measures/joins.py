"""Where a source is in a mix, and whether its samples are there unchanged."""

from dataclasses import dataclass

import numpy as np

from rtc_drift.media import SAMPLE_RATE, Audio
from tests.listening import lag_of

_EXCERPT = SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Heard:
    """From where to where a source is heard in a mix, in samples of the mix."""

    position: int
    """Where the source's first sample is, or would be: negative if the mix begins later."""
    start: int
    end: int
    """The sample after the last one."""


def same_samples(mix: Audio, source: Audio, gain: float = 1.0) -> float:
    """The largest difference between the mix and `gain` times the source, of the same length; linear."""
    if not len(mix):
        return 0.0
    block = 10 * SAMPLE_RATE
    starts = range(0, len(mix), block)
    return max(float(np.abs(mix[at : at + block] - np.float32(gain) * source[at : at + block]).max()) for at in starts)


def heard(mix: Audio, source: Audio, gain: float = 1.0, *, surely: int | None = None) -> Heard:
    """Where a source begins and ends to be heard in a mix that plays it at its own speed, at `gain` when it is full.

    The source is found by the second that begins at its sample `surely`, or else by its loudest (or all of it, if it is
    shorter), all of which must be in the mix: of loops the wrong round is found otherwise. It is heard from the sample
    on from which adding it explains the mix better than leaving it out: of a cut exactly that sample if the source is
    not silent there and nothing else sounds; of a fade where it passes half the amplitude; with other music as loud
    below it, within some 10 ms.
    """
    excerpt = _loudest(source) if surely is None else surely
    position = lag_of(source[excerpt : excerpt + _EXCERPT], mix) - excerpt
    first, last = max(position, 0), min(position + len(source), len(mix))
    there = source[first - position : last - position].astype(np.float64) * gain
    evidence = (2 * mix[first:last] * there - np.square(there)).sum(axis=1)
    total = np.concatenate(((0.0,), np.cumsum(evidence)))
    middle = min(max(position + excerpt + min(_EXCERPT, len(source)) // 2 - first, 0), len(evidence))
    start = middle - int(np.argmin(total[: middle + 1][::-1]))
    return Heard(position, first + start, first + middle + int(np.argmax(total[middle:])))


def heard_start(mix: Audio, source: Audio, gain: float = 1.0, *, surely: int | None = None) -> int:
    """The first sample of the mix in which the source is heard: see `heard`."""
    return heard(mix, source, gain, surely=surely).start


def heard_end(mix: Audio, source: Audio, gain: float = 1.0, *, surely: int | None = None) -> int:
    """The sample of the mix from which on the source is not heard any more: see `heard`."""
    return heard(mix, source, gain, surely=surely).end


def _loudest(source: Audio) -> int:
    """Where the second with the most power begins."""
    energy = np.concatenate(((0.0,), np.cumsum(np.square(source, dtype=np.float64).sum(axis=1))))
    return int(np.argmax(energy[_EXCERPT:] - energy[:-_EXCERPT])) if len(source) > _EXCERPT else 0
