"""Library routes: status and tracks."""

from aiohttp import web

from rtc_drift.api.context import context
from rtc_drift.api.errors import ApiError
from rtc_drift.api.schemas import TrackDetail, TrackList, model_response
from rtc_drift.library.track import Track
from rtc_drift.station.views import TrackInfo

MAX_LIMIT = 500


async def status(request: web.Request) -> web.Response:
    """GET /api/library: counts and progress."""
    return model_response(context(request).library.status())


async def tracks(request: web.Request) -> web.Response:
    """GET /api/tracks?q=…&limit=…: the tracks that have every word in their title, artist or album, the best first."""
    limit = _limit(request.query.get("limit", "50"))
    library, master = context(request).library, context(request).sessions.master
    played = master.station.autodj.journey.history.played
    found, total = await library.find(request.query.get("q", ""), limit=limit, played=played)
    return model_response(TrackList(tracks=[TrackInfo.of(track, library.loved) for track in found], total=total))


async def track(request: web.Request) -> web.Response:
    """GET /api/tracks/{id}: tags and analysis."""
    library, found = context(request).library, track_of(request)
    analysis = await library.analyses.read(found.id)
    info = TrackInfo.of(found, library.loved)
    return model_response(TrackDetail(**info.model_dump(), analysis=analysis))


def track_of(request: web.Request) -> Track:
    """Return the track named in the path. Raises ApiError."""
    found = context(request).library.get(request.match_info["track_id"])
    if found is None:
        raise ApiError(404, "track_not_found", "There is no such track in the library.")
    return found


def _limit(text: str) -> int:
    # The length is checked first, because int() raises for thousands of digits.
    if len(text) > len(str(MAX_LIMIT)) or not text.isdecimal() or not 1 <= int(text) <= MAX_LIMIT:
        raise ApiError(422, "invalid_field", f"limit: must be a number from 1 to {MAX_LIMIT}.", field="limit")
    return int(text)
