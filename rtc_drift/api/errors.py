"""Errors over HTTP: `{"error": sentence, "code": snake_case}` with the right status; never a stack trace."""

import json
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from rtc_drift.api.context import context
from rtc_drift.api.link_limit import LinkLimitError
from rtc_drift.api.request_id import request_id
from rtc_drift.library.covers import CoverTimeoutError, TooManyCoversError
from rtc_drift.library.database import CatalogueError
from rtc_drift.library.playlist import BadPlaylistError
from rtc_drift.library.playlist_search import PlaylistsBusyError
from rtc_drift.library.search import SearchBusyError
from rtc_drift.sessions import (
    BadNameError,
    MasterProtectedError,
    NoSuchSessionError,
    SessionExistsError,
    SessionLimitError,
)
from rtc_drift.signaling import IceRestartError, JoiningLimitError, ListenerLimitError
from rtc_drift.station.refusals import refusal
from rtc_drift.webrtc.aiortc_internals import IceUnavailableError
from rtc_drift.webrtc.offer_bounds import BadOfferError
from rtc_drift.webrtc.peer import NoCandidatesError
from rtc_drift.webrtc.sdp import UnsupportedOfferError

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Body = TypeVar("Body", bound=BaseModel)

RETRY_AFTER_SECONDS = 5


class BodyTimeoutError(TimeoutError):
    """The body of a request did not come in time."""


class ApiError(Exception):
    """An error as it is answered."""

    def __init__(self, status: int, code: str, sentence: str, **more: Any) -> None:
        super().__init__(sentence)
        self.status = status
        self.body = {"error": sentence, "code": code, **more}
        self.headers: dict[str, str] = {}
        if status in (429, 503):
            retry_later(self)


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn exceptions into error answers."""
    try:
        request_id(request)  # before a handler gets another view of the request
        return await handler(request)
    except ApiError as error:
        return _answer(error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        code = HTTPStatus(error.status).phrase.lower().replace(" ", "_")
        answer = _answer(ApiError(error.status, code, f"{error.reason}: {request.method} {request.path}."))
        if allowed := error.headers.get("Allow"):
            answer.headers["Allow"] = allowed
        return answer
    except BodyTimeoutError:
        answer = _answer(ApiError(408, "body_timeout", "The body took too long."))
        answer.force_close()
        return answer
    except (ConnectionError, TimeoutError):
        raise
    except Exception as error:
        known = _known(error)
        if known is not None:
            return _answer(known)
        context(request).metrics.unexpected_errors.inc()
        logger.exception("%s %s failed (request %s)", request.method, request.path, request_id(request))
        return _answer(ApiError(500, "internal_error", "The server failed. Its log has the details."))


async def json_body(request: web.Request, model: type[Body]) -> Body:
    """Return the request's JSON, validated; an empty body counts as `{}`.

    Raises ApiError: 415 or 400 if it is no JSON, 422 naming the field that is wrong.
    """
    data = await request.read()
    if data and request.content_type != "application/json":
        raise ApiError(415, "unsupported_media_type", "The body must be application/json.")
    if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise ApiError(400, "bad_json", "The body must be UTF-8.")
    try:
        return model.model_validate_json(data or b"{}")
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            raise ApiError(400, "bad_json", "The body is not valid JSON.") from None
        field = ".".join(str(part) for part in first["loc"]) or "body"
        raise ApiError(422, "invalid_field", f"{field}: {first['msg']}.", field=field) from None


_SENTENCES: dict[type[Exception], tuple[int, str, str]] = {
    BadNameError: (
        422,
        "bad_session_name",
        "sessionName: up to 63 lower-case letters, digits and hyphens, not a hyphen first, and no reserved word.",
    ),
    SessionExistsError: (409, "session_exists", "A session of that name exists already."),
    MasterProtectedError: (403, "master_protected", "The master session can't be ended."),
    JoiningLimitError: (503, "joining_limit", "Too many listeners are joining at this moment. Try again."),
    ListenerLimitError: (503, "listener_limit", "Listener limit reached."),
    NoCandidatesError: (
        503,
        "no_candidates",
        "The server has no free address to send from. It may have too many listeners.",
    ),
    IceUnavailableError: (503, "ice_unavailable", "The server can't send over WebRTC. See its log."),
    CatalogueError: (503, "catalogue_unavailable", "The server can't use its catalogue. See its log."),
    CoverTimeoutError: (504, "cover_timeout", "The cover could not be read in time."),
    TooManyCoversError: (503, "covers_busy", "Too many covers are being read. Try again."),
    SearchBusyError: (503, "search_busy", "Too many searches at once. Try again."),
    PlaylistsBusyError: (503, "playlists_busy", "Too many playlists at once. Try again."),
    web.RequestPayloadError: (400, "bad_body", "The body can't be read."),
}
"""Status, code and sentence of errors without further detail. The sentence of
a 422 begins with the field."""


def _known(error: Exception) -> ApiError | None:
    if (refused := refusal(error)) is not None:
        more = {} if refused.field is None else {"field": refused.field}
        return ApiError(refused.status, refused.code, refused.sentence, **more)
    for kind, (status, code, sentence) in _SENTENCES.items():
        if isinstance(error, kind):
            more = {"field": sentence.partition(":")[0]} if status == 422 else {}
            return ApiError(status, code, sentence, **more)
    match error:
        case LinkLimitError():
            return retry_later(ApiError(429, "too_many_requests", str(error)), error.retry_after_seconds)
        case SessionLimitError():
            return ApiError(503, "session_limit", str(error))
        case NoSuchSessionError():
            if error.leader is None:
                return ApiError(404, "session_not_found", str(error), sessionId=error.session_id)
            details = {"sessionId": error.session_id, "followingSession": error.leader}
            return ApiError(404, "target_not_found", str(error), **details)
        case BadPlaylistError():
            field = "options.playlist"
            return ApiError(422, "bad_playlist", f"{field}: {error}.", field=field)
        case BadOfferError():
            return ApiError(400, "bad_offer", str(error))
        case UnsupportedOfferError():
            return ApiError(422, "unsupported_offer", str(error))
        case IceRestartError():
            return ApiError(422, "ice_restart_unsupported", str(error))
    return None


def retry_later(error: ApiError, seconds: int = RETRY_AFTER_SECONDS) -> ApiError:
    """Set the Retry-After header of an error. Every 429 and 503 has one."""
    error.headers["Retry-After"] = str(seconds)
    return error


def error_body(code: str, sentence: str) -> bytes:
    """Return the body of an error as it is answered, for those that never get to a handler."""
    return json.dumps({"error": sentence, "code": code}).encode()


def error_answer(status: int, code: str, sentence: str) -> web.Response:
    """Return the answer of an error that never gets to a handler."""
    return _answer(ApiError(status, code, sentence))


def _answer(error: ApiError) -> web.Response:
    return web.json_response(error.body, status=error.status, headers=error.headers)
