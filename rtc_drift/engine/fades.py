"""Straight ramps, sample by sample."""

import numpy as np
from numpy.typing import NDArray

from rtc_drift.engine.protocol.plays import Fade, Play

DECLICK = 240
"""Samples (5 ms) over which sound starts or stops where nothing was planned: no click, and no fade to be heard."""


def ramp(first: int, count: int, length: int, step: int = 1) -> NDArray[np.float32]:
    """`x / length` for `count` values of x from `first` on, held at 0 and 1: `(count, 1) float32`."""
    return np.clip((first + step * np.arange(count)) / max(length, 1), 0, 1).astype(np.float32)[:, None]


def envelope(play: Play, media_time: int, count: int) -> NDArray[np.float32]:
    """Gain of a play from `media_time` on, its level times both fades: `(count, 1) float32`, `(1, 1)` if constant."""
    gain = np.full((1, 1), play.gain, np.float32)
    if play.fade_in and media_time < play.start + play.fade_in:
        gain = gain * _quarter_sine(media_time - play.start, count, play.fade_in)
    for fade in (play.fade_out, play.hush):
        if fade is not None and media_time + count > fade.start:
            gain = gain * fading(fade, media_time, count)
    return gain


def fading(fade: Fade, media_time: int, count: int) -> NDArray[np.float32]:
    """Gain of a fade from `media_time` on: `(count, 1) float32`."""
    if fade.length == 0:
        return (np.arange(media_time, media_time + count) < fade.start).astype(np.float32)[:, None]
    return _quarter_sine(fade.end - media_time, count, fade.length, step=-1)


def _quarter_sine(first: int, count: int, length: int, step: int = 1) -> NDArray[np.float32]:
    """`sin(π/2 · x/length)` for `count` values of x from `first` on, held at 0 and 1 outside: `(count, 1) float32`.

    Two of them, one rising and one falling, sum to constant power.
    """
    return np.asarray(np.sin(np.pi / 2 * ramp(first, count, length, step)), np.float32)
