"""The errors of commands as people read them: a sentence, a code, and the status it has over HTTP."""

from dataclasses import dataclass

from rtc_drift.selection.directions import DIRECTIONS
from rtc_drift.selection.journey import QUEUE
from rtc_drift.selection.queue import NoSuchEntryError
from rtc_drift.station.commands import NoSuchDirectionError, NoSuchTrackError, OutOfTrackError, QueueFullError
from rtc_drift.station.on_air import NothingToPlayError, TooManyCommandsError


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command's error, ready to be shown."""

    status: int
    code: str
    sentence: str
    field: str | None = None
    """The field of the body that is wrong, if one is."""


def refusal(error: Exception) -> Refusal | None:
    """Translate an error that a command raised; None for errors of other kinds."""
    match error:
        case NoSuchTrackError():
            sentence = f"{error.field}: there is no such track in the library."
            return Refusal(422, "unknown_track", sentence, error.field)
        case OutOfTrackError():
            sentence = f"positionSeconds: the track is {error.duration_seconds:.1f} seconds long."
            return Refusal(422, "out_of_track", sentence, "positionSeconds")
        case NoSuchDirectionError():
            sentence = f"direction: must be null or one of {', '.join(DIRECTIONS)}."
            return Refusal(422, "unknown_direction", sentence, "direction")
        case NoSuchEntryError():
            return Refusal(422, "unknown_entry", "entryId: the queue has no such entry, or no longer.", "entryId")
        case QueueFullError():
            return Refusal(409, "queue_full", f"The queue is full ({QUEUE} tracks).")
        case TooManyCommandsError():
            return Refusal(503, "too_many_commands", "Too many commands at once. Try again in a moment.")
        case NothingToPlayError():
            return Refusal(503, "nothing_to_play", "No playable track yet.")
    return None
