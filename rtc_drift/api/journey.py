"""The tracks that a session has played, as JSON or as a playlist."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from rtc_drift.api import schemas
from rtc_drift.api.context import session_of
from rtc_drift.api.errors import ApiError
from rtc_drift.library.playlist import TYPES, PlaylistEntry, m3u_text, xspf_text
from rtc_drift.library.track import Track
from rtc_drift.selection.journey import Start
from rtc_drift.station.played import played_tracks
from rtc_drift.station.session import Session
from rtc_drift.station.views import PlayedTrack

FORMATS = ("json", *TYPES)
SLICE = 100
"""Number of tracks after which everything else on the event loop has its turn: about 2 ms."""
SHOWN_PARTS = 3
"""Last parts of a file's path that a playlist holds: enough to find it again, and no more of this machine."""


async def journey(request: web.Request) -> web.Response:
    """GET /api/session/{id}/journey: the tracks played, oldest first, and the present one."""
    session = session_of(request)
    wanted = request.query.get("format", "json")
    if wanted not in FORMATS:
        raise ApiError(422, "invalid_field", f"format: must be one of {', '.join(FORMATS)}.", field="format")
    if wanted == "json":
        return await _as_json(session)
    entries = [_entry(track, start) async for track, start in _played(session)]
    name = session.following or session.id
    text = m3u_text(entries) if wanted == "m3u" else xspf_text(f"rtc-drift: {name}", entries)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{"m3u8" if wanted == "m3u" else wanted}"'}
    return web.Response(text=text, content_type=TYPES[wanted], charset="utf-8", headers=headers)


async def _as_json(session: Session) -> web.Response:
    loved = session.station.loved
    tracks = [
        PlayedTrack.of(track, start.at, loved).model_dump_json(by_alias=True) async for track, start in _played(session)
    ]
    empty = schemas.Journey(session_id=session.id, tracks=[]).model_dump_json(by_alias=True)
    return web.Response(text=f"{empty.removesuffix(']}')}{','.join(tracks)}]}}", content_type="application/json")


async def _played(session: Session) -> AsyncIterator[tuple[Track, Start]]:
    starts = session.station.autodj.journey.history.starts
    for number, played in enumerate(played_tracks(starts, session.station.find_track), 1):
        if number % SLICE == 0:
            await asyncio.sleep(0)
        yield played


def _entry(track: Track, start: Start) -> PlaylistEntry:
    note = "" if start.at is None else f"Started {datetime.fromtimestamp(start.at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    location = str(Path(*track.path.parts[-SHOWN_PARTS:])).removeprefix("/")
    return PlaylistEntry(location, track.artist, track.title, track.album, track.duration_seconds, note)
