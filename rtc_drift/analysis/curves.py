"""The long fields of an analysis as lists of numbers: all that the choice of tracks doesn't need."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rtc_drift.analysis.model import ROLES, Analysis, Section

_SECTIONS = ("section_starts", "section_roles", "section_energies", "section_drums")
_PLAIN = (
    *("beats_seconds", "downbeats_seconds", "phrases_seconds", "attacks_seconds"),
    *("short_term_lufs", "momentary_lufs", "heard_bass", "heard_highs", "chroma"),
)
CURVES = (*_SECTIONS, *_PLAIN)
"""Names of the curves, in the order in which they are stored. Another order needs another version of the analysis."""
FIELDS = (*_PLAIN, "sections")
"""Fields of an `Analysis` that the curves hold."""
CHROMA_STEPS = 15
"""Number of steps from 0 to 1 of the strength of a pitch class."""
_STRENGTHS = tuple(round(step / CHROMA_STEPS, 2) for step in range(CHROMA_STEPS + 1))


def curves_of(analysis: Analysis) -> list[Sequence[float]]:
    """Return the curves of an analysis in the order of `CURVES`."""
    sections = analysis.sections
    return [
        [it.starts_seconds for it in sections],
        [ROLES.index(it.role) for it in sections],
        [it.energy for it in sections],
        [it.drums for it in sections],
        *(getattr(analysis, name) for name in _PLAIN),
    ]


def fields_of(curves: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Return the fields of an analysis from its curves, by their names. Raises ValueError for what none can hold."""
    fields: dict[str, Any] = {name: tuple(curves[name]) for name in _PLAIN}
    fields["chroma"] = chroma_of(round(value * CHROMA_STEPS) for value in curves["chroma"])
    rows = zip(*(curves[name] for name in _SECTIONS), strict=True)
    fields["sections"] = tuple(
        Section(starts_seconds=start, role=ROLES[round(role)], energy=energy, drums=drums)
        for start, role, energy, drums in rows
    )
    return fields


def chroma_of(steps: Iterable[int]) -> tuple[float, ...]:
    """Return strengths in fifteenths as numbers from 0 to 1, to two decimals.

    One object stands for all equal ones: of thousands of numbers, that saves three quarters of the memory.
    """
    return tuple(_STRENGTHS[step] for step in steps)
