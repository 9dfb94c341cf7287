"""Plain transitions between tracks, of which only the first and the last sound are known."""

from rtc_drift.library.track import Track
from rtc_drift.media import samples
from rtc_drift.mixing.model import Transition

CROSSFADE = samples(6.0)
"""Overlap of two tracks that both play to their end, in samples."""
SKIP_FADE = samples(1.2)
"""Overlap when somebody skips a track, in samples: short enough for an answer, long enough for a crossfade."""
HUSH = samples(0.05)
"""Ramp when somebody pauses, resumes or seeks, in samples: no click, and no delay."""


def natural_transition(outgoing: Track, incoming: Track, entered_at: int) -> Transition:
    """Return the crossfade at the end of a track that was played from file position `entered_at` (samples) on.

    It ends with the last sound of the outgoing track, and enters the incoming one at its first sound. It takes at most
    a quarter of either track, so that short tracks are still heard.
    """
    last = max(samples(outgoing.last_sound_seconds), entered_at + 1)
    first = samples(incoming.first_sound_seconds)
    duration = min(CROSSFADE, (last - entered_at) // 4, sounding_samples(incoming) // 4)
    return Transition("crossfade", leave_at=last - duration, enter_at=first, duration=duration)


def immediate_transition(incoming: Track, position: int, duration: int) -> Transition:
    """Return the crossfade of at most `duration` samples when the outgoing track is left at `position` (samples)."""
    return Transition(
        "skip",
        leave_at=position,
        enter_at=samples(incoming.first_sound_seconds),
        duration=min(duration, sounding_samples(incoming) // 4),
    )


def sounding_samples(track: Track) -> int:
    """Return the number of samples between a track's first and last sound; at least 1."""
    return max(1, samples(track.last_sound_seconds) - samples(track.first_sound_seconds))
