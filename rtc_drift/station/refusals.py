"""Why a command is refused, in a sentence for people; with the status it has over HTTP."""

from dataclasses import dataclass

from rtc_drift.selection.directions import DIRECTIONS
from rtc_drift.selection.journey import QUEUE
from rtc_drift.station.autodj import NothingToPlayError
from rtc_drift.station.commands import NoSuchDirectionError, NoSuchTrackError, OutOfTrackError, QueueFullError
from rtc_drift.station.on_air import TooManyCommandsError


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as people are told it."""

    status: int
    code: str
    sentence: str
    field: str | None = None
    """Of the body, where that is what is wrong."""


def refusal(error: Exception) -> Refusal | None:
    """What is said when carrying out a command raised this; None for an error of another kind."""
    match error:
        case NoSuchTrackError():
            sentence = f"{error.field}: there is no such track in the library."
            return Refusal(422, "unknown_track", sentence, error.field)
        case OutOfTrackError():
            sentence = f"positionSeconds: the track is {error.duration_seconds:.1f} seconds long."
            return Refusal(422, "out_of_track", sentence, "positionSeconds")
        case NoSuchDirectionError():
            sentence = f"direction: one of {', '.join(DIRECTIONS)}, or null."
            return Refusal(422, "unknown_direction", sentence, "direction")
        case QueueFullError():
            return Refusal(409, "queue_full", f"{QUEUE} tracks wait already; no more can be queued.")
        case TooManyCommandsError():
            return Refusal(503, "too_many_commands", "More commands came at once than can be carried out.")
        case NothingToPlayError():
            return Refusal(503, "nothing_to_play", "There is no track that can be played yet.")
    return None
