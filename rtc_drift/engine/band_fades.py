"""The gains of the three bands of a play, and the way into the split sound and out of it."""

import numpy as np
from numpy.typing import NDArray

from rtc_drift.engine.fades import quarter_sine, ramp
from rtc_drift.engine.protocol.plays import Play

JOINT = 1_440
"""Samples (30 ms) of the crossfade between the sound itself and the sum of its bands, whose phases differ."""
# Kick drums on the same beat add up, so their gains sum to 1; other sounds keep their power.
_SHAPES = (ramp, quarter_sine, quarter_sine)


def band_gains(play: Play, media_time: int, count: int) -> NDArray[np.float32]:
    """Return the gains of low, mid and high from `media_time` on: `(count, 3) float32`."""
    gains = np.ones((count, 3), np.float32)
    for number, shape in enumerate(_SHAPES):
        if play.bands_in is not None:
            fade = (play.bands_in.low, play.bands_in.mid, play.bands_in.high)[number]
            gains[:, number : number + 1] *= shape(media_time - fade.start, count, fade.length)
        if play.bands_out is not None:
            fade = (play.bands_out.low, play.bands_out.mid, play.bands_out.high)[number]
            gains[:, number : number + 1] *= shape(fade.end - media_time, count, fade.length, step=-1)
    return gains


def split_share(play: Play, media_time: int, count: int) -> NDArray[np.float32]:
    """Return the share of the split sound from `media_time` on, `(count, 1) float32`; the rest is the sound itself.

    It is 1 while a band is held back, and changes where all bands have nearly all of their power.
    """
    share = np.zeros((count, 1), np.float32)
    if play.bands_in is not None:
        share = ramp(play.bands_in.end - media_time, count, JOINT, step=-1)
    if play.bands_out is not None:
        share = np.maximum(share, ramp(media_time - play.bands_out.start, count, JOINT))
    return share
