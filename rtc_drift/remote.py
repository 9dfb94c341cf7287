"""A server over HTTP, for programs: its sessions, commands and events, in the models that the server itself uses.

async with Remote("http://127.0.0.1:8080") as remote:
    kitchen = await remote.create("kitchen", direction="calmer")
    await remote.command("kitchen", "next-track", when="now")
"""

import json
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
from pydantic import BaseModel, ValidationError

from rtc_drift.api import schemas
from rtc_drift.api.event_lines import READ_SECONDS, event_headers, events_in

SECONDS = 20.0
"""Longest time for an answer."""
MAX_ANSWER_BYTES = 16 << 20
Model = TypeVar("Model", bound=BaseModel)


class RemoteError(Exception):
    """The server can't be reached, or has refused; the message is a sentence for people."""

    def __init__(self, sentence: str, code: str | None = None) -> None:
        """Make it with the error code of the API, if the server has answered."""
        super().__init__(sentence)
        self.code = code


class Remote:
    """A server, inside an `async with` block. All methods may raise RemoteError."""

    def __init__(self, url: str, *, key: str | None = None) -> None:
        """Address the server at `url`; `key` is the control key of locked sessions. Raises RemoteError."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RemoteError(f"{url} is not an HTTP URL.")
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._headers = {"X-Control-Key": key} if key is not None else {}

    async def __aenter__(self) -> "Remote":
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        self._http = aiohttp.ClientSession(headers=self._headers, timeout=timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def sessions(self) -> schemas.SessionList:
        """Return all sessions in short."""
        return await self._ask(schemas.SessionList, "GET", "/api/session/list")

    async def session(self, session_id: str = "master") -> schemas.SessionInfo:
        """Return one session in full."""
        return await self._ask(schemas.SessionInfo, "GET", f"/api/session/info?sessionId={quote(session_id, safe='')}")

    async def create(self, name: str, **options: Any) -> schemas.SessionCreated:
        """Create a session; the options are those of `CreateOptions`, such as `direction` and `playlist`."""
        request = _checked(schemas.CreateRequest, {"session_name": name, "options": options})
        return await self._ask(schemas.SessionCreated, "POST", "/api/session/create", request)

    async def follow(self, session_id: str, name: str | None = None) -> schemas.FollowerMade:
        """Create a follower of a session."""
        request = _checked(schemas.FollowRequest, {"session_name": session_id, "follower_name": name})
        made = await self._answer("POST", "/api/session/follow", request)
        model = schemas.LockedFollowerMade if "controlKey" in made else schemas.FollowerMade
        return _read(model, made)

    async def delete(self, session_id: str) -> None:
        """End a session."""
        await self._answer("DELETE", f"/api/session/{quote(session_id, safe='')}")

    async def command(self, session_id: str, name: str, **body: Any) -> schemas.CommandAccepted:
        """Send a command with the fields of its body, as in `command("master", "seek", positionSeconds=30)`."""
        path = f"/session/{quote(session_id, safe='')}/{quote(name, safe='')}"
        return _read(schemas.CommandAccepted, await self._answer("POST", path, body))

    async def events(
        self, session_id: str = "master", last_event_id: str | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the events of a session as dicts (with their `id`), until the server ends the stream."""
        headers, timeout = event_headers(last_event_id), aiohttp.ClientTimeout(total=None, sock_read=READ_SECONDS)
        url = f"{self._origin}/events/{quote(session_id, safe='')}"
        try:
            async with self._http.get(url, headers=headers, timeout=timeout) as response:
                if response.status != 200:
                    raise await _refusal(response)
                async for event in events_in(response):
                    yield event
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(error) from None

    async def _ask(self, model: type[Model], method: str, path: str, body: Any = None) -> Model:
        return _read(model, await self._answer(method, path, body))

    async def _answer(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        try:
            async with self._http.request(method, self._origin + path, json=body) as response:
                if response.status >= 300:
                    raise await _refusal(response)
                content = await response.content.read(MAX_ANSWER_BYTES)
                return json.loads(content) if content else {}
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(error) from None
        except ValueError:
            raise RemoteError(f"{self._origin} has answered something that is no JSON.") from None

    def _unreachable(self, error: Exception) -> RemoteError:
        return RemoteError(f"{self._origin} can't be reached ({str(error) or 'it does not answer'}).")


def _checked(model: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    """Return a body as JSON. Raises RemoteError."""
    try:
        request = model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise RemoteError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    return request.model_dump(mode="json", by_alias=True, exclude_none=True)


def _read(model: type[Model], answer: dict[str, Any]) -> Model:
    try:
        return model.model_validate(answer)
    except ValidationError:
        raise RemoteError("The server's answer is of another version.") from None


async def _refusal(response: aiohttp.ClientResponse) -> RemoteError:
    try:
        answer = json.loads(await response.content.read(MAX_ANSWER_BYTES))
        return RemoteError(str(answer["error"]), str(answer["code"]))
    except (ValueError, KeyError, TypeError):
        return RemoteError(f"The server answered {response.status}.")
