"""Analyses with made-up values, for tests that do not analyse audio."""

from typing import Any

import numpy as np

from rtc_drift.analysis.model import Analysis, Cues, Features
from rtc_drift.analysis.numbers import COLUMN
from rtc_drift.library.catalogue import Catalogue

FEATURES = Features(
    tempo=120,
    onset_density=3,
    beat_strength=1.5,
    danceability=1,
    energy=0.2,
    brightness=1_800,
    bass=0.3,
    air=0.05,
    noisiness=0.1,
    spread=1_500,
    dynamics=12,
    tonal_clarity=0.6,
    harmonic_change=0.3,
    complexity=0.4,
    timbre=(0.0,) * 24,
)
CUES = Cues(first_sound_seconds=0.1, intro_end_seconds=8, outro_start_seconds=100, last_sound_seconds=118)


def make_analysis(**changes: Any) -> Analysis:
    """Make an analysis with usual values but for `changes`; features are given by their names."""
    features = {name: changes.pop(name) for name in tuple(changes) if name in Features.model_fields}
    usual = Analysis(
        tempo_bpm=120,
        tempo_confidence=0.9,
        key="A minor",
        camelot="8A",
        key_confidence=0.8,
        integrated_lufs=-14,
        loudness_range_lu=6,
        true_peak_dbtp=-1,
        cues=CUES,
        features=FEATURES.model_copy(update=features),
    )
    return Analysis.model_validate(usual.model_copy(update=changes).model_dump())


def beat_analysis(
    bpm: float,
    *,
    first_beat: float = 0.2,
    length: float = 180.0,
    key: str = "8A",
    confidence: float = 0.9,
    **changes: object,
) -> Analysis:
    """Make the analysis of a track with a steady beat in four, from `first_beat` until two seconds before its end."""
    beats = np.arange(first_beat, length - 2, 60 / bpm)
    return make_analysis(
        tempo_bpm=bpm,
        tempo_confidence=confidence,
        beats_confidence=confidence,
        beats_seconds=tuple(beats.tolist()),
        downbeats_seconds=tuple(beats[::4].tolist()),
        attacks_seconds=tuple(beats.tolist()),
        camelot=key,
        momentary_lufs=tuple([-14.0] * int(length / 0.4)),
        **changes,
    )


def rounded(analysis: Analysis) -> Analysis:
    """Return an analysis as it is stored: beats to ten microseconds, attacks to a millisecond."""
    decimals = {"beats_seconds": 5, "downbeats_seconds": 5, "phrases_seconds": 5, "attacks_seconds": 3}
    return analysis.model_copy(
        update={name: tuple(np.round(getattr(analysis, name), count).tolist()) for name, count in decimals.items()}
    )


def stored_tempi(catalogue: Catalogue) -> tuple[dict[str, float], set[str]]:
    """Return the tempi of the tracks whose analyses a catalogue has, and the tracks that can't be analysed."""
    columns, failed = catalogue.analysed()
    ids = (f"{number:016x}" for number in columns.ids)
    return dict(zip(ids, columns.numbers[:, COLUMN["tempo_bpm"]].tolist(), strict=True)), failed
