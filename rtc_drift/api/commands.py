"""Command routes: `POST /session/{id}/NAME`, answered with when the command will be heard."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from aiohttp import web

from rtc_drift.api import schemas
from rtc_drift.api.context import context, session_of
from rtc_drift.api.errors import json_body
from rtc_drift.api.schemas import model_response
from rtc_drift.station import requests, views
from rtc_drift.station.commands import Accepted, NoSuchTrackError
from rtc_drift.station.requests import REQUESTS, Run
from rtc_drift.station.session import Session


@dataclass(frozen=True, slots=True)
class Command:
    """A command over HTTP: the model of its body, and what carries it out."""

    body: type[views.Wire]
    run: Callable[[web.Request, Session, Any], Accepted | Awaitable[Accepted]]

    async def handle(self, request: web.Request) -> web.Response:
        """Read the body, carry out the command, answer 202.

        Nothing is awaited between reading and carrying out, so commands take effect in the order they came.
        """
        session = session_of(request)
        body = await json_body(request, self.body)
        accepted = self.run(request, session, body)
        if isawaitable(accepted):
            accepted = await accepted
        session.station.wake()
        if accepted.renew is not None:
            await session.station.plans_settled()
            accepted = accepted.renew()
        loved, track, transition = session.station.loved, accepted.track, accepted.transition
        answer = schemas.CommandAccepted(
            starts_at=accepted.starts_at,
            track=views.TrackInfo.of(track, loved) if track else None,
            transition=views.TransitionInfo.of(transition) if transition else None,
        )
        return model_response(answer, status=202)


async def _love(request: web.Request, session: Session, body: requests.LoveRequest) -> Accepted:
    service = context(request)
    track = service.library.get(body.track_id)
    if track is None:
        raise NoSuchTrackError
    await service.library.loved.set(track.id, body.value)
    service.sessions.publish_love(track.id, body.value)
    return Accepted(session.station.now(), track, None)


def _steers(run: Run) -> Callable[[web.Request, Session, Any], Accepted]:
    return lambda _, session, body: run(session.station.commands, body)


COMMANDS = {name: Command(body, _steers(run)) for name, (body, run) in REQUESTS.items()} | {
    "love": Command(requests.LoveRequest, _love)
}
