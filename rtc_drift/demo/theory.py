"""Keys, scales, diatonic chords and their voicings.

Pitches are MIDI numbers (60 is middle C), pitch classes 0 (C) to 11 (B).
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Literal, NamedTuple

from rtc_drift.analysis.camelot import camelot

Mode = Literal["major", "minor"]

_TONICS = {"C": 0, "C#": 1, "Db": 1, "D": 2, "D#": 3, "Eb": 3, "E": 4, "F": 5, "F#": 6, "Gb": 6}
_TONICS |= {"G": 7, "G#": 8, "Ab": 8, "A": 9, "A#": 10, "Bb": 10, "B": 11}
_STEPS: dict[str, tuple[int, ...]] = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
_PENTATONIC_DEGREES: dict[str, tuple[int, ...]] = {"major": (1, 2, 3, 5, 6), "minor": (1, 3, 4, 5, 7)}


class Key(NamedTuple):
    """A tonic's pitch class and a mode (natural minor)."""

    tonic: int
    mode: Mode

    @property
    def scale(self) -> tuple[int, ...]:
        """The seven pitch classes, from the tonic up."""
        return tuple((self.tonic + step) % 12 for step in _STEPS[self.mode])

    @property
    def pentatonic(self) -> tuple[int, ...]:
        """The five pitch classes that clash with none of the key's chords."""
        return tuple(self.scale[degree - 1] for degree in _PENTATONIC_DEGREES[self.mode])

    @property
    def camelot(self) -> str:
        """The key on the Camelot wheel: C major is 8B, A minor 8A."""
        return camelot(self.tonic, self.mode)


def parse_key(name: str) -> Key:
    """Return the key with a name such as `"F# minor"`. Raises ValueError for any other text."""
    tonic, _, mode = name.partition(" ")
    if tonic not in _TONICS or mode not in _STEPS:
        raise ValueError(f"not a key: {name!r}")
    return Key(_TONICS[tonic], "major" if mode == "major" else "minor")


def chord(key: Key, degree: int, size: int) -> tuple[int, ...]:
    """Return the pitch classes of the diatonic chord on `degree` (1–7), root first.

    A `size` of 3 notes is a triad, 4 a seventh chord, 5 a ninth chord.
    """
    return tuple(key.scale[(degree - 1 + 2 * third) % 7] for third in range(size))


def voice_lead(pitch_classes: Iterable[int], previous: tuple[int, ...], centre: int) -> tuple[int, ...]:
    """Return the close voicing, low to high, that moves least from the `previous` one and stays near `centre`."""
    classes = list(dict.fromkeys(pitch_classes))
    candidates = []
    for lowest in range(centre - 10, centre + 3):
        if lowest % 12 in classes:
            voicing = sorted(lowest + (pitch_class - lowest) % 12 for pitch_class in classes)
            candidates.append(tuple(voicing))
    return min(candidates, key=lambda voicing: _distance(voicing, previous, centre))


def _distance(voicing: tuple[int, ...], previous: tuple[int, ...], centre: int) -> float:
    drift = abs(sum(voicing) / len(voicing) - centre)
    crowding = sum(2.0 for low, high in pairwise(voicing) if high - low == 1)
    movement = sum(min(abs(pitch - other) for other in previous) for pitch in voicing) if previous else 0
    return movement + 0.7 * drift + crowding


def nearest(pitch: int, pitch_classes: Iterable[int]) -> int:
    """Return the pitch closest to `pitch` whose class is in `pitch_classes`; the lower one on a tie."""
    return min((pitch + (pc - pitch + 6) % 12 - 6 for pc in pitch_classes), key=lambda p: (abs(p - pitch), p))


def in_octave(pitch_class: int, lowest: int) -> int:
    """Return the pitch of that class in the octave from `lowest` up."""
    return lowest + (pitch_class - lowest) % 12


def frequency(pitch: float) -> float:
    """Convert a MIDI pitch to hertz; A4 is 440 Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))
