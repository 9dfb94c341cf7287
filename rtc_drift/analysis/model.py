"""The result of analysing a track: values only. Times in seconds of the file's own audio."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

VERSION = 5
"""Version of the measurements. With a greater one, all tracks are analysed again."""
PITCH_CLASSES = 12

SURE_TEMPO = 0.3
"""Least `tempo_confidence` to rely on. The usual doubt is whether to count twice as fast, which moves no beat."""

MAX_AMOUNT = 1e6
"""Bound of all figures, far beyond what any sound gives, so that figures can be added and squared."""

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, le=MAX_AMOUNT)]
Figure = Annotated[float, Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
Role = Literal["intro", "body", "break", "outro"]
ROLES: tuple[Role, ...] = ("intro", "body", "break", "outro")


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


class Section(_Model):
    """A part of a track, from one change of the music to the next."""

    starts_seconds: Amount
    """Start of the section: a downbeat where bars are known."""
    role: Role
    """Place of the section by its energy: before the body, in it, a quiet part within it, or after it."""
    energy: Figure
    """Mean loudness minus that of the whole track, in LU."""
    drums: Share
    """Onset strength on its beats, as a share of the usual one of the track; 0 without beats."""


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
    phrases_confidence: Share = 0.0
    """Certainty that the phrases begin where the music changes."""
    phrases_seconds: tuple[float, ...] = ()
    """First beats of the phrases, usually 8 or 16 bars long: a subset of the downbeats; none if bars are not sure."""
    sections: tuple[Section, ...] = ()
    """Parts of the track in order; the first starts with its sound."""
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
    heard_highs: tuple[Share, ...] = ()
    """Share of the loudness (as power) of each 0.4 s that is lost when the engine removes the highs."""
    chroma: tuple[Share, ...] = ()
    """Strength of the 12 pitch classes, from C upwards, in one second after the other: fifteenths to two decimals.

    It is that above the middle pitch class, divided by the greatest, which is 1; a second without pitch has only 0.
    """
    cues: Cues
    features: Features
