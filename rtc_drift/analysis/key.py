"""The key, from spectral peaks: their pitch classes, the tuning, Temperley's profiles, the bass, and the ending.

Peaks are used instead of all bins, and are whitened by the spectrum near them, so that drums and timbre count little.
Each peak also counts for the fundamentals of which it may be a harmonic (Gómez, "Tonal description of polyphonic
audio", 2006).
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.camelot import camelot
from rtc_drift.analysis.frames import Framer, magnitudes

SAMPLE_RATE = 6_000
"""Sample rate of the meter's input in hertz: pitches below 2.1 kHz are enough."""
_SIZE, _HOP = 2048, 512
FRAME_RATE = SAMPLE_RATE / _HOP
"""Chroma frames per second."""
_LOWEST, _HIGHEST = 60.0, 2_100.0
_FRAMES_AT_ONCE = 4_096
_BINS = 60
"""Bins per octave before the tuning is known."""
_HARMONICS = 4
_HARMONIC_DECAY = 0.6
_ENVELOPE = 31
"""Bins (90 Hz) over which the spectrum is averaged for whitening."""
_FLOOR = 1e-4
"""Mean magnitude below which a frame is silent (about -80 dBFS)."""
_FULL_MARGIN = 0.25
"""Lead of the best key's correlation over the second that counts as no doubt."""

_BASS_BELOW_PITCH = 52
"""A MIDI pitch: E3, 165 Hz."""
_BASS_COUNTS, _START_COUNTS, _END_COUNTS, _LAST_BASS_COUNTS = 0.05, 0.1, 0.15, 0.25
"""Weights of further correlations beside that of the whole: a key and its relative differ mainly in their tonic."""
_START_SECONDS, _END_SECONDS, _LAST_BASS_SECONDS = 2.0, 4.0, 3.0

# Temperley, "Music and Probability" (2007), from C upwards. Minor has the seventh degree of the natural scale, which
# popular music prefers.
_MAJOR = (0.748, 0.06, 0.488, 0.082, 0.670, 0.46, 0.096, 0.715, 0.104, 0.366, 0.057, 0.4)
_MINOR = (0.712, 0.084, 0.474, 0.618, 0.049, 0.46, 0.105, 0.747, 0.404, 0.067, 0.33, 0.133)
_BASS = (1.0, 0.0, 0.0, 0.0, 0.0, 0.3, 0.0, 0.4, 0.0, 0.0, 0.0, 0.0)
_TONIC = (1.0, *(0.0,) * 11)
_TRIADS = {
    "major": (1.5, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0),
    "minor": (1.5, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0),
}
_NAMES = {
    "major": ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    "minor": ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"),
}


