"""The quality of the analysis, on synthetic patterns and on the demo library, whose ground truth is known."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.analysis_cost import analysis_cost
from benchmarks.analysis_form import FormScore, score_form, variants
from benchmarks.figures import Figure
from rtc_drift.analysis import Analyser, Analysis
from rtc_drift.demo import DEMO, TrackSpec, render, truth
from rtc_drift.demo.theory import parse_key
from rtc_drift.media import Audio
from tests.support import drum_patterns

_BENCH = "hearing"
_BEAT_SECONDS = 0.05
_TEMPO_SHARE = 0.04
_OCTAVES = (1, 2, 1 / 2, 3, 1 / 3)
"""Ratios of tempi that count as the same tempo where octaves are allowed."""


@dataclass(frozen=True, slots=True)
class AnalysedPiece:
    """The analysis of a piece, and its ground truth."""

    analysis: Analysis
    bpm: float
    beats: NDArray[np.float64]
    key: str | None

    @property
    def tempo_is_right(self) -> bool:
        """True if the tempo is within 4 % of the true one."""
        return _is_near(self.analysis.tempo_bpm, self.bpm)

    @property
    def tempo_is_right_in_some_octave(self) -> bool:
        """True if the tempo is within 4 % of the true one, or of a double, half, triple or third of it."""
        return any(_is_near(self.analysis.tempo_bpm, self.bpm * ratio) for ratio in _OCTAVES)

    @property
    def key_is_right(self) -> bool:
        """True if the key is the true one."""
        return self.analysis.key is not None and parse_key(self.analysis.key) == parse_key(self.key or "")


async def analysis() -> list[Figure]:
    """Measure quality and cost, in a thread."""
    return await asyncio.to_thread(_figures)


def _figures() -> list[Figure]:
    synthetic = [
        AnalysedPiece(analysed([drum_patterns.render_pattern(it)]), it.bpm, it.beats_seconds, it.key)
        for it in drum_patterns.patterns()
    ]
    demo = [_analysed_track(spec) for spec in DEMO]
    forms = [score_form(it.analysis, truth(spec)) for it, spec in zip(demo, DEMO, strict=True)]
    others = [score_form(_analysed_track(spec).analysis, truth(spec)) for spec in variants()]
    errors = np.concatenate([_errors(it) for it in synthetic])
    sure = [it for it in (*synthetic, *demo) if it.analysis.tempo_confidence >= 0.5]
    return [
        *analysis_cost(),
        _share("tempo within 4 %", (it.tempo_is_right for it in synthetic), 0.80),
        _share("tempo within 4 %, octave aside", (it.tempo_is_right_in_some_octave for it in synthetic), 0.99),
        Figure(_BENCH, "beat F", float(np.mean([f_measure(it) for it in synthetic])), "", at_least=0.90),
        Figure(_BENCH, "beat phase error, median", float(np.median(np.abs(errors))) * 1e3, "ms", at_most=5.0),
        _share("key right", (it.key_is_right for it in synthetic if it.key), 0.95),
        _share("demo library: tempo within 4 %", (it.tempo_is_right for it in demo), 1.0),
        _share("demo library: key right", (it.key_is_right for it in demo), 1.0),
        *_form_figures("demo library", forms),
        *_form_figures("variants of it", others),
        _share("right tempi where confidence is 0.5 or more", (it.tempo_is_right for it in sure), 0.95),
        Figure(_BENCH, "pieces with a confidence of 0.5 or more", len(sure) / (len(synthetic) + len(demo)), "share"),
    ]


def _analysed_track(spec: TrackSpec) -> AnalysedPiece:
    return AnalysedPiece(analysed([render(spec)]), spec.bpm, np.array(truth(spec).beats_seconds), spec.key)


def _form_figures(name: str, scores: list[FormScore]) -> list[Figure]:
    hits, found, true = (sum(getattr(it, part) for it in scores) for part in ("hits", "found", "true"))
    wanted = {"at_least": 0.75} if name == "demo library" else {}
    return [
        _share(f"{name}: groups of 4 bars begin right", (it.fours_are_right for it in scores), 0.9),
        _share(f"{name}: groups of 8 bars begin right", (it.eights_are_right for it in scores), 0.9),
        Figure(_BENCH, f"{name}: sections at the exact bar, F", 2 * hits / (found + true), "", **wanted),
        Figure(_BENCH, f"{name}: sections, precision", hits / found, "share"),
        Figure(_BENCH, f"{name}: sections, recall", hits / true, "share"),
    ]


def analysed(blocks: Iterable[Audio]) -> Analysis:
    """Return the analysis of a piece."""
    analyser = Analyser()
    for block in blocks:
        analyser.add(block)
    return analyser.finish()


def f_measure(piece: AnalysedPiece) -> float:
    """Return the F-measure of the beats: a found beat within 50 ms of a true one is a hit, at most one for each."""
    found, true = np.array(piece.analysis.beats_seconds), piece.beats
    if not len(found):
        return 0.0
    hits = min(_hits(found, true), _hits(true, found))
    return 2 * hits / (len(found) + len(true))


def _hits(some: NDArray[np.float64], others: NDArray[np.float64]) -> int:
    return int(np.count_nonzero(np.abs(some[:, None] - others).min(axis=1) <= _BEAT_SECONDS))


def _errors(piece: AnalysedPiece) -> NDArray[np.float64]:
    """Return the seconds by which the beats that are hits come late."""
    found = np.array(piece.analysis.beats_seconds)
    if not len(found):
        return found
    differences = found[:, None] - piece.beats
    nearest = differences[np.arange(len(found)), np.abs(differences).argmin(axis=1)]
    return np.asarray(nearest[np.abs(nearest) <= _BEAT_SECONDS])


def _is_near(bpm: float | None, true: float) -> bool:
    return bpm is not None and abs(bpm / true - 1) <= _TEMPO_SHARE


def _share(name: str, values: Iterable[bool], at_least: float) -> Figure:
    return Figure(_BENCH, name, float(np.mean(list(values))), "share", at_least=at_least)
