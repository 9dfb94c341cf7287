"""The result of analysing a track. Values only; times in seconds of the file's own audio."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

VERSION = 4
"""Of what is measured: a greater one has every track analysed anew."""
CURVES = ("beats_seconds", "downbeats_seconds", "attacks_seconds", "short_term_lufs", "momentary_lufs", "heard_bass")
"""The fields of an `Analysis` that are long, and of no use for choosing."""

SURE_TEMPO = 0.3
"""Least `tempo_confidence` to rely on. Most doubt is whether to count twice as fast, which moves no beat."""

Share = Annotated[float, Field(ge=0, le=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, allow_inf_nan=False)


class Cues(_Model):
    """Where a mix may leave or enter, in order; each within the track."""

    first_sound_seconds: float = Field(ge=0)
    """Where the sound rises above -60 dBFS for the first time."""
    intro_end_seconds: float = Field(ge=0)
    """Where the energy settles at what is usual for the track."""
    outro_start_seconds: float = Field(ge=0)
    """The last downbeat before the energy leaves that level for good."""
    last_sound_seconds: float = Field(ge=0)
    """Where the sound falls below -60 dBFS for the last time."""


class Features(_Model):
    """One number for each side of how a track sounds. Formulas stand where they are computed."""

    tempo: float = Field(ge=0)
    """Beats per minute; 0 where there is no beat."""
    onset_density: float = Field(ge=0)
    """Onsets per second."""
    beat_strength: float = Field(ge=0)
    """Mean onset strength at beats by that of the whole."""
    danceability: float = Field(ge=0)
    """Beat regularity by strength."""
    energy: float = Field(ge=0)
    brightness: float = Field(ge=0)
    """Spectral centroid, Hz."""
    bass: Share
    """Power below 150 Hz by the power of all."""
    air: Share
    """Power above 6 kHz by the power of all."""
    noisiness: Share
    """Spectral flatness."""
    spread: float = Field(ge=0)
    """Spectral spread, Hz."""
    dynamics: float = Field(ge=0)
    """Crest, dB."""
    tonal_clarity: Share
    harmonic_change: float = Field(ge=0)
    """Per second."""
    complexity: float = Field(ge=0)
    timbre: tuple[float, ...] = Field(min_length=24, max_length=24)
    """MFCC 1 to 12: means, then standard deviations."""


class Analysis(_Model):
    """Everything that was measured of one track."""

    tempo_bpm: float | None = Field(default=None, gt=0)
    """None without a beat."""
    tempo_confidence: Share
    beats_confidence: Share = 0.0
    """That the beats are where one would tap, and not half a beat later."""
    beats_seconds: tuple[float, ...] = ()
    downbeats_seconds: tuple[float, ...] = ()
    """A subset of the beats."""
    attacks_seconds: tuple[float, ...] = ()
    """What is struck on beats, more exactly than they are known: at most one for each, within 40 ms of it."""
    key: str | None = None
    """`A minor`, `F# major`; None for what has no pitch."""
    camelot: str | None = None
    """`8A`."""
    key_confidence: Share
    integrated_lufs: float
    loudness_range_lu: float = Field(ge=0)
    true_peak_dbtp: float
    short_term_lufs: tuple[float, ...] = ()
    """EBU R128 short-term loudness (3 s), one for each second."""
    momentary_lufs: tuple[float, ...] = ()
    """EBU R128 momentary loudness of each 0.4 s."""
    heard_bass: tuple[Share, ...] = ()
    """Of the loudness of each 0.4 s (as power), what is lost when the engine takes its bass."""
    cues: Cues
    features: Features
