"""Reads what the catalogue's rows hold, and believes none of it: values that no probe or analysis gives are refused.

So one unreadable row costs one track's probing or analysis, and can't stop a programme.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.model import CURVES, Analysis
from rtc_drift.library.track import MAX_SECONDS, Track

MAX_SUMMARY_BYTES = 1 << 16
"""Most bytes of an analysis without beats and curves; it takes about two kilobytes."""
MAX_CURVES_BYTES = 1 << 26
"""Most bytes of beats and curves; three hours of music take a megabyte."""
MAX_REASON_CHARACTERS = 500
MAX_TAG_CHARACTERS = 1_000
"""Greatest length of a tag; a probe gives half of that at most."""
TRACK_COLUMNS = tuple(name for name in Track.model_fields if name != "path")
"""Names of a stored track's columns."""
END_TOLERANCE_SECONDS = 1.0
"""Seconds by which the last sound may lie behind the end."""
_BEAT_TOLERANCE_SECONDS = 1e-3
_LOUDNESS = (-1_000.0, 100.0)
"""Least and greatest loudness in LUFS."""


def path_of(stored: object) -> Path:
    """Return a stored path. Raises ValueError."""
    if not isinstance(stored, bytes) or b"\0" in stored:
        raise ValueError("not a path")
    return Path(os.fsdecode(stored))


def text_of(stored: object) -> str:
    """Return stored text, whatever it is, cut to a reasonable length."""
    text = stored.decode("utf-8", "replace") if isinstance(stored, bytes) else str(stored)
    return text[:MAX_REASON_CHARACTERS]


def id_of(stored: object) -> str:
    """Return a stored id. Raises ValueError."""
    if not isinstance(stored, bytes):
        raise ValueError("not an id")
    return stored.decode()


def track_of(path: object, values: Sequence[object]) -> Track:
    """Return a stored track; `values` are its columns. Raises ValueError."""
    track = Track.model_validate({"path": path_of(path), **dict(zip(TRACK_COLUMNS, values, strict=True))})
    end = track.duration_seconds + END_TOLERANCE_SECONDS
    if not track.first_sound_seconds <= track.last_sound_seconds <= end:
        raise ValueError("the sound is not within the track")
    if max(len(track.title), len(track.artist), len(track.album), len(track.genre)) > MAX_TAG_CHARACTERS:
        raise ValueError("a tag is too long")
    return track


def summary_of(summary: object) -> Analysis:
    """Return a stored analysis without beats and curves. Raises ValueError."""
    if not isinstance(summary, bytes) or len(summary) > MAX_SUMMARY_BYTES:
        raise ValueError("not an analysis")
    analysis = Analysis.model_validate_json(summary)
    if any(getattr(analysis, name) for name in CURVES):
        raise ValueError("the curves are elsewhere")
    return analysis


def analysis_of(summary: object, curves: object) -> Analysis:
    """Return a stored analysis with beats and curves. Raises ValueError."""
    if not isinstance(curves, bytes) or len(curves) > MAX_CURVES_BYTES:
        raise ValueError("no curves")
    try:
        found = json.loads(curves)
    except RecursionError:
        raise ValueError("not curves") from None
    if not isinstance(found, dict) or set(found) != set(CURVES):
        raise ValueError("not the curves of an analysis")
    arrays = {name: _numbers(values) for name, values in found.items()}
    _check(**arrays)
    return summary_of(summary).model_copy(update={name: tuple(values.tolist()) for name, values in arrays.items()})


def _numbers(values: object) -> NDArray[np.float64]:
    if not isinstance(values, list) or not all(type(value) in (float, int) for value in values):
        raise ValueError("not numbers")
    try:
        return np.array(values, np.float64)
    except OverflowError:
        raise ValueError("a number is too great") from None


def _check(**curves: Any) -> None:
    beats, downbeats = curves["beats_seconds"], curves["downbeats_seconds"]
    attacks, bass = curves["attacks_seconds"], curves["heard_bass"]
    for times in (beats, downbeats):
        if not (np.diff(times) > 0).all():
            raise ValueError("beats are not in order")
    for times in (beats, downbeats, attacks):
        _check_range(times, 0, MAX_SECONDS)
    if len(attacks) > len(beats) or (len(downbeats) and not _are_among(downbeats, beats)):
        raise ValueError("bars and attacks are not those of the beats")
    for loudness in (curves["short_term_lufs"], curves["momentary_lufs"]):
        _check_range(loudness, *_LOUDNESS)
    _check_range(bass, 0, 1)
    if len(bass) not in (0, len(curves["momentary_lufs"])):
        raise ValueError("the curves are not of one track")


def _check_range(values: NDArray[np.float64], least: float, greatest: float) -> None:
    if not ((values >= least) & (values <= greatest)).all():  # false for NaN
        raise ValueError("a number is out of range")


def _are_among(times: NDArray[np.float64], beats: NDArray[np.float64]) -> bool:
    """Return True if each time is that of a beat; both ascend."""
    if not len(beats):
        return False
    after = np.searchsorted(beats, times - _BEAT_TOLERANCE_SECONDS).clip(max=len(beats) - 1)
    return bool((np.abs(beats[after] - times) <= _BEAT_TOLERANCE_SECONDS).all())
