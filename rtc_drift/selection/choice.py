"""Why a track was chosen, in figures and in words."""

from dataclasses import dataclass

from rtc_drift.library.track import Track


@dataclass(frozen=True, slots=True)
class Why:
    """How the next track differs from this one."""

    direction: str | None
    """Where somebody steers; None when the music drifts by itself."""
    progress: float
    """How much further along the direction, or the drift's own heading, in spreads of the library."""
    distance: float
    """How far in everything else; 0 = alike, 1 = as two tracks drawn by lot."""
    key_distance: int | None
    """Steps on the Camelot wheel; None where a key is not known."""
    bpm_change: float | None
    """In beats per minute; None where a tempo is not known."""
    lufs_change: float


def sentence(why: Why, label: str | None, novelty: str) -> str:
    """One for people, such as `Brighter. 3 BPM faster, same key. Not heard yet.`"""
    first = f"{label[0].upper()}{label[1:]}" if label else "Drifting on"
    return ". ".join(part for part in (first, _figures(why), novelty) if part) + "."


def _figures(why: Why) -> str:
    parts = list[str]()
    if why.bpm_change is not None:
        change = round(why.bpm_change)
        parts.append("same tempo" if change == 0 else f"{abs(change)} BPM {'faster' if change > 0 else 'slower'}")
    if why.key_distance is not None:
        steps = why.key_distance
        parts.append("same key" if steps == 0 else "neighbouring key" if steps == 1 else f"{steps} keys away")
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Choice:
    """A track and, in one sentence, why it was chosen."""

    track: Track
    reason: str
    queued: bool = False
    """It comes from the queue."""
    why: Why | None = None
    """In figures, where it was chosen by how it sounds."""
