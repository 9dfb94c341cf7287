"""A track of the catalogue: who made it, where it lies, how loud it is and where its sound begins and ends."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from rtc_drift.media import samples


class Track(BaseModel):
    """One playable piece of music. Frozen; times in seconds of the file's own audio."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    """From the file's content, so it survives a move or a rename."""
    path: Path
    title: str
    """The tag, or the file's name without its suffix."""
    artist: str = ""
    album: str = ""
    genre: str = ""
    year: int | None = None
    track_number: int | None = None
    has_cover: bool = False
    duration_seconds: float = Field(gt=0)
    integrated_lufs: float = Field(le=20)
    """Integrated loudness (EBU R128, ffmpeg's `ebur128`); -70 for silence."""
    true_peak_dbtp: float
    """True peak in dB relative to full scale (`ebur128`); -120 for silence."""
    first_sound_seconds: float = Field(ge=0)
    """Where the music rises above -60 dBFS for the first time; 0 for silence."""
    last_sound_seconds: float = Field(gt=0)
    """Where it falls below -60 dBFS for the last time; the duration for silence."""

    @property
    def duration_samples(self) -> int:
        """Duration in samples at 48 kHz."""
        return samples(self.duration_seconds)


class Unplayable(BaseModel):
    """A file that can't be played, and why, in one sentence a person understands."""

    model_config = ConfigDict(frozen=True)

    path: Path
    reason: str
    passing: bool = False
    """It could not be read this time, which says nothing about what it holds."""


def legible(path: Path) -> str:
    """A path for people, and for JSON: file names need not be valid UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")
