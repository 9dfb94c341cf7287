"""Synthetic music with known beats, downbeats and key: drum patterns with and without chords and swing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.demo.theory import Key, chord, frequency, in_octave, parse_key
from rtc_drift.media import SAMPLE_RATE, Audio

DRUMS: dict[str, dict[str, str]] = {
    "four on the floor": {"kick": "9...9...9...9...", "hat": "..6...6...6...6.", "snare": "....7.......7..."},
    "backbeat": {"kick": "9.......9.5.....", "snare": "....8.......8...", "hat": "6.4.6.4.6.4.6.4."},
    "loud off-beat hats": {"kick": "6...6...6...6...", "hat": "..9...9...9...9."},
    "breakbeat": {"kick": "9.9.......9.....", "snare": "....9..4.4..9..4", "hat": "5.5.5.5.5.5.5.5."},
    "sparse kick": {"kick": "9.......6.......", "snare": "............7...", "hat": "4...4...4...4..."},
    "shuffle": {"kick": "9.....9.....", "snare": "...8.....8..", "hat": "6.46.46.46.4"},
    "waltz": {"kick": "9...........", "snare": "....5...5...", "hat": "5.4.5.4.5.4."},
    "even": {"kick": "................", "hat": "6.6.6.6.6.6.6.6."},
}
"""Velocities 1 to 9 on each step of a bar: sixteenths, in the shuffle triplets."""

_SPECIAL = ("even", "waltz")
"""Drums that `patterns` leaves out: bars can't be told apart, or have three beats."""
_BEATS_PER_BAR = {"waltz": 3}
_PROGRESSIONS = {"major": (1, 4, 5, 1), "minor": (1, 4, 5, 1)}
"""Degrees, a bar each: no other key has all of them and begins and ends on its tonic."""
_LEAD_IN_SECONDS = 0.25
_TAIL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Pattern:
    """A drum pattern with its tempo and chords. The same pattern always gives the same samples."""

    drums: str
    bpm: float
    key: str | None = None
    swing: float = 0.0
    """Delay of every other sixteenth, as a share of a sixteenth: 0–0.4."""
    bars: int = 12
    seed: int = 0
    final_bpm: float | None = None
    """Tempo at the end, reached evenly; None: constant."""

    @property
    def steps_per_beat(self) -> int:
        """Steps of the grid in a beat."""
        return len(DRUMS[self.drums]["kick"]) // self.beats_per_bar

    @property
    def beats_per_bar(self) -> int:
        """Beats in a bar."""
        return _BEATS_PER_BAR.get(self.drums, 4)

    @property
    def beats_seconds(self) -> NDArray[np.float64]:
        """Times of all beats, and of the end of the last bar."""
        beat = np.arange(self.bars * self.beats_per_bar + 1)
        share = beat / (len(beat) - 1)
        slowest = 60 / self.bpm
        last = 60 / (self.final_bpm or self.bpm)
        return _LEAD_IN_SECONDS + beat * slowest + (last - slowest) * beat * share / 2

    @property
    def downbeats_seconds(self) -> NDArray[np.float64]:
        """Times of the first beats of all bars, and of the end of the last bar."""
        return self.beats_seconds[:: self.beats_per_bar]

    def step_seconds(self, step: float) -> float:
        """Return the time at which a step of the grid begins."""
        late = self.swing if step % 2 == 1 and self.steps_per_beat == 4 else 0.0
        beats = self.beats_seconds
        return float(np.interp((step + late) / self.steps_per_beat, np.arange(len(beats)), beats))


def patterns(tempi: int = 12) -> list[Pattern]:
    """Return the drum patterns in four at `tempi` tempi each, from 70 to 180 BPM; three in four have chords."""
    keys = ("C major", "A minor", "F# minor", "Eb major", "G minor", "B major", "Bb minor", "E major")
    result: list[Pattern] = []
    for drums in DRUMS:
        for number, bpm in enumerate(np.linspace(72, 178, tempi) if drums not in _SPECIAL else ()):
            seed = len(result)
            off_grid = np.random.default_rng(seed).uniform(-2, 2)
            key = keys[seed % len(keys)] if number % 4 != 3 else None
            swing = 0.2 if number % 3 == 2 else 0.0
            result.append(Pattern(drums, round(bpm + off_grid, 1), key=key, swing=swing, seed=seed))
    return result


