"""Commands: `POST /session/{id}/NAME`, each answered with when it will be heard."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from aiohttp import web

from rtc_drift import events
from rtc_drift.api import schemas
from rtc_drift.api.answers import model_response
from rtc_drift.api.context import context, session_of
from rtc_drift.api.errors import json_body
from rtc_drift.session import Session
from rtc_drift.steering import Accepted, NoSuchTrackError


@dataclass(frozen=True, slots=True)
class Command:
    """What a command's body must be, and what it does."""

    body: type[events.Wire]
    run: Callable[[web.Request, Session, Any], Accepted | Awaitable[Accepted]]

    async def handle(self, request: web.Request) -> web.Response:
        """Read, carry out, answer. Between reading and carrying out nothing is awaited: first come, first served."""
        session = session_of(request)
        body = await json_body(request, self.body)
        accepted = self.run(request, session, body)
        if isawaitable(accepted):
            accepted = await accepted
        session.station.wake()
        loved, track, transition = session.station.loved, accepted.track, accepted.transition
        answer = schemas.CommandAccepted(
            starts_at=accepted.starts_at,
            track=events.TrackInfo.of(track, loved) if track else None,
            transition=events.TransitionInfo.of(transition) if transition else None,
        )
        return model_response(answer, status=202)


def _next_track(_: web.Request, session: Session, body: schemas.NextTrackRequest) -> Accepted:
    return session.station.steering.next_track(body.track_id, body.direction, body.when)


def _previous(_: web.Request, session: Session, __: schemas.Nothing) -> Accepted:
    return session.station.steering.previous()


def _pause(_: web.Request, session: Session, __: schemas.Nothing) -> Accepted:
    return session.station.steering.pause()


def _resume(_: web.Request, session: Session, __: schemas.Nothing) -> Accepted:
    return session.station.steering.resume()


def _seek(_: web.Request, session: Session, body: schemas.SeekRequest) -> Accepted:
    return session.station.steering.seek(body.position_seconds)


def _queue(_: web.Request, session: Session, body: schemas.QueueRequest) -> Accepted:
    return session.station.steering.enqueue(body.track_id)


def _direction(_: web.Request, session: Session, body: schemas.DirectionRequest) -> Accepted:
    return session.station.steering.steer(body.direction)


def _reset_drift(_: web.Request, session: Session, __: schemas.Nothing) -> Accepted:
    return session.station.steering.reset_drift()


async def _love(request: web.Request, session: Session, body: schemas.LoveRequest) -> Accepted:
    service = context(request)
    track = service.library.get(body.track_id)
    if track is None:
        raise NoSuchTrackError
    await service.library.loved.set(track.id, body.value)
    service.sessions.tell_love(track.id, body.value)
    return Accepted(session.station.now(), track, None)


COMMANDS = {
    "next-track": Command(schemas.NextTrackRequest, _next_track),
    "previous": Command(schemas.Nothing, _previous),
    "pause": Command(schemas.Nothing, _pause),
    "resume": Command(schemas.Nothing, _resume),
    "seek": Command(schemas.SeekRequest, _seek),
    "queue": Command(schemas.QueueRequest, _queue),
    "direction": Command(schemas.DirectionRequest, _direction),
    "love": Command(schemas.LoveRequest, _love),
    "reset-drift": Command(schemas.Nothing, _reset_drift),
}
