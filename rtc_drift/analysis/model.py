"""The result of analysing a track: values only. Times in seconds of the file's own audio."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

VERSION = 4
"""Version of the measurements. With a greater one, all tracks are analysed again."""
CURVES = ("beats_seconds", "downbeats_seconds", "attacks_seconds", "short_term_lufs", "momentary_lufs", "heard_bass")
"""Long fields of an `Analysis`, which the choice of tracks doesn't need."""

SURE_TEMPO = 0.3
"""Least `tempo_confidence` to rely on. The usual doubt is whether to count twice as fast, which moves no beat."""

MAX_AMOUNT = 1e6
"""Bound of all figures, far beyond what any sound gives, so that figures can be added and squared."""

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, le=MAX_AMOUNT)]
Figure = Annotated[float, Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, allow_inf_nan=False)


class Cues(_Model):
    """Points where a mix may enter or leave, in order and within the track."""

    first_sound_seconds: Amount
    """Time at which the sound first rises above -60 dBFS."""
    intro_end_seconds: Amount
    """Time at which the energy reaches the usual level of the track."""
    outro_start_seconds: Amount
    """Last downbeat before the energy leaves that level for good."""
    last_sound_seconds: Amount
    """Time at which the sound falls below -60 dBFS for the last time."""


class Features(_Model):
    """One number for each aspect of how a track sounds. `features.py` and `timbre.py` have the formulas."""

    tempo: Amount
    """Beats per minute; 0 without a beat."""
    onset_density: Amount
    """Onsets per second."""
    beat_strength: Amount
    """Mean onset strength at beats, divided by that of the whole track."""
    danceability: Amount
    """Regularity of the beats, times the logarithm of their strength."""
    energy: Amount
    """Onset strength, weighted by brightness; about 0–30."""
    brightness: Amount
    """Spectral centroid, Hz."""
    bass: Share
    """Share of the power below 150 Hz."""
    air: Share
    """Share of the power above 6 kHz."""
    noisiness: Share
    """Spectral flatness."""
    spread: Amount
    """Spectral spread, Hz."""
    dynamics: Amount
    """Ratio of peak to root mean square, dB."""
    tonal_clarity: Share
    """Correlation of the pitch classes with the key's profile."""
    harmonic_change: Amount
    """Cosine distance of chroma per second."""
    complexity: Amount
    """Entropy of the pitch classes, bits."""
    timbre: tuple[Figure, ...] = Field(min_length=24, max_length=24)
    """MFCC 1 to 12: means, then standard deviations."""


class Analysis(_Model):
    """All measurements of one track."""

    tempo_bpm: float | None = Field(default=None, gt=0, le=1_000)
    """Beats per minute; None without a beat."""
    tempo_confidence: Share
    beats_confidence: Share = 0.0
    """Certainty that the beats are where people would tap, and not half a beat late."""
    beats_seconds: tuple[float, ...] = ()
    downbeats_seconds: tuple[float, ...] = ()
    """First beats of the bars: a subset of the beats."""
    attacks_seconds: tuple[float, ...] = ()
    """Attacks on beats, to 2 ms: at most one for each beat, within 40 ms of it."""
    key: str | None = Field(default=None, max_length=20)
    """Key such as `A minor` or `F# major`; None without pitch."""
    camelot: str | None = Field(default=None, pattern="^([1-9]|1[0-2])[AB]$")
    """Camelot code of the key, such as `8A`; None without pitch."""
    key_confidence: Share
    integrated_lufs: Figure
    loudness_range_lu: Amount
    true_peak_dbtp: Figure
    short_term_lufs: tuple[float, ...] = ()
    """EBU R128 short-term loudness (3 s) at each second, in LUFS."""
    momentary_lufs: tuple[float, ...] = ()
    """EBU R128 momentary loudness of each 0.4 s, in LUFS."""
    heard_bass: tuple[Share, ...] = ()
    """Share of the loudness (as power) of each 0.4 s that is lost when the engine removes the bass."""
    cues: Cues
    features: Features
