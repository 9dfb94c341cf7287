"""The quality of phrases and sections, on music that was written in them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rtc_drift.analysis import Analysis
from rtc_drift.demo import DEMO, DemoTruth, TrackSpec

_WITHIN_SECONDS = 0.05
_VARIANT_SEED = 77
_KEYS = ("C major", "A minor", "F# minor", "Eb major", "G minor", "D major", "B minor", "E major")
_LENGTHS = ((4, 8, 8, 16), (4, 8, 8, 16), (8, 16, 24), (4, 8, 16), (8, 16), (4, 8))
"""Bars that each section of a variant may have."""


@dataclass(frozen=True, slots=True)
class FormScore:
    """The phrases and sections of a track, compared with the true ones."""

    fours_are_right: bool
    """True if most phrases begin at a multiple of four bars."""
    eights_are_right: bool
    """True if most phrases begin where one does: at the start of a section, or a multiple of eight bars after it."""
    hits: int
    """Number of found sections that begin where a true one does; the first and the final chord don't count."""
    found: int
    true: int


def score_form(analysis: Analysis, known: DemoTruth) -> FormScore:
    """Compare the form of a track with its ground truth."""
    end = known.downbeats_seconds[-1] - 1
    phrases = [it for it in analysis.phrases_seconds if it < end]
    sections = [it.starts_seconds for it in analysis.sections[1:] if it.starts_seconds < end]
    true = [it.starts_seconds for it in known.sections[1:]]
    return FormScore(
        fours_are_right=_are_mostly(phrases, known.downbeats_seconds[::4]),
        eights_are_right=_are_mostly(phrases, known.phrases_seconds),
        hits=sum(_is_near(it, true) for it in sections),
        found=len(sections),
        true=len(true),
    )


def variants() -> Iterator[TrackSpec]:
    """Yield one track like each of the demo library, with another form, tempo, key and seed."""
    rng = np.random.default_rng(_VARIANT_SEED)
    for spec in DEMO:
        form = tuple(int(rng.choice(lengths)) for lengths in _LENGTHS)
        bpm = float(np.round(np.clip(spec.bpm * rng.uniform(0.94, 1.06), 60, 180), 2))
        changes = {"form": form, "bpm": bpm, "key": str(rng.choice(_KEYS)), "seed": 9_000 + spec.number}
        yield spec.model_copy(update=changes)


def _are_mostly(some: list[float], true: list[float]) -> bool:
    return 2 * sum(_is_near(it, true) for it in some) > len(some)


def _is_near(moment: float, others: list[float]) -> bool:
    return min(abs(moment - other) for other in others) <= _WITHIN_SECONDS
