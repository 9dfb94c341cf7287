"""What each command's body must be, and what it does to a programme: for HTTP, and for who renders offline."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from rtc_drift.api import schemas
from rtc_drift.station import events
from rtc_drift.station.commands import Accepted, Steering

Run: TypeAlias = Callable[[Steering, Any], Accepted]
"""Carry out a command, given its body. Raises what `Steering` says."""

ORDERS: Mapping[str, tuple[type[events.Wire], Run]] = {
    "next-track": (
        schemas.NextTrackRequest,
        lambda steering, body: steering.next_track(body.track_id, body.direction, body.when),
    ),
    "previous": (schemas.Nothing, lambda steering, _: steering.previous()),
    "pause": (schemas.Nothing, lambda steering, _: steering.pause()),
    "resume": (schemas.Nothing, lambda steering, _: steering.resume()),
    "seek": (schemas.SeekRequest, lambda steering, body: steering.seek(body.position_seconds)),
    "queue": (schemas.QueueRequest, lambda steering, body: steering.enqueue(body.track_id)),
    "direction": (schemas.DirectionRequest, lambda steering, body: steering.steer(body.direction)),
    "reset-drift": (schemas.Nothing, lambda steering, _: steering.reset_drift()),
}
"""By name. Who is to be loved is no matter of the programme: see whoever takes commands."""
