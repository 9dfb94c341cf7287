"""Routes of the directions: those there are, and where the music may go from here."""

from aiohttp import web

from rtc_drift.api import schemas
from rtc_drift.api.context import context
from rtc_drift.api.schemas import model_response
from rtc_drift.selection.directions import DIRECTIONS, OPPOSITES
from rtc_drift.station import views
from rtc_drift.station.session import MASTER


async def directions(request: web.Request) -> web.Response:
    """GET /api/directions: the named ones, and those discovered in the library."""
    found = context(request).spaces.space.axes.directions
    opposites = {one: other for pair in OPPOSITES for one, other in (pair, pair[::-1])}
    named = [
        schemas.DirectionInfo(direction=it, label=it.replace("_", " "), opposite=opposites[it], discovered=False)
        for it in DIRECTIONS
    ]
    discovered = [
        schemas.DirectionInfo(direction=it.id, label=it.label, opposite=it.opposite, discovered=True)
        for it in found.values()
        if it.is_discovered
    ]
    return model_response(schemas.DirectionList(directions=[*named, *discovered]))


async def explorer(request: web.Request) -> web.Response:
    """GET /api/explorer?sessionId=…: the directions open from the present track, with sample tracks."""
    session = context(request).sessions.find(request.query.get("sessionId", MASTER))
    station = session.station
    playing = station.autodj.now_playing()
    answer = schemas.Explorer(
        session_id=session.id,
        track_id=playing.track.id if playing else None,
        direction=station.autodj.journey.direction,
        directions=[views.OpenDirection.of(it, station.loved) for it in station.explorer],
    )
    return model_response(answer)
