"""A headless WHEP listener over stock aiortc, for the command line, tests and your own automated checks.

async with Listener("http://127.0.0.1:8080/whep/master") as listener:
    audio = await listener.read(48_000)        # (48000, 2) float32: one second
    print(listener.level_dbfs(audio), await listener.stats())
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import aiohttp
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from rtc_drift.api.event_lines import READ_SECONDS, event_headers, events_in
from rtc_drift.media import SAMPLE_RATE, Audio
from rtc_drift.webrtc.aiortc_internals import bind_ice
from rtc_drift.webrtc.ice_policy import is_loopback

BUFFERED_FRAMES = 500
"""Number of unread frames kept (10 s); after that the oldest is dropped."""


class ListenerError(Exception):
    """The listener can't connect, or the stream has ended; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Frame:
    """20 ms of audio as received."""

    timestamp: int
    """RTP timestamp in samples at 48 kHz from an arbitrary start; it grows by 960 if nothing is missing."""
    audio: Audio
    """`(960, 2) float32`, full scale ±1."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Reception statistics since the connection began."""

    packets_received: int
    packets_lost: int
    jitter_ms: float
    """Interarrival jitter in milliseconds."""
    frames_dropped: int
    """Frames dropped because they were not read in time."""


class Listener:
    """A listener of one session, connected inside its `async with` block.

    `url` is a WHEP endpoint (`http://host/whep/master`) or a page (`http://host/`, `http://host/session/kitchen`).
    `ice_addresses` are the addresses that ICE binds: by default loopback for a server on this machine, else every
    interface. Entering the block waits until the connection is established. It raises ListenerError if that fails or
    takes longer than `connect_seconds`, and IceUnavailableError.
    """

    def __init__(self, url: str, *, ice_addresses: Sequence[str] | None = None, connect_seconds: float = 15.0) -> None:
        """Create an unconnected listener. Raises ListenerError if `url` is not an HTTP URL."""
        self.whep_url, self.events_url, self.session_url = _endpoints(url)
        self._ice_addresses = _default_addresses(url) if ice_addresses is None else tuple(ice_addresses)
        self._connect_seconds = connect_seconds
        self._frames: deque[Frame] = deque()
        self._rest: Audio = np.empty((0, 2), np.float32)
        self._arrived = asyncio.Event()
        self._ended = False
        self._dropped = 0
        self._resource: str | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Listener":
        self._http = aiohttp.ClientSession()
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        try:
            await asyncio.wait_for(self._connect(), self._connect_seconds)
        except BaseException as error:
            await self.close()
            if isinstance(error, TimeoutError):
                raise ListenerError(f"{self.whep_url}: no connection within {self._connect_seconds:.0f} s.") from None
            if isinstance(error, aiohttp.ClientError):
                raise ListenerError(f"{self.whep_url} can't be reached ({error}).") from None
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def frame(self) -> Frame:
        """Wait for the next 20 ms and return them. Raises ListenerError when the stream has ended."""
        while not self._frames:
            if self._ended:
                raise ListenerError("The stream has ended.")
            self._arrived.clear()
            await self._arrived.wait()
        return self._frames.popleft()

    async def read(self, count: int) -> Audio:
        """Wait for `count` samples and return them in the order received: `(count, 2) float32`.

        Raises ListenerError when the stream has ended.
        """
        parts, have = [self._rest], len(self._rest)
        while have < count:
            audio = (await self.frame()).audio
            parts.append(audio)
            have += len(audio)
        joined = np.concatenate(parts)
        self._rest = joined[count:]
        return joined[:count]

    async def events(self, last_event_id: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Yield the session's events as dicts (with their `id`), until the server ends the stream.

        The first is `hello`, or the first one after `last_event_id` if the server still has it.
        """
        headers, timeout = event_headers(last_event_id), aiohttp.ClientTimeout(total=None, sock_read=READ_SECONDS)
        async with self._http.get(self.events_url, headers=headers, timeout=timeout) as response:
            async for event in events_in(response):
                yield event

    async def next_track(self, track_id: str | None = None) -> dict[str, Any]:
        """Ask for the next track, or for the one with this id; return the server's answer. Raises ListenerError."""
        return await self.command("next-track", **({} if track_id is None else {"trackId": track_id}))

    async def command(self, name: str, **body: Any) -> dict[str, Any]:
        """Send any command, as in `command("seek", positionSeconds=30)`; return the answer. Raises ListenerError."""
        async with self._http.post(f"{self.session_url}/{name}", json=body) as response:
            answer: dict[str, Any] = await response.json()
            if response.status != 202:
                raise ListenerError(answer.get("error", f"The server answered {response.status}."))
            return answer

    async def stats(self) -> Stats:
        """Return aiortc's statistics and the number of frames dropped here."""
        report = await self._peer.getStats()
        inbound = next((each for each in report.values() if each.type == "inbound-rtp"), None)
        return Stats(
            packets_received=inbound.packetsReceived if inbound else 0,
            packets_lost=inbound.packetsLost if inbound else 0,
            jitter_ms=inbound.jitter / SAMPLE_RATE * 1e3 if inbound else 0.0,
            frames_dropped=self._dropped,
        )

    @staticmethod
    def level_dbfs(audio: Audio) -> tuple[float, float]:
        """Return the RMS level of left and right in dBFS; -120 for silence."""
        rms = np.sqrt(np.mean(np.square(audio, dtype=np.float64), axis=0)) if len(audio) else np.zeros(2)
        left, right = 20 * np.log10(np.maximum(rms, 1e-6))
        return float(left), float(right)

    async def close(self) -> None:
        """Delete the listener on the server and close the connection. Idempotent."""
        resource, self._resource = self._resource, None
        if resource is not None:
            try:
                async with self._http.delete(resource, timeout=aiohttp.ClientTimeout(total=2)):
                    pass
            except (aiohttp.ClientError, TimeoutError):
                pass  # the server ends the listener when its consent expires
        self._peer.remove_all_listeners()
        await self._peer.close()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        self._end()
        await self._http.close()

    async def _connect(self) -> None:
        connected = asyncio.get_running_loop().create_future()

        def state_changed() -> None:
            state = self._peer.connectionState
            if state == "connected" and not connected.done():
                connected.set_result(None)
            elif state in ("failed", "closed"):
                self._end()
                if not connected.done():
                    connected.set_exception(ListenerError(f"{self.whep_url}: the connection failed."))

        self._peer.on("connectionstatechange", state_changed)
        self._peer.on("track", self._track_received)
        self._peer.addTransceiver("audio", direction="recvonly")
        if self._ice_addresses:
            bind_ice(self._peer, self._ice_addresses)
        await self._peer.setLocalDescription(await self._peer.createOffer())
        headers = {"Content-Type": "application/sdp"}
        async with self._http.post(self.whep_url, data=self._peer.localDescription.sdp, headers=headers) as response:
            if response.status != 201:
                raise ListenerError(f"{self.whep_url}: {await _error_sentence(response)}")
            self._resource = urljoin(self.whep_url, response.headers["Location"])
            answer = RTCSessionDescription(await response.text(), "answer")
        await self._peer.setRemoteDescription(answer)
        await connected

    def _track_received(self, track: MediaStreamTrack) -> None:
        self._reader = asyncio.create_task(self._read(track), name="listener")

    async def _read(self, track: MediaStreamTrack) -> None:
        # Read frames as they arrive, even if the caller does not read: aiortc's queue of unread frames has no limit.
        try:
            while True:
                frame = await track.recv()
                samples = np.asarray(frame.to_ndarray(), np.int16).reshape(-1, 2)  # type: ignore[union-attr]
                self._frames.append(Frame(frame.pts or 0, np.asarray(samples / 32768, np.float32)))
                if len(self._frames) > BUFFERED_FRAMES:
                    self._frames.popleft()
                    self._dropped += 1
                self._arrived.set()
        except MediaStreamError:
            self._end()

    def _end(self) -> None:
        self._ended = True
        self._arrived.set()


def _endpoints(url: str) -> tuple[str, str, str]:
    """Return the URLs of a session for WHEP, events and commands. Raises ListenerError."""
    parts = urlsplit(url if "//" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ListenerError(f"{url!r} is not an HTTP URL.")
    segments = [segment for segment in parts.path.split("/") if segment]
    session = segments[-1] if segments else "master"
    prefix = "/".join(segments[:-2])
    base = urlunsplit((parts.scheme, parts.netloc, f"/{prefix}" if prefix else "", "", ""))
    return f"{base}/whep/{session}", f"{base}/events/{session}", f"{base}/session/{session}"


def _default_addresses(url: str) -> tuple[str, ...]:
    return ("127.0.0.1",) if is_loopback(urlsplit(url if "//" in url else f"http://{url}").hostname or "") else ()


async def _error_sentence(response: aiohttp.ClientResponse) -> str:
    try:
        return str((await response.json())["error"])
    except (aiohttp.ContentTypeError, ValueError, KeyError, TypeError):
        return f"the server answered {response.status}."
