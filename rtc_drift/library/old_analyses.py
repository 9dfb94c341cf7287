"""Analyses as versions 1 to 3 of the catalogue have them: JSON. Nothing in them is believed."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from rtc_drift.analysis.model import CURVES, Analysis
from rtc_drift.library.stored import check_curves
from rtc_drift.library.stored_curves import MAX_NUMBERS, Curves, packed
from rtc_drift.library.stored_numbers import numbers_to_store

_MAX_SUMMARY_BYTES = 1 << 16
"""Most bytes of an analysis without beats and curves; it takes about two kilobytes."""
_MAX_CURVES_BYTES = 1 << 26
"""Most bytes of beats and curves; three hours of music take a megabyte."""
_Numbers = Annotated[list[float], Field(max_length=MAX_NUMBERS)]
Converted = tuple[str | None, str | None, bytes, bytes]
"""Key, Camelot code, numbers and curves of an analysis as they are stored now."""


class _Curves(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    beats_seconds: _Numbers
    downbeats_seconds: _Numbers
    attacks_seconds: _Numbers
    short_term_lufs: _Numbers
    momentary_lufs: _Numbers
    heard_bass: _Numbers


def converted(rows: Sequence[tuple[object, object]]) -> list[Converted | None]:
    """Convert old analyses, given as summary and curves. Those that can't be read become None.

    They are converted at once, which is faster; if one of them is wrong or they are long, one after the other.
    """
    read = [_read(*row) for row in rows]
    readable = [row for row in read if row is not None]
    try:
        if sum(len(curve) for _, curves in readable for curve in curves) > MAX_NUMBERS and len(rows) > 1:
            raise ValueError("long")
        curves = Curves.of(curves for _, curves in readable)
        check_curves(curves)
        data = iter(packed(curves))
    except ValueError:
        return [None] if len(rows) == 1 else [converted([row])[0] for row in rows]
    return [None if row is None else (row[0].key, row[0].camelot, numbers_to_store(row[0]), next(data)) for row in read]


def _read(summary: object, curves: object) -> tuple[Analysis, list[list[float]]] | None:
    if not isinstance(summary, bytes) or len(summary) > _MAX_SUMMARY_BYTES:
        return None
    if not isinstance(curves, bytes) or len(curves) > _MAX_CURVES_BYTES:
        return None
    try:
        found = _Curves.model_validate_json(curves)
        return Analysis.model_validate_json(summary), [getattr(found, name) for name in CURVES]
    except ValueError:
        return None
