"""Reads HTTP by hand: answers from the server, and requests, to see if they are whole."""

import asyncio
import re
from dataclasses import dataclass

MAX_BODY_BYTES = 1 << 20
EVENTS, AUDIO = b"text/event-stream", b"audio/"
"""Beginnings of the types of answers that never end."""
FIRST_EVENT_SECONDS = 0.05
"""Time to wait for the first event: a reader that missed none gets none."""
_REQUEST_LINE = re.compile(rb"[A-Z]+ /[!-~]* HTTP/1\.[01]")
_HEADER = re.compile(rb"([A-Za-z0-9-]+): ?([ -~]*)")
_UNUSUAL = {b"transfer-encoding", b"expect", b"upgrade", b"connection", b"content-encoding"}


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request."""

    status: int
    headers: dict[bytes, bytes]
    """By names in lower case."""
    body: bytes

    def header(self, name: bytes) -> bytes:
        """Return a header; empty without it."""
        return self.headers.get(name, b"")


async def read_answer(reader: asyncio.StreamReader, to_head: bool) -> Answer:
    """Read one answer. Of one that never ends only the head, and the first event."""
    head, *lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    status = int(head.split()[1])
    if status == 100:
        return await read_answer(reader, to_head)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    length = headers.get(b"content-length", b"")
    kind = headers.get(b"content-type", b"")
    if to_head or status in (204, 304) or kind.startswith(AUDIO):
        return Answer(status, headers, b"")
    if kind.startswith(EVENTS):
        return Answer(status, headers, await _first_event(reader, b"chunked" in headers.get(b"transfer-encoding", b"")))
    if not length.isdigit():
        return Answer(status, headers, await reader.read(MAX_BODY_BYTES))
    return Answer(status, headers, await reader.readexactly(min(int(length), MAX_BODY_BYTES)))


async def _first_event(reader: asyncio.StreamReader, in_chunks: bool) -> bytes:
    try:
        async with asyncio.timeout(FIRST_EVENT_SECONDS):
            if in_chunks:
                await reader.readline()
            return await reader.readuntil(b"\n\n")
    except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return b""


def is_whole_request(data: bytes) -> bool:
    """Return True if this is a plain request with all of its body, which must be answered."""
    head, separator, body = data.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    if not separator or not _REQUEST_LINE.fullmatch(line):
        return False
    headers = dict[bytes, bytes]()
    for each in lines:
        match = _HEADER.fullmatch(each)
        if match is None or match[1].lower() in headers or match[1].lower() in _UNUSUAL:
            return False
        headers[match[1].lower()] = match[2].strip()
    length = headers.get(b"content-length", b"0")
    return len(length) <= 6 and length.isdigit() and len(body) >= int(length)
