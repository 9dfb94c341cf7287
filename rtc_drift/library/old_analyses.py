"""Analyses as versions 1 to 3 of the catalogue have them: JSON. Nothing in them is believed."""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rtc_drift.analysis.model import CURVES, Analysis
from rtc_drift.library.stored import check_curves
from rtc_drift.library.stored_curves import MAX_NUMBERS, packed
from rtc_drift.library.stored_numbers import numbers_to_store

_MAX_SUMMARY_BYTES = 1 << 16
"""Most bytes of an analysis without beats and curves; it takes about two kilobytes."""
_MAX_CURVES_BYTES = 1 << 26
"""Most bytes of beats and curves; three hours of music take a megabyte."""
_Numbers = Annotated[list[float], Field(max_length=MAX_NUMBERS)]


class _Curves(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    beats_seconds: _Numbers
    downbeats_seconds: _Numbers
    attacks_seconds: _Numbers
    short_term_lufs: _Numbers
    momentary_lufs: _Numbers
    heard_bass: _Numbers


def converted(summary: object, curves: object) -> tuple[str | None, str | None, bytes, bytes]:
    """Return key, Camelot code, numbers and curves of an old analysis as they are stored now. Raises ValueError."""
    if not isinstance(summary, bytes) or len(summary) > _MAX_SUMMARY_BYTES:
        raise ValueError("not an analysis")
    if not isinstance(curves, bytes) or len(curves) > _MAX_CURVES_BYTES:
        raise ValueError("no curves")
    analysis = Analysis.model_validate_json(summary)
    found = _Curves.model_validate_json(curves)
    arrays = {name: np.array(getattr(found, name), np.float64) for name in CURVES}
    check_curves(arrays)
    return analysis.key, analysis.camelot, numbers_to_store(analysis), packed(arrays)
