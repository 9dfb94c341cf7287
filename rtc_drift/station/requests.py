"""What each command's body must be, and what it does to a programme: for HTTP, and for who renders offline."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pydantic import Field

from rtc_drift.mixing.model import When
from rtc_drift.station import views
from rtc_drift.station.commands import Accepted, Commands
from rtc_drift.station.views import Wire


class Nothing(Wire):
    """A command that needs no more than its name."""


class NextTrackRequest(Wire):
    """Without a track the planned one comes; with a direction one is chosen for it."""

    track_id: str | None = None
    direction: str | None = None
    when: When = "bar"
    """The next bar, if it is known and comes within 2.2 s, else the next beat; or at once."""


class SeekRequest(Wire):
    position_seconds: float = Field(ge=0, allow_inf_nan=False)


class QueueRequest(Wire):
    track_id: str


class DirectionRequest(Wire):
    direction: str | None


class LoveRequest(Wire):
    track_id: str
    value: bool


Run: TypeAlias = Callable[[Commands, Any], Accepted]
"""Carry out a command, given its body. Raises what `Commands` says."""

REQUESTS: Mapping[str, tuple[type[views.Wire], Run]] = {
    "next-track": (
        NextTrackRequest,
        lambda commands, body: commands.next_track(body.track_id, body.direction, body.when),
    ),
    "previous": (Nothing, lambda commands, _: commands.previous()),
    "pause": (Nothing, lambda commands, _: commands.pause()),
    "resume": (Nothing, lambda commands, _: commands.resume()),
    "seek": (SeekRequest, lambda commands, body: commands.seek(body.position_seconds)),
    "queue": (QueueRequest, lambda commands, body: commands.enqueue(body.track_id)),
    "direction": (DirectionRequest, lambda commands, body: commands.steer(body.direction)),
    "reset-drift": (Nothing, lambda commands, _: commands.reset_drift()),
}
"""By name. Who is to be loved is no matter of the programme: see whoever takes commands."""
