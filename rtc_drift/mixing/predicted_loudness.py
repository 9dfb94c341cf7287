"""The loudness to expect in overlaps of two tracks, many at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rtc_drift.mixing.loudness_curve import LoudnessCurve
from rtc_drift.mixing.shapes import Shape

Floats = NDArray[np.float64]

_UNNOTICED_LU = 0.4
"""Excursion of loudness that nobody notices."""
_COST = 2.0
"""Cost of each LU beyond that."""
_WINDOW = 3.0
"""Window of short-term loudness in seconds (EBU R128)."""
_CONTEXT_SECONDS = 10.0
"""Time before and after a transition with which its loudness is compared."""
_STEP = 0.2
"""Resolution in seconds."""
_SILENCE = 1e-7
_FAR = 1e3
_QUIET_LUFS = -40.0
"""Loudness, relative to the track's, below which a moment is no usual one."""


def loudness_cost(excursion_lu: float) -> float:
    """Return the cost of an excursion in LU, which is that of all transitions whatever their style."""
    return _COST * max(excursion_lu - _UNNOTICED_LU, 0.0)


def excursion(outgoing: LoudnessCurve, incoming: LoudnessCurve, leave: float, enter: float, shape: Shape) -> float:
    """Return the excursion of one overlap at both tracks' own tempo; see `excursions`."""
    found = excursions(outgoing, incoming, np.array([leave]), np.array([enter]), [shape], np.ones(1))
    return float(found[0])


def excursions(
    outgoing: LoudnessCurve,
    incoming: LoudnessCurve,
    leave: Floats,
    enter: Floats,
    shapes: Sequence[Shape],
    ratios: Floats,
) -> Floats:
    """Return how far (in LU) short-term loudness leaves, in each overlap, the range that it has before and after.

    Predicts the measure of `tests/support/measures/loudness.py` from momentary loudness; 0 if neither is known.

    Args:
        outgoing: loudness of the outgoing track.
        incoming: loudness of the incoming track.
        leave: seconds of the outgoing file at which the overlaps start, `(n,)`.
        enter: seconds of the incoming file at which it enters, `(n,)`.
        shapes: the `n` shapes of the overlaps.
        ratios: speeds of the incoming track during the overlaps, `(n,)`.
    """
    if not (outgoing.is_known or incoming.is_known) or not len(shapes):
        return np.zeros(len(shapes))
    ends = np.array([it.ends for it in shapes])
    time = np.arange(-_CONTEXT_SECONDS, ends.max() + _CONTEXT_SECONDS, _STEP) + _STEP / 2
    since = time - np.array([it.delay for it in shapes])[:, None]
    entered = enter[:, None] + np.clip(since, 0, ends[:, None]) * ratios[:, None]
    entered += np.maximum(since - ends[:, None], 0)
    falling = 1 - _rising(time, np.array([it.falls() for it in shapes]))
    rising = _rising(time, np.array([it.rises() for it in shapes])) * (since >= 0)[..., None]
    leaving = outgoing.bands_at(leave[:, None] + time) * falling
    power = (leaving + incoming.bands_at(np.where(since < 0, -1.0, entered)) * rising).sum(axis=-1)
    return _outside_the_range(power, ends)


def _rising(time: Floats, windows: Floats) -> Floats:
    """Return the power of quarter-sine rises: `(n, t, 3)` from 0 to 1, for `windows` of shape `(n, 3, 2)`."""
    start, end = windows[:, None, :, 0], windows[:, None, :, 1]
    share = (time[None, :, None] - start) / np.maximum(end - start, 1e-6)
    return np.asarray(np.sin(np.pi / 2 * np.clip(share, 0, 1)) ** 2)


def _outside_the_range(power: Floats, ends: Floats) -> Floats:
    """Return how far (in LU) loudness from second 0 to `ends` leaves its range outside of it; `power` is the mix's."""
    width = round(_WINDOW / _STEP)
    sums = np.concatenate((np.zeros((len(power), 1)), np.cumsum(power, axis=1)), axis=1)
    loudness = 10 * np.log10((sums[:, width:] - sums[:, :-width]) / width + _SILENCE)
    begins = np.arange(loudness.shape[1]) * _STEP - _CONTEXT_SECONDS
    after = begins >= ends[:, None] - 1e-6
    # Overlaps of one call differ in length: what comes more than ten seconds after one of them does not count.
    outside = (begins + _WINDOW <= 1e-6) | (after & (begins <= ends[:, None] + _CONTEXT_SECONDS - _WINDOW + 1e-6))
    usual = outside & (loudness > _QUIET_LUFS)
    within = ~after & (begins + _WINDOW > 1e-6)
    loudest = np.where(usual, loudness, -_FAR).max(axis=1)
    quietest = np.where(usual, loudness, _FAR).min(axis=1)
    above = np.where(within, loudness, -_FAR).max(axis=1) - loudest
    below = quietest - np.where(within, loudness, _FAR).min(axis=1)
    is_known = usual.any(axis=1) & within.any(axis=1)
    return np.where(is_known, np.maximum(np.maximum(above, below), 0), 0.0)
