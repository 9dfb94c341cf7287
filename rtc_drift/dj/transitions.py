"""The plan of a transition: a value that a pure function returns."""

from rtc_drift.dj.plan import Transition
from rtc_drift.library.track import Track
from rtc_drift.media import amplitude, samples

TARGET_LUFS = -16.0
CROSSFADE = samples(6.0)
"""Overlap of two tracks that both play to their end."""
SKIP_FADE = samples(1.2)
"""Overlap when somebody wants the next track now: short enough to be an answer, long enough to be no cut."""
HUSH = samples(0.05)
"""The ramp where somebody pauses, resumes or goes elsewhere in a track: no click, and no waiting."""
MAX_BOOST_DB = 12.0
MAX_CUT_DB = 24.0


def levelled_gain(track: Track) -> float:
    """Linear gain that brings a track's integrated loudness to -16 LUFS (EBU R128), within +12 and -24 dB.

    Silence is left alone: there is nothing to level, and the boost would only raise noise.
    """
    if track.integrated_lufs <= -60:
        return 1.0
    return amplitude(max(-MAX_CUT_DB, min(MAX_BOOST_DB, TARGET_LUFS - track.integrated_lufs)))


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
