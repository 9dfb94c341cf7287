"""Made-up analyses of tracks of four minutes, as hard to compress as those of the analyser."""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from rtc_drift.analysis.curves import CHROMA_STEPS, chroma_of
from rtc_drift.analysis.model import PITCH_CLASSES, ROLES, Analysis, Cues, Features, Section
from tests.support.synthetic_library import make_library

SECONDS = 240.0
SOUNDS = 2_000
"""Number of different tracks; the others are like one of them, with small differences."""
CURVES = 256
"""Number of different sets of beats and curves."""
_BEAT_JITTER_SECONDS = 0.003
_SHARES = ("bass", "air", "noisiness", "tonal_clarity")
_SCALED = tuple(name for name in Features.model_fields if name not in ("tempo", "timbre"))
"""Features that get a small difference."""

Curves: TypeAlias = dict[str, Any]


class _Beats(NamedTuple):
    bpm: float
    curves: Curves
    """Beats, phrases, sections, loudness, bands and chroma by their names in `Analysis`."""


def make_analyses(count: int, rng: np.random.Generator) -> Iterator[Analysis]:
    """Yield `count` analyses. Equal generators give equal analyses."""
    sounds, beats = _patterns(min(count, SOUNDS), min(count, CURVES))
    for number in range(count):
        yield _varied(sounds[number % len(sounds)], beats[int(rng.integers(len(beats)))], rng)


@cache
def _patterns(sounds: int, curves: int) -> tuple[list[Analysis], list[_Beats]]:
    """Make what all analyses are made of."""
    rng = np.random.default_rng(0)
    return list(make_library(sounds)[1].values()), [_make_beats(rng) for _ in range(curves)]


def _varied(sound: Analysis, beats: _Beats, rng: np.random.Generator) -> Analysis:
    """Return an analysis like another, with other beats. It is not validated: that would take minutes."""
    factors = dict(zip(_SCALED, np.exp(0.05 * rng.standard_normal(len(_SCALED))).tolist(), strict=True))
    changed: dict[str, Any] = {name: getattr(sound.features, name) * factor for name, factor in factors.items()}
    changed |= {name: min(1.0, changed[name]) for name in _SHARES}
    changed["tempo"] = bpm = beats.bpm * float(np.exp(1e-5 * rng.standard_normal()))
    changed["timbre"] = tuple((np.array(sound.features.timbre) + rng.standard_normal(24)).tolist())
    intro_end, outro_start = rng.uniform(0, 40), rng.uniform(SECONDS - 50, SECONDS - 4)
    confidences = rng.uniform(0.4, 1, 3).tolist()
    cues = Cues.model_construct(
        first_sound_seconds=0.0,
        intro_end_seconds=intro_end,
        outro_start_seconds=outro_start,
        last_sound_seconds=SECONDS - 0.2,
    )
    own = {"tempo_bpm": bpm, "cues": cues, "features": sound.features.model_copy(update=changed)}
    own |= dict(zip(("tempo_confidence", "beats_confidence", "key_confidence"), confidences, strict=True))
    return sound.model_copy(update={**own, **beats.curves})


def _make_beats(rng: np.random.Generator) -> _Beats:
    """Make beats that are nearly even, with an attack on most of them, and curves; all rounded as the analyser does."""
    bpm = float(60 * 2 ** (1.5 * rng.random()))
    even = np.arange(rng.uniform(0.01, 1), SECONDS - 1, 60 / bpm)
    beats = np.sort(even + _BEAT_JITTER_SECONDS * rng.standard_normal(len(even)).clip(-3, 3))
    attacks = beats + rng.normal(0, 0.006, len(beats)).clip(-0.03, 0.03)
    attacks = np.round(attacks[rng.random(len(beats)) < 0.97] / 0.002) * 0.002
    level = -14 + 4 * np.convolve(rng.standard_normal(240 + 20), np.ones(21) / 21, "valid")[:240] * 4
    short_term = level + rng.normal(0, 0.6, 240)
    short_term[:2] = -70  # three seconds are needed
    momentary = np.repeat(level, 3)[:600] + rng.normal(0, 2.5, 600)
    bass, highs = rng.beta(1.5, 3, 600), rng.beta(1.2, 8, 600)
    downbeats = tuple(beats.clip(0)[::4].tolist())
    return _Beats(
        bpm,
        {
            "beats_seconds": tuple(beats.clip(0).tolist()),
            "downbeats_seconds": downbeats,
            "phrases_seconds": downbeats[::8],
            "sections": tuple(_make_section(start, rng) for start in downbeats[::24]),
            "attacks_seconds": tuple(attacks.clip(0).round(3).tolist()),
            "short_term_lufs": tuple(short_term.round(3).tolist()),
            "momentary_lufs": tuple(momentary.round(1).tolist()),
            "heard_bass": tuple(bass.round(2).tolist()),
            "heard_highs": tuple(highs.round(2).tolist()),
            "chroma": _make_chroma(rng),
        },
    )


def _make_section(start: float, rng: np.random.Generator) -> Section:
    return Section(
        starts_seconds=start,
        role=ROLES[int(rng.integers(len(ROLES)))],
        energy=round(float(rng.normal(-1, 3)), 1),
        drums=round(float(rng.beta(4, 2)), 2),
    )


def _make_chroma(rng: np.random.Generator) -> tuple[float, ...]:
    """Make the chroma of chords of two seconds, with a few tones of a melody."""
    chords = np.repeat(rng.beta(0.8, 1.6, (int(SECONDS) // 2, PITCH_CLASSES)), 2, axis=0)
    strengths = chords + rng.normal(0, 0.1, chords.shape)
    strengths = (strengths - np.median(strengths, axis=1, keepdims=True)).clip(0)
    strengths /= strengths.max(axis=1, keepdims=True)
    return chroma_of(np.round(strengths * CHROMA_STEPS).astype(int).ravel().tolist())