@dataclass(frozen=True, slots=True)
class Tonality:
    """Key and harmony of a track."""

    key: str | None
    """Key such as `F# minor`; None without pitch."""
    camelot: str | None
    confidence: float
    """Lead of the best key over the second, 0–1."""
    clarity: float
    """Correlation of the pitch classes with the key's profile, 0–1."""
    complexity: float
    """Entropy of the pitch classes in bits, 0–3.6."""
    chroma: NDArray[np.float32]
    """Pitch classes of each frame from C upwards, `(n, 12)`, of unit length or 0, at `FRAME_RATE`."""

    def changes_at(self, beats: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the change of harmony at each beat, `(n,)`: cosine distance of the spans before and after it, 0–1."""
        if len(beats) < 2 or not len(self.chroma):
            return np.zeros(len(beats))
        sums = np.concatenate((np.zeros((1, 12)), np.cumsum(self.chroma, axis=0, dtype=np.float64)))
        edges = np.concatenate((beats[:1] - (beats[1] - beats[0]), beats, beats[-1:] + (beats[-1] - beats[-2])))
        frames = np.clip(np.ceil(edges * FRAME_RATE).astype(int), 0, len(self.chroma))
        spans = np.diff(sums[frames], axis=0)
        spans /= np.linalg.norm(spans, axis=1, keepdims=True) + 1e-9
        return np.asarray(1 - np.clip((spans[1:] * spans[:-1]).sum(axis=1), 0, 1))


class TonalMeter:
    """A meter for mono samples at 6 kHz in chunks of any length. It keeps 60 numbers per frame, 12 frames a second."""

    def __init__(self) -> None:
        self._framer = Framer(_SIZE, _HOP)
        self._window = np.blackman(_SIZE).astype(np.float32)
        self._rows = bytearray()
        self._bass = np.zeros(_BINS)
        self._last_bass = np.zeros((0, _BINS))
        self._tuning = 0j

    def add(self, wave: NDArray[np.float32]) -> None:
        """Measure the next samples, `(n,)`."""
        self._measure(self._framer.add(wave))

    def finish(self) -> Tonality:
        """Return the tonality of all added samples."""
        self._measure(self._framer.finish())
        rows = np.frombuffer(self._rows, np.float16).reshape(-1, _BINS)
        tuning = float(np.angle(self._tuning)) / (2 * np.pi)
        folding = _folding(tuning)
        chroma = np.zeros((len(rows), folding.shape[1]), np.float32)
        for first in range(0, len(rows), _FRAMES_AT_ONCE):  # of hours of music, all of them would take 30 MB
            some = slice(first, first + _FRAMES_AT_ONCE)
            chroma[some] = rows[some].astype(np.float32) @ folding
        return _tonality(chroma, self._bass @ folding, self._last_bass.sum(axis=0) @ folding)

    def _measure(self, frames: NDArray[np.float32]) -> None:
        if not len(frames):
            return
        hertz = SAMPLE_RATE / _SIZE
        first, last = int(_LOWEST / hertz), int(_HIGHEST / hertz)
        spectra = magnitudes(frames * self._window)[:, first - 1 : last + 1] / (0.21 * _SIZE)
        left, middle, right = spectra[:, :-2], spectra[:, 1:-1], spectra[:, 2:]
        least = np.maximum(middle.max(axis=1, keepdims=True) * 0.01, _FLOOR)
        frame, index = np.nonzero((middle > left) & (middle >= right) & (middle > least))
        before, here, after = (np.log(part[frame, index] + 1e-12) for part in (left, middle, right))
        offset = 0.5 * (before - after) / (before - 2 * here + after - 1e-12)
        pitch = 69 + 12 * np.log2((index + first + offset) * hertz / 440)
        weight = np.exp(here) / np.sqrt(_envelope(middle)[frame, index])
        self._tuning += complex(np.sum(weight * np.exp(2j * np.pi * pitch)))
        rows = np.zeros((len(frames), _BINS))
        for harmonic in range(1, _HARMONICS + 1):
            decay = _HARMONIC_DECAY ** (harmonic - 1)
            rows += _histogram(frame, pitch - 12 * np.log2(harmonic), weight * decay, len(frames))
        self._rows += (rows / (rows.max(axis=1, keepdims=True) + 1e-9)).astype(np.float16).tobytes()
        deep = pitch < _BASS_BELOW_PITCH
        bass = _histogram(frame[deep], pitch[deep], weight[deep], len(frames))
        bass /= bass.max(axis=1, keepdims=True) + 1e-9
        self._bass += bass.sum(axis=0)
        sounding = bass[rows.any(axis=1)]
        self._last_bass = np.concatenate((self._last_bass, sounding))[-round(_LAST_BASS_SECONDS * FRAME_RATE) :]


def _histogram(
    frame: NDArray[np.int64], pitch: NDArray[np.float64], weight: NDArray[np.float64], frames: int
) -> NDArray[np.float64]:
    """Sum the weights of peaks by frame and pitch class: `(frames, _BINS)`."""
    place = np.round(pitch * _BINS / 12).astype(int) % _BINS
    sums = np.bincount(frame * _BINS + place, weight, minlength=frames * _BINS)
    return np.asarray(sums.reshape(frames, _BINS), np.float64)


def _envelope(spectra: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the moving mean over frequency, in the same shape."""
    half = _ENVELOPE // 2
    sums = np.cumsum(np.pad(spectra, ((0, 0), (half + 1, half)), mode="edge"), axis=1, dtype=np.float64)
    return (sums[:, _ENVELOPE:] - sums[:, :-_ENVELOPE]) / _ENVELOPE + 1e-9


def _folding(tuning: float) -> NDArray[np.float32]:
    """Return the weight of each bin of an octave in each pitch class, `(60, 12)`; `tuning` in semitones, ±0.5."""
    distance = np.arange(_BINS)[:, None] * 12 / _BINS - tuning - np.arange(12)
    distance = (distance + 6) % 12 - 6
    return np.exp(-0.5 * (distance / 0.25) ** 2).astype(np.float32)


def _tonality(chroma: NDArray[np.float32], bass: NDArray[np.float64], last_bass: NDArray[np.float64]) -> Tonality:
    lengths = np.linalg.norm(chroma, axis=1, keepdims=True)
    chroma = np.asarray(chroma / np.maximum(lengths, 1e-9), np.float32)
    profile = chroma.sum(axis=0, dtype=np.float64)
    if profile.max(initial=0) <= 0 or profile.std() < 1e-6 * profile.mean():
        return Tonality(None, None, 0.0, 0.0, 0.0, chroma)
    fits, scores = _scores(chroma, profile, bass, last_bass)
    best, second = sorted(scores, key=lambda key: -scores[key])[:2]
    tonic, mode = best
    clarity = min(max(fits[best], 0.0), 1.0)
    share = profile / profile.sum()
    return Tonality(
        key=f"{_NAMES[mode][tonic]} {mode}",
        camelot=camelot(tonic, mode),
        confidence=min(max((scores[best] - scores[second]) / _FULL_MARGIN, 0.0), 1.0) * clarity,
        clarity=clarity,
        complexity=max(float(-np.sum(share * np.log2(share + 1e-12))), 0.0),
        chroma=chroma,
    )


_Scores: TypeAlias = dict[tuple[int, str], float]


def _scores(
    chroma: NDArray[np.float32],
    profile: NDArray[np.float64],
    bass: NDArray[np.float64],
    last_bass: NDArray[np.float64],
) -> tuple[_Scores, _Scores]:
    """Return for each tonic and mode the fit of the profile, and that fit plus bass, beginning and ending."""
    sounding = chroma[chroma.any(axis=1)]
    start = sounding[: round(_START_SECONDS * FRAME_RATE)].sum(axis=0)
    end = sounding[-round(_END_SECONDS * FRAME_RATE) :].sum(axis=0)
    fits, scores = _Scores(), _Scores()
    for mode, weights in (("major", _MAJOR), ("minor", _MINOR)):
        for tonic in range(12):
            triad = np.roll(_TRIADS[mode], tonic)
            fit = _correlation(np.roll(weights, tonic), profile)
            fits[tonic, mode] = fit
            scores[tonic, mode] = (
                fit
                + _BASS_COUNTS * _correlation(np.roll(_BASS, tonic), bass)
                + _START_COUNTS * _correlation(triad, start)
                + _END_COUNTS * _correlation(triad, end)
                + _LAST_BASS_COUNTS * _correlation(np.roll(_TONIC, tonic), last_bass)
            )
    return fits, scores


def _correlation(pattern: NDArray[np.float64], values: NDArray[np.floating]) -> float:
    """Return Pearson's correlation; 0 if all values are equal."""
    deviation = values - values.mean()
    length = float(np.linalg.norm(deviation))
    pattern = pattern - pattern.mean()
    return float(pattern @ deviation) / (length * float(np.linalg.norm(pattern))) if length > 1e-9 else 0.0
