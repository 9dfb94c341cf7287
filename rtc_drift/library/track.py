"""Tracks, and files that can't be played."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from rtc_drift.media import samples

MAX_SECONDS = 100 * 3_600
"""Greatest length of a track: 100 hours."""


class Track(BaseModel):
    """One playable file: tags, length, loudness, first and last sound. Times in seconds of the file's own audio."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    """Hash of the file's content, so it stays the same after a move or a rename."""
    path: Path
    title: str
    """Title tag, or the file's name without its suffix."""
    artist: str = ""
    album: str = ""
    genre: str = ""
    year: int | None = None
    track_number: int | None = None
    has_cover: bool = False
    duration_seconds: float = Field(gt=0, le=MAX_SECONDS)
    integrated_lufs: float = Field(ge=-200, le=20)
    """Integrated loudness (EBU R128, ffmpeg's `ebur128`); -70 for silence."""
    true_peak_dbtp: float = Field(ge=-200, le=200)
    """True peak in dB relative to full scale (`ebur128`); -120 for silence."""
    first_sound_seconds: float = Field(ge=0, le=MAX_SECONDS)
    """Time at which the sound first rises above -60 dBFS; 0 for silence."""
    last_sound_seconds: float = Field(gt=0, le=MAX_SECONDS)
    """Time at which the sound falls below -60 dBFS for the last time; the duration for silence."""

    @property
    def duration_samples(self) -> int:
        """Duration in samples at 48 kHz."""
        return samples(self.duration_seconds)


class Unplayable(BaseModel):
    """A file that can't be played, with the reason as one sentence for users."""

    model_config = ConfigDict(frozen=True)

    path: Path
    reason: str
    temporary: bool = False
    """True if the file could not be read this time; its content may be fine."""


def number_of(track_id: str) -> int:
    """Return a track's id as a number; −1 for a text that is no id."""
    try:
        number = int(track_id, 16)
    except ValueError:
        return -1
    return number if id_of(number) == track_id else -1


def id_of(number: int) -> str:
    """Return the id that a number stands for."""
    return f"{number:016x}"


def legible(path: Path) -> str:
    """Return a path as valid UTF-8, for people and for JSON; file names may hold any bytes."""
    return os.fsencode(path).decode("utf-8", "replace")
