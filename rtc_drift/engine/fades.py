"""Straight ramps and equal-power fades, sample by sample."""

import numpy as np
from numpy.typing import NDArray

from rtc_drift.engine.protocol.plays import Fade, Play

DECLICK = 240
"""Samples (5 ms) of the ramp where sound starts or stops unplanned: too long for a click, too short to seem a fade."""


def ramp(first: int, count: int, length: int, step: int = 1) -> NDArray[np.float32]:
    """Return `x / length` for `count` values of x, `step` apart from `first`, clipped to 0…1: `(count, 1) float32`."""
    return np.clip((first + step * np.arange(count)) / max(length, 1), 0, 1).astype(np.float32)[:, None]


def envelope(play: Play, media_time: int, count: int) -> NDArray[np.float32]:
    """Return a play's gain times its fades from `media_time` on: `(count, 1) float32`, or `(1, 1)` if constant."""
    gain = np.full((1, 1), play.gain, np.float32)
    if play.fade_in and media_time < play.start + play.fade_in:
        gain = gain * quarter_sine(media_time - play.start, count, play.fade_in)
    for fade in (play.fade_out, play.hush):
        if fade is not None and media_time + count > fade.start:
            gain = gain * fade_gain(fade, media_time, count)
    return gain


def fade_gain(fade: Fade, media_time: int, count: int) -> NDArray[np.float32]:
    """Return the gain of a fade-out from `media_time` on: `(count, 1) float32`."""
    if fade.length == 0:
        return (np.arange(media_time, media_time + count) < fade.start).astype(np.float32)[:, None]
    return quarter_sine(fade.end - media_time, count, fade.length, step=-1)


def quarter_sine(first: int, count: int, length: int, step: int = 1) -> NDArray[np.float32]:
    """Return `sin(π/2 · x/length)` for `count` values of x, `step` apart from `first` on, x clipped to 0…length.

    The shape is `(count, 1) float32`. A rising and a falling one sum to constant power.
    """
    return np.asarray(np.sin(np.pi / 2 * ramp(first, count, length, step)), np.float32)
