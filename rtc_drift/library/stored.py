"""Reads what the catalogue's rows hold, and believes none of it: values that no probe or analysis gives are refused.

So one unreadable row costs one track's probing or analysis, and can't stop a programme.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rtc_drift.analysis.curves import CURVES, curves_of, fields_of
from rtc_drift.analysis.model import MAX_AMOUNT, PITCH_CLASSES, ROLES, Analysis
from rtc_drift.analysis.numbers import analysis_of as numbers_analysis
from rtc_drift.library.stored_curves import Curves, packed, unpacked
from rtc_drift.library.stored_numbers import name_of, row_of
from rtc_drift.library.track import MAX_SECONDS, Track

MAX_REASON_CHARACTERS = 500
MAX_TAG_CHARACTERS = 1_000
"""Greatest length of a tag; a probe gives half of that at most."""
TRACK_COLUMNS = tuple(name for name in Track.model_fields if name != "path")
"""Names of a stored track's columns."""
END_TOLERANCE_SECONDS = 1.0
"""Seconds by which the last sound may lie behind the end."""
_TIMES, _LUFS, _SHARE = (0.0, MAX_SECONDS), (-1_000.0, 100.0), (0.0, 1.0)
_BOUNDS = {
    **dict.fromkeys(("section_starts", "beats_seconds", "downbeats_seconds", "phrases_seconds"), _TIMES),
    "section_roles": (0.0, len(ROLES) - 1.0),
    "section_energies": (-MAX_AMOUNT, MAX_AMOUNT),
    "attacks_seconds": _TIMES,
    "short_term_lufs": _LUFS,
    "momentary_lufs": _LUFS,
    **dict.fromkeys(("section_drums", "heard_bass", "heard_highs", "chroma"), _SHARE),
}
_LEAST, _GREATEST = np.array([_BOUNDS[name] for name in CURVES]).T
"""Bounds of the curves, in the order of `CURVES`."""


def path_of(stored: object) -> Path:
    """Return a stored path. Raises ValueError."""
    if not isinstance(stored, bytes) or b"\0" in stored:
        raise ValueError("not a path")
    return Path(os.fsdecode(stored))


def text_of(stored: object) -> str:
    """Return stored text, whatever it is, cut to a reasonable length."""
    text = stored.decode("utf-8", "replace") if isinstance(stored, bytes) else str(stored)
    return text[:MAX_REASON_CHARACTERS]


def track_of(path: object, values: Sequence[object]) -> Track:
    """Return a stored track; `values` are its columns. Raises ValueError."""
    track = Track.model_validate({"path": path_of(path), **dict(zip(TRACK_COLUMNS, values, strict=True))})
    end = track.duration_seconds + END_TOLERANCE_SECONDS
    if not track.first_sound_seconds <= track.last_sound_seconds <= end:
        raise ValueError("the sound is not within the track")
    if max(len(track.title), len(track.artist), len(track.album), len(track.genre)) > MAX_TAG_CHARACTERS:
        raise ValueError("a tag is too long")
    return track


def analysis_of(numbers: object, key: object, camelot: object, curves: object) -> Analysis:
    """Return a stored analysis. Raises ValueError."""
    found = unpacked(curves)
    check_curves(found)
    analysis = numbers_analysis(row_of(numbers), name_of(key), name_of(camelot))
    return analysis.model_copy(update=fields_of({name: it.tolist() for name, it in found.by_name().items()}))


def curves_to_store(analysis: Analysis) -> bytes:
    """Return the curves of an analysis as they are stored. Raises ValueError if they would be refused when read."""
    curves = Curves.of(curves_of(analysis))
    check_curves(curves)
    return packed(curves)


def check_curves(curves: Curves) -> None:
    """Raise ValueError for curves that no analysis gives. The order of beats and bars is that of `stored_curves`."""
    if not ((curves.values >= curves.for_each(_LEAST)) & (curves.values <= curves.for_each(_GREATEST))).all():
        raise ValueError("a number is out of range")  # or NaN
    counts: dict[str, int] = dict(zip(CURVES, curves.counts.tolist(), strict=True))
    if counts["attacks_seconds"] > counts["beats_seconds"] or counts["chroma"] % PITCH_CLASSES:
        raise ValueError("the curves are not of one track")
    if any(counts[name] not in (0, counts["momentary_lufs"]) for name in ("heard_bass", "heard_highs")):
        raise ValueError("the curves are not of one track")
    if len({counts[name] for name in CURVES if name.startswith("section")}) > 1:
        raise ValueError("the sections are not whole")
