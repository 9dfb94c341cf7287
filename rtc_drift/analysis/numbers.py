"""The numbers of an analysis as one row: all that it holds but its key, its beats and its curves."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.model import MAX_AMOUNT, Analysis, Cues, Features

TIMBRES = 24
"""Number of timbre features."""
_OWN = (
    *("tempo_bpm", "tempo_confidence", "beats_confidence", "phrases_confidence", "key_confidence"),
    *("integrated_lufs", "loudness_range_lu", "true_peak_dbtp"),
)
_CUES = tuple(Cues.model_fields)
_SCALARS = tuple(name for name in Features.model_fields if name != "timbre")
_TIMBRE = tuple(f"timbre {number}" for number in range(1, TIMBRES + 1))
NUMBERS = (*_OWN, *_CUES, *_SCALARS, *_TIMBRE)
"""Names of the numbers, in the order in which they are stored. `tempo_bpm` is NaN without a beat.

Another order needs another version of the analysis.
"""
COLUMN: Mapping[str, int] = {name: column for column, name in enumerate(NUMBERS)}
"""Place of each number in the row, by its name."""


def _bounds(name: str) -> tuple[float, float]:
    """Return the least and the greatest number of the model by that name."""
    if name in _TIMBRE:
        return -MAX_AMOUNT, MAX_AMOUNT
    field = next(model.model_fields[name] for model in (Analysis, Cues, Features) if name in model.model_fields)
    found = {kind: getattr(bound, kind) for bound in field.metadata for kind in _KINDS if hasattr(bound, kind)}
    return found["ge"] if "ge" in found else math.nextafter(found["gt"], math.inf), found["le"]


_KINDS = ("ge", "gt", "le")
_LEAST, _GREATEST = np.array([_bounds(name) for name in NUMBERS]).T


def are_valid(numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return for each row of numbers `(tracks, 50)` if an analysis can hold it: `(tracks,)`."""
    is_within = (numbers >= _LEAST) & (numbers <= _GREATEST)  # false for NaN
    is_within[:, COLUMN["tempo_bpm"]] |= np.isnan(numbers[:, COLUMN["tempo_bpm"]])
    return np.asarray(is_within.all(axis=1))


def numbers_of(analysis: Analysis) -> NDArray[np.float64]:
    """Return the numbers of an analysis in the order of `NUMBERS`: `(50,)`."""
    own = (np.nan if (value := getattr(analysis, name)) is None else value for name in _OWN)
    cues = (getattr(analysis.cues, name) for name in _CUES)
    scalars = (getattr(analysis.features, name) for name in _SCALARS)
    return np.array([*own, *cues, *scalars, *analysis.features.timbre], np.float64)


def analysis_of(numbers: NDArray[np.float64], key: str | None, camelot: str | None, **curves: Any) -> Analysis:
    """Return the analysis of some numbers `(50,)`, a key and curves. Raises ValueError for what none can hold."""
    if len(numbers) != len(NUMBERS):
        raise ValueError("not the numbers of an analysis")
    found: dict[str, float | None] = dict(zip(NUMBERS, numbers.tolist(), strict=True))
    if np.isnan(numbers[COLUMN["tempo_bpm"]]):
        found["tempo_bpm"] = None
    features = {name: found[name] for name in _SCALARS} | {"timbre": tuple(found[name] for name in _TIMBRE)}
    own = {name: found[name] for name in _OWN}
    cues = {name: found[name] for name in _CUES}
    return Analysis.model_validate(
        {**own, "key": key, "camelot": camelot, "cues": cues, "features": features, **curves}
    )
