"""An entry of a programme: a play, the track it plays, and how it came in."""

from dataclasses import dataclass

from rtc_drift.engine.protocol.plays import Play
from rtc_drift.library.track import Track
from rtc_drift.mixing.model import Transition
from rtc_drift.selection.choice import Why
from rtc_drift.stretching.warp import Warp

SAME_TRACK = ("seek", "resume")
"""Kinds of transitions after which the same track goes on."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A play, the track it plays, and how it came in."""

    play: Play
    track: Track
    transition: Transition
    reason: str
    queued: bool = False
    """True if it came from the queue."""
    why: Why | None = None
    """Figures of the choice, if it was chosen by sound."""
    sound_ends: int | None = None
    """The media time at which its file breaks off, if it does."""
    lead_out_warp: Warp | None = None
    """The warp of its stretched ending, while one is planned."""

    @property
    def full_reason(self) -> str:
        """The reason, and how the track is joined, if that counted when it was chosen: by its sound, on the beat."""
        is_joined = self.why is not None and self.transition.style == "beat-matched"
        return " ".join((self.reason, *self.transition.reasons[:1])) if is_joined else self.reason

    def position_at(self, media_time: int) -> int:
        """Return the file's sample that sounds at a media time, also where it is stretched."""
        warp, out, play = self.lead_warp, self.lead_out_warp, self.play
        if warp is not None and media_time < play.start + warp.length:
            return round(warp.position_at(media_time - play.start))
        if out is not None and play.lead_out is not None:
            begins = play.time_of(play.lead_out.begins_at)
            if media_time > begins:
                return round(out.position_at(media_time - begins))
        return play.position_at(media_time)

    def time_of(self, position: int) -> int:
        """Return the media time at which a sample of the file sounds: the inverse of `position_at`."""
        warp, out, play = self.lead_warp, self.lead_out_warp, self.play
        if warp is not None and position < warp.resumes_at:
            return play.start + round(warp.output_at(position))
        if out is not None and play.lead_out is not None and position > play.lead_out.begins_at:
            return play.time_of(play.lead_out.begins_at) + round(out.output_at(position))
        return play.time_of(position)

    @property
    def lead_warp(self) -> Warp | None:
        """The warp of its stretched intro, if it has one."""
        return self.transition.lead_warp if self.play.lead is not None else None

    @property
    def position_map(self) -> tuple[tuple[int, int], ...] | None:
        """Media times and the file's samples that sound then, straight between, while it is at another tempo.

        None if it never is. After the last pair it goes on at its own tempo.
        """
        warp = self.lead_warp
        if warp is None:
            return None
        return tuple((self.play.start + round(output), round(file)) for output, file in warp.knots)

    @property
    def natural_end(self) -> int:
        """The media time at which it ends if nothing else is planned."""
        end = self.play.start + max(1, self.track.duration_samples - self.play.offset)
        return end if self.sound_ends is None else max(self.play.start + 1, min(end, self.sound_ends))