MIXABLE = {
    "Steady": Pattern("four on the floor", 138.0, key="A minor", bars=16, seed=1),
    "Back": Pattern("backbeat", 143.0, key="A minor", bars=16, seed=2),
}
"""Two patterns by title whose tempi can be matched: the second one plays with a stretched intro."""


def render_pattern(pattern: Pattern) -> Audio:
    """Render a pattern: `(n, 2) float32` at 48 kHz, peak 0.7."""
    rng = np.random.default_rng(pattern.seed)
    mix = np.zeros(int((pattern.beats_seconds[-1] + _TAIL_SECONDS) * SAMPLE_RATE), np.float32)
    for voice, steps in DRUMS[pattern.drums].items():
        sound = _DRUM_SOUNDS[voice](rng)
        for step in range(pattern.bars * len(steps)):
            if (velocity := steps[step % len(steps)]) != ".":
                human = rng.uniform(0.85, 1.0)
                _add(mix, pattern.step_seconds(step), sound * np.float32(int(velocity) / 9 * human))
    if pattern.key is not None:
        _add_chords(mix, pattern, parse_key(pattern.key))
    mix *= np.float32(0.7 / np.abs(mix).max())
    delayed = np.roll(mix, 7)
    return np.stack((0.9 * mix + 0.1 * delayed, mix), axis=1).astype(np.float32)


def _add(mix: NDArray[np.float32], start_seconds: float, sound: NDArray[np.float32]) -> None:
    start = round(start_seconds * SAMPLE_RATE)
    room = len(mix) - start
    mix[start : start + len(sound)] += sound[:room]


def _time(seconds: float) -> NDArray[np.float64]:
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _kick(rng: np.random.Generator) -> NDArray[np.float32]:
    time = _time(0.3)
    sweep = rng.uniform(45, 60) * time + 3.5 * (1 - np.exp(-time / 0.03))
    return np.asarray(np.sin(2 * np.pi * sweep) * np.exp(-time / 0.09), np.float32)


def _snare(rng: np.random.Generator) -> NDArray[np.float32]:
    time = _time(0.25)
    body = np.sin(2 * np.pi * rng.uniform(170, 220) * time) * np.exp(-time / 0.04)
    return np.asarray(0.5 * body + 0.35 * rng.normal(size=len(time)) * np.exp(-time / 0.06), np.float32)


def _hat(rng: np.random.Generator) -> NDArray[np.float32]:
    time = _time(0.08)
    noise = np.diff(np.diff(rng.normal(size=len(time) + 2)))
    return np.asarray(0.12 * noise * np.exp(-time / rng.uniform(0.012, 0.03)), np.float32)


_DRUM_SOUNDS = {"kick": _kick, "snare": _snare, "hat": _hat}


def _tone(pitch: int, seconds: float, brightness: float) -> NDArray[np.float32]:
    time = _time(seconds)
    wave = sum(
        brightness**harmonic * np.sin(2 * np.pi * (harmonic + 1) * frequency(pitch) * time) for harmonic in range(6)
    )
    shape = np.minimum(time / 0.01, 1) * np.exp(-time / 0.8) * np.minimum((seconds - time) / 0.03, 1)
    return np.asarray(wave * shape, np.float32)


def _add_chords(mix: NDArray[np.float32], pattern: Pattern, key: Key) -> None:
    steps = pattern.beats_per_bar * pattern.steps_per_beat
    for bar in range(pattern.bars):
        degree = _PROGRESSIONS[key.mode][bar % 4]
        start, middle, end = (pattern.step_seconds(bar * steps + part * steps // 2) for part in range(3))
        root, *others = chord(key, degree, 3)
        for pitch_class in (root, *others):
            _add(mix, start, 0.14 * _tone(in_octave(pitch_class, 55), end - start, 0.5))
        _add(mix, start, 0.3 * _tone(in_octave(root, 33), middle - start, 0.4))
        _add(mix, middle, 0.3 * _tone(in_octave(root, 33), end - middle, 0.4))
