"""The commands by name: what the body of each must be, and which method carries it out. For HTTP and for renderings."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pydantic import Field

from rtc_drift.mixing.model import When
from rtc_drift.selection.journey import QUEUE
from rtc_drift.station.commands import Accepted, Commands
from rtc_drift.station.views import Wire


class Nothing(Wire):
    """The empty body of a command that needs only its name."""


class NextTrackRequest(Wire):
    """The body of `next-track`. Without a track the planned one comes; with a direction one is chosen for it."""

    track_id: str | None = None
    direction: str | None = None
    when: When = "bar"
    """`bar`: on the next bar if it is known and comes within 2.2 s, else on the next beat. `now`: at once."""


class SeekRequest(Wire):
    """The body of `seek`."""

    position_seconds: float = Field(ge=0, allow_inf_nan=False)


class QueueRequest(Wire):
    """The body of `queue`. Without a position the track comes last."""

    track_id: str
    position: int | None = Field(None, ge=0, le=QUEUE)


class QueueRemoveRequest(Wire):
    """The body of `queue-remove`."""

    entry_id: int


class QueueMoveRequest(Wire):
    """The body of `queue-move`. A position behind the end is the last one."""

    entry_id: int
    position: int = Field(ge=0, le=QUEUE)


class DirectionRequest(Wire):
    """The body of `direction`; null ends steering."""

    direction: str | None


class LoveRequest(Wire):
    """The body of `love`."""

    track_id: str
    value: bool


Run: TypeAlias = Callable[[Commands, Any], Accepted]
"""Carries out a command, given its body. Raises what `Commands` raises."""

REQUESTS: Mapping[str, tuple[type[Wire], Run]] = {
    "next-track": (
        NextTrackRequest,
        lambda commands, body: commands.next_track(body.track_id, body.direction, body.when),
    ),
    "previous": (Nothing, lambda commands, _: commands.previous()),
    "pause": (Nothing, lambda commands, _: commands.pause()),
    "resume": (Nothing, lambda commands, _: commands.resume()),
    "seek": (SeekRequest, lambda commands, body: commands.seek(body.position_seconds)),
    "queue": (QueueRequest, lambda commands, body: commands.enqueue(body.track_id, body.position)),
    "queue-remove": (QueueRemoveRequest, lambda commands, body: commands.unqueue(body.entry_id)),
    "queue-move": (QueueMoveRequest, lambda commands, body: commands.move(body.entry_id, body.position)),
    "direction": (DirectionRequest, lambda commands, body: commands.steer(body.direction)),
    "reset-drift": (Nothing, lambda commands, _: commands.reset_drift()),
}
"""All commands of a station. `love` is not among them: it concerns the library."""
