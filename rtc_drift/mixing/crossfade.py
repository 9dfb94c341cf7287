"""Transitions between tracks of which nothing is known but where their sound begins and ends."""

from rtc_drift.library.track import Track
from rtc_drift.media import samples
from rtc_drift.mixing.model import Transition

CROSSFADE = samples(6.0)
"""Overlap of two tracks that both play to their end."""
SKIP_FADE = samples(1.2)
"""Overlap when somebody wants the next track now: short enough to be an answer, long enough to be no cut."""
HUSH = samples(0.05)
"""The ramp where somebody pauses, resumes or goes elsewhere in a track: no click, and no waiting."""


def natural_transition(outgoing: Track, incoming: Track, entered_at: int) -> Transition:
    """The crossfade at the end of a track that was heard from file position `entered_at` (samples).

    It ends where the outgoing track's sound ends, starts the incoming one where its sound starts, and takes at most a
    quarter of what either has to give, so that short pieces are still heard.
    """
    last = max(samples(outgoing.last_sound_seconds), entered_at + 1)
    first = samples(incoming.first_sound_seconds)
    duration = min(CROSSFADE, (last - entered_at) // 4, sounding_samples(incoming) // 4)
    return Transition("crossfade", leave_at=last - duration, enter_at=first, duration=duration)


def immediate_transition(incoming: Track, position: int, duration: int) -> Transition:
    """The crossfade of at most `duration` samples when the outgoing track is left at `position` (samples)."""
    return Transition(
        "skip",
        leave_at=position,
        enter_at=samples(incoming.first_sound_seconds),
        duration=min(duration, sounding_samples(incoming) // 4),
    )


def sounding_samples(track: Track) -> int:
    """How many samples lie between a track's first and last sound; at least 1."""
    return max(1, samples(track.last_sound_seconds) - samples(track.first_sound_seconds))
