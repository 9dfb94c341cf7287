"""The RTP clock of a session's listeners."""

from collections.abc import Iterable
from datetime import UTC, datetime

from aiohttp import web

from rtc_drift.api import schemas
from rtc_drift.api.context import context, session_of
from rtc_drift.api.errors import ApiError
from rtc_drift.api.schemas import model_response
from rtc_drift.media import SAMPLE_RATE
from rtc_drift.signaling import SentStream
from rtc_drift.station.session import Session


async def rtp_clock(request: web.Request) -> web.Response:
    """GET /api/session/{id}/rtp-clock?ssrc=…: the clock of one listener, without the whole state."""
    session = session_of(request)
    ssrc = ssrc_of(request)
    if ssrc is None:
        raise _bad_ssrc()
    found = next(iter(context(request).listeners.sent_to(session, ssrc)), None)
    if found is None:
        raise ApiError(404, "listener_not_found", "There is no such listener. It may have ended.")
    answer = schemas.ListenerClock(
        sample_rate=SAMPLE_RATE, media_time=session.station.now(), at=datetime.now(UTC), offset=found.rtp_offset
    )
    return model_response(answer)


def ssrc_of(request: web.Request) -> int | None:
    """Return the SSRC that a request asks for, if it does. Raises ApiError."""
    text = request.query.get("ssrc")
    if text is not None and not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise _bad_ssrc()
    return None if text is None else int(text)


def clock_of(session: Session, sent_to: Iterable[SentStream]) -> schemas.RtpClock:
    """Return the clock of some listeners of a session."""
    return schemas.RtpClock(
        sample_rate=SAMPLE_RATE,
        media_time=session.station.now(),
        at=datetime.now(UTC),
        offsets={str(stream.ssrc): stream.rtp_offset for stream in sent_to},
    )


def _bad_ssrc() -> ApiError:
    return ApiError(422, "invalid_field", "ssrc: must be a number of at most ten digits.", field="ssrc")
