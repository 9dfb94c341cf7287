"""Analyses as they might be, for tests that are not about how they come about."""

from typing import Any

from rtc_drift.analysis.model import Analysis, Cues, Features

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


def sounding(**changes: Any) -> Analysis:
    """One that differs from a usual one only so; features by their names."""
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
