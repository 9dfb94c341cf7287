"""The chosen track and the reasons for it, in figures and in words."""

from dataclasses import dataclass

from rtc_drift.library.track import Track


@dataclass(frozen=True, slots=True)
class Why:
    """The figures behind a choice: the differences between the chosen track and the current one."""

    direction: str | None
    """Id of the direction that somebody steers in; None while the music drifts on its own."""
    progress: float
    """Distance along the direction, or along the heading of the drift, in spreads of the library."""
    distance: float
    """Distance in everything else: 0 = identical, 1 = typical for two random tracks."""
    key_distance: int | None
    """Steps on the Camelot wheel; None if a key is unknown."""
    bpm_change: float | None
    """Difference of the tempos in beats per minute; None if a tempo is unknown."""
    lufs_change: float
    """Difference of the integrated loudness in LU."""


def sentence(why: Why, label: str | None, novelty: str) -> str:
    """Return the reason for people.

    For example: `Brighter. 3 BPM faster, same key. Not played for a long time.`

    Args:
        why: the figures.
        label: the label of the direction; None for the drift.
        novelty: a sentence without its full stop, or an empty string.
    """
    first = f"{label[0].upper()}{label[1:]}" if label else "Drifting on its own"
    return ". ".join(part for part in (first, _tempo_and_key(why), novelty) if part) + "."


def _tempo_and_key(why: Why) -> str:
    parts = list[str]()
    if why.bpm_change is not None:
        change = round(why.bpm_change)
        parts.append("same tempo" if change == 0 else f"{abs(change)} BPM {'faster' if change > 0 else 'slower'}")
    if why.key_distance is not None:
        steps = why.key_distance
        parts.append("same key" if steps == 0 else "neighbouring key" if steps == 1 else f"key {steps} steps away")
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Choice:
    """A track and the reason why it was chosen, in one or more sentences."""

    track: Track
    reason: str
    queued: bool = False
    """True if it comes from the queue."""
    why: Why | None = None
    """The figures behind the choice; None if the track was not chosen by its sound."""
    cost: float = 0.0
    """Cost by its sound, to be compared with that of its runners-up."""
    runners_up: "tuple[Choice, ...]" = ()
    """Tracks that are about as good, best first: one that mixes better may come instead."""
