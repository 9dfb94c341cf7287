"""Reads server-sent events, for the clients of this server."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

READ_SECONDS = 30
"""Longest silence of a stream; a heartbeat comes every 10 s."""


def event_headers(last_event_id: str | None) -> dict[str, str]:
    """Return the headers of a request for events after one that is known, or from now on."""
    return {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_event_id} if last_event_id else {})


async def events_in(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """Yield the events of an answer as dicts (with their `id`), until the server ends the stream."""
    event_id = None
    async for line in response.content:
        name, _, value = line.decode().rstrip("\r\n").partition(": ")
        if name == "id":
            event_id = value
        elif name == "data":
            yield json.loads(value) | {"id": event_id}
