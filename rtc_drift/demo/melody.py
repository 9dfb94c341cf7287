"""Melodies: two-bar motifs that return, move with the harmony, vary, and end on a chord tone."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rtc_drift.demo.theory import Key, nearest

BAR_STEPS = 16
PHRASE_BARS = 8
_RANGE = 10  # semitones either side of the centre


class Tone(NamedTuple):
    """A melody note. Step and length in sixteenths; velocity 0–1."""

    step: int
    length: int
    pitch: int
    velocity: float


class _Event(NamedTuple):
    step: int
    length: int
    offset: int
    """Steps on the pentatonic ladder above the motif's start."""


def parse(pattern: str) -> list[tuple[int, int, str]]:
    """Parse a pattern such as `"x--.y"` into (step, length, token) of each note."""
    notes: list[tuple[int, int, str]] = []
    for step, token in enumerate(pattern):
        if token == "-" and notes and sum(notes[-1][:2]) == step:
            begin, length, first = notes[-1]
            notes[-1] = (begin, length + 1, first)
        elif token not in "-.":
            notes.append((step, 1, token))
    return notes


def compose(
    motifs: Sequence[str], key: Key, harmony: Sequence[tuple[int, ...]], centre: int, rng: np.random.Generator
) -> list[Tone]:
    """Write a melody for the whole piece. `harmony` has each bar's pitch classes; `motifs` are rhythms of two bars."""
    ladder = [p for p in range(centre - _RANGE, centre + _RANGE + 1) if p % 12 in key.pentatonic]
    first, second = rng.permutation(len(motifs))[:2]
    theme, answer = _motif(motifs[first], rng), _motif(motifs[second], rng)
    variation = _vary(theme, rng)
    shift = int(rng.choice([-1, 1]))
    tones: list[Tone] = []
    for phrase, start in enumerate(range(0, len(harmony), PHRASE_BARS)):
        third = variation if phrase % 2 == 0 else _vary(variation, rng)
        for index, (motif, move) in enumerate([(theme, 0), (theme, shift), (third, 0), (answer, 0)]):
            bar = start + 2 * index
            tones += _realise(motif, bar, move, harmony, ladder, closing=index == 3)
    return tones


def _motif(rhythm: str, rng: np.random.Generator) -> list[_Event]:
    events, offset = [], int(rng.integers(-1, 2))
    for step, length, _ in parse(rhythm):
        events.append(_Event(step, length, offset))
        homeward = -int(offset / 2)
        offset += int(rng.choice([-2, -1, -1, 0, 1, 1, 2])) + homeward
    return events


def _vary(motif: list[_Event], rng: np.random.Generator) -> list[_Event]:
    """Return a motif with the same rhythm and beginning, and another ending."""
    kept = len(motif) * 2 // 3
    return motif[:kept] + [event._replace(offset=event.offset + int(rng.integers(-2, 3))) for event in motif[kept:]]


def _realise(
    motif: list[_Event],
    bar: int,
    move: int,
    harmony: Sequence[tuple[int, ...]],
    ladder: list[int],
    *,
    closing: bool,
) -> list[Tone]:
    tones = []
    for event in motif:
        here = bar + event.step // BAR_STEPS
        if here >= len(harmony):
            break
        rung = len(ladder) // 2 + move + event.offset
        pitch = ladder[max(0, min(rung, len(ladder) - 1))]
        strong = event.step % 4 == 0 or event.length >= 3
        last = closing and event is motif[-1]
        if strong or last:
            pitch = nearest(pitch, harmony[here][:3] if last else harmony[here][:4])
        tones.append(Tone(bar * BAR_STEPS + event.step, event.length, pitch, 0.95 if strong else 0.75))
    return tones
