"""Bends two passages onto each other, bar by bar: the incoming track alone, or both where their tempi are far apart.

Where both are bent, the tempo moves evenly over the overlap from the one to the other, as DJs move it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.media import SAMPLE_RATE
from rtc_drift.stretching.warp import SHORTEST_GLIDE, Warp

Floats = NDArray[np.float64]

EXACT_SECONDS = 0.004
"""Greatest distance between bar lines that are played as they are."""
_BOTH_FROM = 0.025
"""Difference of tempi (as a ratio) from which on both tracks are bent."""
_GLIDE_BARS = 8
"""Bars in which the incoming track returns to its own tempo, where it alone was bent."""


@dataclass(frozen=True, slots=True)
class Bent:
    """Two passages of which the bars fall on each other."""

    length: float
    """Length of the overlap in seconds of the programme."""
    lead: Warp | None
    """Warp of the incoming track; None if it plays as it is."""
    lead_out: Warp | None
    """Warp of the outgoing track; None if it plays as it is."""
    ratio: float
    """Mean speed of the incoming track in the overlap."""
    outgoing_ratio: float
    """Mean speed of the outgoing track."""


def are_equal(out_times: Floats, in_times: Floats) -> NDArray[np.bool_]:
    """Return for each row if its bar lines, `(n, bars + 1)` in seconds of both files, need no bending."""
    apart = (in_times - in_times[:, :1]) - (out_times - out_times[:, :1])
    return np.asarray((np.abs(apart) <= EXACT_SECONDS).all(axis=1))


def bar_lines(out_times: Floats, in_times: Floats) -> Floats:
    """Return the bar lines of an overlap in seconds after its start, `(bars + 1,)`, by those of both files."""
    if not _bends_both(out_times, in_times):
        return np.asarray(out_times - out_times[0])
    outs, ins = np.diff(out_times), np.diff(in_times)
    share = (np.arange(len(outs)) + 0.5) / len(outs)
    return np.concatenate(((0.0,), np.cumsum(outs ** (1 - share) * ins**share)))


def bend(out_times: Floats, in_times: Floats) -> Bent:
    """Bend two passages, given by their bar lines, `(bars + 1,)` in seconds of both files."""
    outs, ins = out_times[-1] - out_times[0], in_times[-1] - in_times[0]
    if are_equal(out_times[None], in_times[None])[0]:
        return Bent(float(outs), None, None, 1.0, 1.0)
    lines = bar_lines(out_times, in_times)
    length = float(lines[-1])
    is_both = _bends_both(out_times, in_times)
    glide = SHORTEST_GLIDE if is_both else round(_GLIDE_BARS * ins / (len(in_times) - 1) * SAMPLE_RATE)
    outputs = (lines * SAMPLE_RATE).tolist()
    lead = Warp.from_beats(outputs, (in_times * SAMPLE_RATE).tolist(), glide, beats_per_bar=1)
    lead_out = Warp.leaving(outputs, (out_times * SAMPLE_RATE).tolist()) if is_both else None
    return Bent(length, lead, lead_out, float(ins / length), float(outs / length))


def _bends_both(out_times: Floats, in_times: Floats) -> bool:
    return bool(abs((in_times[-1] - in_times[0]) / (out_times[-1] - out_times[0]) - 1) > _BOTH_FROM)
