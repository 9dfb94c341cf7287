"""The numbers of an analysis as one row: all that it holds but its key, its beats and its curves."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.model import Analysis, Cues, Features

TIMBRES = 24
"""Number of timbre features."""
_OWN = (
    *("tempo_bpm", "tempo_confidence", "beats_confidence", "key_confidence"),
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


def numbers_of(analysis: Analysis) -> NDArray[np.float64]:
    """Return the numbers of an analysis in the order of `NUMBERS`: `(49,)`."""
    own = (np.nan if (value := getattr(analysis, name)) is None else value for name in _OWN)
    cues = (getattr(analysis.cues, name) for name in _CUES)
    scalars = (getattr(analysis.features, name) for name in _SCALARS)
    return np.array([*own, *cues, *scalars, *analysis.features.timbre], np.float64)


def analysis_of(numbers: NDArray[np.float64], key: str | None, camelot: str | None, **curves: Any) -> Analysis:
    """Return the analysis of some numbers `(49,)`, a key and curves. Raises ValueError for what none can hold."""
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
