"""Instruments: one note or chord at a time, as stereo sound.

Most are wavetables with one row per period of the note. So the spectrum can change from period to period (a filter
that closes, a string whose upper harmonics decay first), and it is band-limited by construction.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rtc_drift.demo.effects import Wave, tilt
from rtc_drift.demo.theory import frequency
from rtc_drift.media import SAMPLE_RATE, samples

_DRAWBARS = {1: 1.0, 2: 0.7, 3: 0.4, 4: 0.3, 6: 0.15, 8: 0.12}
_HIGHEST_HARMONIC_HZ = 14_000.0
_MOST_HARMONICS = 110


@dataclass(frozen=True)
class Patch:
    """The settings of one instrument. Times in seconds."""

    source: Literal["saw", "square", "round", "organ", "string", "fm"]
    attack: float = 0.005
    decay: float = 1.0
    """Time constant towards the sustain level."""
    sustain: float = 0.0
    """Level that a held note falls to, 0–1."""
    release: float = 0.1
    cutoff: float = 3000.0
    """Low-pass corner once its envelope is over, hertz, before brightness and openness move it."""
    sweep: float = 0.0
    """Start of the corner above its final value, as a multiple of that value."""
    sweep_decay: float = 0.15
    resonance: float = 0.8
    detune: float = 0.0
    """Cents between the centre voice and the left and right voices; 0 for a single voice."""
    vibrato: float = 0.0
    """Depth in cents; it begins after a quarter of a second."""
    ratio: float = 1.0
    """FM: modulator frequency over carrier frequency."""
    index: float = 1.0
    """FM: modulation index at the start."""


PATCHES: dict[str, Patch] = {
    "e-piano": Patch("fm", 0.004, 1.1, 0.0, 0.25, ratio=1.0, index=1.3, sweep_decay=0.5),
    "bell": Patch("fm", 0.003, 0.7, 0.0, 0.5, ratio=4.0, index=1.1, sweep_decay=0.3),
    "marimba": Patch("fm", 0.002, 0.28, 0.0, 0.15, ratio=4.0, index=0.7, sweep_decay=0.06),
    "nylon": Patch("string", 0.002, 1.4, 0.0, 0.12, cutoff=2400),
    "harp": Patch("string", 0.002, 2.2, 0.0, 0.35, cutoff=3600),
    "muted guitar": Patch("string", 0.002, 0.16, 0.0, 0.06, cutoff=3400),
    "clavinet": Patch("square", 0.003, 0.25, 0.15, 0.05, cutoff=1500, sweep=1.8, sweep_decay=0.08, resonance=1.6),
    "organ": Patch("organ", 0.008, 0.5, 0.75, 0.06, cutoff=2600, detune=4),
    "skank": Patch("organ", 0.004, 0.09, 0.1, 0.05, cutoff=3000, sweep=1.0, sweep_decay=0.05),
    "warm pad": Patch("saw", 0.55, 2.0, 0.85, 0.9, cutoff=850, detune=9),
    "strings": Patch("saw", 0.22, 2.0, 0.9, 0.5, cutoff=1700, detune=8),
    "stab": Patch("saw", 0.004, 0.22, 0.25, 0.14, cutoff=1100, sweep=2.2, sweep_decay=0.12, resonance=1.2, detune=7),
    "brass": Patch("saw", 0.03, 0.6, 0.7, 0.1, cutoff=1700, sweep=0.8, sweep_decay=0.2, detune=6),
    "supersaw": Patch("saw", 0.006, 0.5, 0.6, 0.18, cutoff=4200, sweep=0.8, sweep_decay=0.3, detune=14),
    "pluck": Patch("saw", 0.003, 0.22, 0.0, 0.18, cutoff=900, sweep=4.0, sweep_decay=0.07, resonance=1.4, detune=6),
    "acid": Patch("saw", 0.003, 0.3, 0.3, 0.05, cutoff=480, sweep=4.5, sweep_decay=0.09, resonance=4.0),
    "soft lead": Patch("round", 0.025, 1.5, 0.75, 0.16, cutoff=2600, vibrato=14),
    "flute": Patch("round", 0.05, 2.0, 0.9, 0.12, cutoff=1500, vibrato=10),
    "square lead": Patch("square", 0.008, 0.8, 0.65, 0.14, cutoff=2300, sweep=0.6, detune=5, vibrato=8),
    "saw lead": Patch("saw", 0.008, 0.8, 0.65, 0.16, cutoff=2600, sweep=0.8, detune=9, vibrato=9),
    "sub bass": Patch("round", 0.012, 1.5, 0.7, 0.08, cutoff=380),
    "upright bass": Patch("string", 0.003, 0.7, 0.0, 0.07, cutoff=800),
    "finger bass": Patch("string", 0.003, 0.8, 0.0, 0.05, cutoff=1500),
    "round bass": Patch("round", 0.006, 0.5, 0.45, 0.05, cutoff=650, sweep=1.5, sweep_decay=0.1),
    "saw bass": Patch("saw", 0.004, 0.3, 0.4, 0.05, cutoff=420, sweep=3.0, sweep_decay=0.09, resonance=1.3),
    "reese bass": Patch("saw", 0.012, 1.0, 0.8, 0.07, cutoff=520, detune=11),
}


def play(
    patch: Patch, pitches: tuple[int, ...], seconds: float, brightness: float, openness: float, rng: np.random.Generator
) -> Wave:
    """Render one note or chord held for `seconds`: `(2, n)`, release included.

    Brightness, and openness of the filter: 0–1.
    """
    length = samples(seconds + patch.release)
    out = np.zeros((2, length), np.float32)
    for index, pitch in enumerate(pitches):
        spread = 0.3 * (2 * index / (len(pitches) - 1) - 1) if len(pitches) > 1 else 0.0
        if patch.source == "fm":
            out += panned(_fm(patch, pitch, length, brightness * (0.4 + 0.6 * openness)), spread)
        else:
            _add_wavetable_voices(out, patch, pitch, spread, brightness, openness, rng)
    out *= _envelope(patch, length, seconds) / np.float32(math.sqrt(len(pitches)))
    return out


def panned(mono: Wave, position: float) -> Wave:
    """Pan mono `(n,)` to stereo `(2, n)` at constant power; position -1 (left) to 1 (right)."""
    angle = (position + 1) * math.pi / 4
    gains = np.array([[math.cos(angle)], [math.sin(angle)]], np.float32)
    placed: Wave = gains * mono
    return placed


def _add_wavetable_voices(
    out: Wave,
    patch: Patch,
    pitch: int,
    spread: float,
    brightness: float,
    openness: float,
    rng: np.random.Generator,
) -> None:
    hertz, length = frequency(pitch), out.shape[1]
    rows = math.ceil(hertz * 1.02 * length / SAMPLE_RATE) + 4
    table, columns = _table(patch, hertz, rows, brightness, openness, rng)
    time = np.arange(length, dtype=np.float64) / SAMPLE_RATE
    if patch.vibrato:
        depth = (2 ** (patch.vibrato / 1200) - 1) / (2 * math.pi * 5.3)
        time = time + depth * np.sin(2 * math.pi * 5.3 * time) * np.clip(4 * time - 1, 0, 1)
    voices = [(0.0, spread)]
    if patch.detune:
        voices += [(patch.detune, -0.85), (-patch.detune, 0.85)]
    for cents, position in voices:
        phase = rng.random() if cents else 0.0
        place = time * (hertz * 2 ** (cents / 1200) * columns) + phase * columns
        index = place.astype(np.int32)
        here = table[index]
        wave = here + (table[index + 1] - here) * (place - index).astype(np.float32)
        out += panned(wave, position)


def _table(
    patch: Patch, hertz: float, rows: int, brightness: float, openness: float, rng: np.random.Generator
) -> tuple[Wave, int]:
    """Return the wavetable and its number of columns: one row per period, flattened, so index = periods × columns."""
    count = max(1, min(_MOST_HARMONICS, int(_HIGHEST_HARMONIC_HZ / hertz)))
    columns = max(32, 1 << math.ceil(math.log2(6 * count)))
    harmonics = np.arange(1, count + 1, dtype=np.float32)
    time = np.arange(rows, dtype=np.float32)[:, None] / np.float32(hertz)
    corner = patch.cutoff * 2 ** (2.4 * (brightness - 0.5)) * openness**1.5 + 0.6 * hertz
    phases = np.full(count, -1j, np.complex64)
    if patch.source == "string":
        phases = np.exp(2j * np.pi * rng.random(count)).astype(np.complex64)
        # A loop filter that removes the same share of each harmonic in every period: Karplus-Strong in closed form.
        damping = (1 + np.square(harmonics * np.float32(hertz / corner))) * np.float32(1 / patch.decay)
        amplitudes = _harmonics(patch.source, harmonics) * np.exp(-time * damping)
    else:
        x = (harmonics * np.float32(hertz)) / (corner * (1 + patch.sweep * np.exp(-time / patch.sweep_decay)))
        low_pass = 1 / np.sqrt(np.square(1 - np.square(x)) + np.square(x / patch.resonance))
        amplitudes = _harmonics(patch.source, harmonics) * low_pass
    amplitudes *= tilt(harmonics * np.float32(hertz), brightness)
    spectrum = np.zeros((rows, columns // 2 + 1), np.complex64)
    spectrum[:, 1 : count + 1] = amplitudes * phases * np.float32(columns / 2)
    table: Wave = np.fft.irfft(spectrum, columns).astype(np.float32).ravel()
    return table, columns


def _harmonics(source: str, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    shapes = {
        "saw": 1 / numbers,
        "square": (numbers % 2) / numbers + 0.12 / numbers,
        "round": 1 / numbers**2.2,
        "string": np.abs(np.sin(np.pi * 0.21 * numbers)) / np.sqrt(numbers),
    }
    if source == "organ":
        return np.array([_DRAWBARS.get(int(number), 0.0) for number in numbers], np.float32)
    return np.asarray(shapes[source], np.float32)


def _fm(patch: Patch, pitch: int, length: int, brightness: float) -> Wave:
    time = np.arange(length, dtype=np.float32) / SAMPLE_RATE
    turns = np.arange(length) * (frequency(pitch) / SAMPLE_RATE)
    turns -= np.floor(turns)
    angle = turns.astype(np.float32) * np.float32(2 * np.pi)
    high_notes_milder = min(1.0, 900 / frequency(pitch))
    index = patch.index * (0.35 + 1.3 * brightness) * high_notes_milder
    depth = index * (0.2 + 0.8 * np.exp(-time / patch.sweep_decay))
    wave: Wave = 0.7 * np.sin(angle + depth * np.sin(angle * np.float32(patch.ratio)))
    wave += 0.05 * brightness * np.sin(angle * np.float32(7.0)) * np.exp(-time / 0.06)
    return wave


def _envelope(patch: Patch, length: int, seconds: float) -> Wave:
    time = np.arange(length, dtype=np.float32) / SAMPLE_RATE
    level = patch.sustain + (1 - patch.sustain) * np.exp(-time / patch.decay)
    if patch.source == "string":
        level = np.ones(length, np.float32)  # its harmonics decay already
    level *= np.clip(time / np.float32(patch.attack), 0, 1)
    level *= np.square(np.clip((np.float32(seconds + patch.release) - time) / np.float32(patch.release), 0, 1))
    return level.astype(np.float32)
