"""WHEP: an SDP offer becomes a listener, and one exit path ends it.

What is told here is draft-ietf-wish-whep-03 without HTTP: `api/whep.py` speaks HTTP. A listener is a peer connection
that sends a session's packets. Its one task, `_live`, waits for it to connect and then to end, and cleans up whatever
the reason was.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from aiortc import RTCIceCandidate
from aiortc.sdp import candidate_from_sdp

from rtc_drift.metrics import Metrics
from rtc_drift.station.session import Session
from rtc_drift.webrtc.aiortc_internals import IceUnavailableError
from rtc_drift.webrtc.aiortc_peer import AiortcPeer
from rtc_drift.webrtc.ice_policy import IcePolicy
from rtc_drift.webrtc.peer import Lost, Peer, Reception
from rtc_drift.webrtc.sdp import BadOfferError, OpusOffer, opus_offer
from rtc_drift.webrtc.shared_port import SharedPort
from rtc_drift.webrtc.shared_port_peer import SharedPortPeer, StationRef

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 15.0
"""An offer that led to no connection by then is closed; aioice would wait for ever for one without candidates."""
MAX_CONNECTING = 200
"""Listeners on the way at once; beyond, they are asked to come back in a moment."""

OpenPeer: TypeAlias = Callable[[Callable[[], None], Lost], Peer]
"""Makes a peer connection, given what to call once it is connected, and when it is lost."""


class ListenerLimitError(Exception):
    """As many listeners as the settings allow are connected."""


class SentStream(NamedTuple):
    """A listener and its stream."""

    listener: "WhepListener"
    ssrc: int
    rtp_offset: int
    """RTP timestamp of media time 0."""

    async def reception(self) -> Reception | None:
        """How it receives; None before it has reported."""
        await self.listener.peer.update_reception()
        return self.listener.peer.reception


class JoiningLimitError(Exception):
    """So many listeners are on the way that one more would make all wait."""


class WhepListener:
    """One WebRTC listener of a session, from offer to end."""

    def __init__(self, session: Session, open_peer: OpenPeer) -> None:
        self.id = secrets.token_urlsafe(18)
        """Unguessable: who knows it may end the listener."""
        self.etag = f'"{secrets.token_hex(8)}"'
        self.session = session
        self.answer = ""
        self.peer = open_peer(self._set_connected, self.end)
        self._connected = asyncio.Event()
        self._ended = asyncio.Event()
        self._reason = "closed"

    async def negotiate(self, offer: OpusOffer) -> str:
        """Answer an offer. Raises BadOfferError, IceUnavailableError, NoCandidatesError."""
        self.answer = await self.peer.negotiate(offer)
        return self.answer

    async def add_candidates(self, fragment: str) -> None:
        """Take trickled candidates (`application/trickle-ice-sdpfrag`). Raises BadOfferError."""
        try:
            await self.peer.add_candidates(list(_candidates(fragment)))
        except (ValueError, AssertionError, IndexError) as error:
            raise BadOfferError("A candidate is not valid.") from error

    def end(self, reason: str) -> None:
        """Ask the listener to end; its task does. Idempotent."""
        if not self._ended.is_set():
            self._reason = reason
            self._ended.set()
            self._connected.set()

    async def connect(self) -> None:
        """From the answer until it is connected, or has ended."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._connected.wait()
        except TimeoutError:
            self.end(f"not connected within {CONNECT_SECONDS:.0f} s")

    async def live(self) -> str:
        """From there to the end: gives the reason it ended."""
        if not self._ended.is_set():
            with self.session.client("webrtc", fed_by_engine=self.peer.fed_by_engine):
                await self._ended.wait()
        return self._reason

    def _set_connected(self) -> None:
        self._connected.set()


def _candidates(fragment: str) -> Iterator[RTCIceCandidate]:
    """Those of a trickled fragment; names that only the browser's own network could resolve are left out."""
    for line in fragment.splitlines():
        name, _, value = line.strip().partition(":")
        if name == "a=candidate" and ".local " not in value.lower():
            yield candidate_from_sdp(value)


class Listeners(Mapping[str, WhepListener]):
    """All WebRTC listeners by id, each with the task that is its life."""

    def __init__(self, policy: IcePolicy, metrics: Metrics, limit: int, shared_port: SharedPort | None = None) -> None:
        """`shared_port`: the shared port; without it every listener gets a stock peer connection."""
        self.policy = policy
        self._metrics = metrics
        self._limit = limit
        self._shared_port = shared_port
        self._listeners: dict[str, WhepListener] = {}
        self._connecting = set[WhepListener]()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ogg_readers = 0
        self._told_of_ice = False

    async def join(self, session: Session, offer: str) -> WhepListener:
        """Make a listener of an offer.

        Raises ListenerLimitError, JoiningLimitError, UnsupportedOfferError and what `WhepListener.negotiate` raises.
        """
        self._check_limit()
        if len(self._connecting) >= MAX_CONNECTING:
            raise JoiningLimitError
        readable = opus_offer(offer)
        listener = WhepListener(session, self._peer_for(session, readable))
        self._listeners[listener.id] = listener
        self._connecting.add(listener)
        session.station.expect()
        try:
            await listener.negotiate(readable)
        except BaseException as error:
            if isinstance(error, IceUnavailableError) and not self._told_of_ice:
                self._told_of_ice = True
                logger.error("Nobody can join over WebRTC. %s", error)
            await self._discard(listener)
            raise
        self._metrics.joins.inc()
        task = asyncio.create_task(self._live(listener), name=f"listener of {session.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return listener

    @contextlib.contextmanager
    def ogg_reader(self) -> Iterator[None]:
        """Count a listener over plain HTTP in, and out again. Raises ListenerLimitError."""
        self._check_limit()
        self._ogg_readers += 1
        try:
            yield
        finally:
            self._ogg_readers -= 1

    async def close(self) -> None:
        """End all listeners and wait until they are gone. Idempotent."""
        for listener in list(self._listeners.values()):
            listener.end("the server stops")
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def sent_to(self, session: Session | None = None, ssrc: int | None = None) -> list[SentStream]:
        """Listeners that have been sent a packet: all, those of a session, or the one with an SSRC."""
        return [
            SentStream(listener, *offset)
            for listener in self._listeners.values()
            if (session is None or listener.session is session)
            and (offset := listener.peer.rtp_offset) is not None
            and ssrc in (None, offset[0])
        ]

    def _peer_for(self, session: Session, offer: OpusOffer) -> OpenPeer:
        shared_port = self._shared_port
        if shared_port is None or offer.is_lite:
            return lambda connected, lost: AiortcPeer(self.policy, session.packet_track, connected, lost)
        programme = StationRef(session.station.playout.number, session.station.now)
        return lambda connected, lost: shared_port.peer(programme, connected, lost)

    def _check_limit(self) -> None:
        if len(self._listeners) + self._ogg_readers >= self._limit:
            raise ListenerLimitError

    async def _discard(self, listener: WhepListener) -> None:
        self._listeners.pop(listener.id, None)
        self._connecting.discard(listener)
        if self._shared_port is not None and isinstance(listener.peer, SharedPortPeer):
            self._shared_port.forget(listener.peer)
        await listener.peer.close()

    async def _live(self, listener: WhepListener) -> None:
        reason = "failed"
        try:
            with listener.session.ending(listener.end):
                await listener.connect()
                self._connecting.discard(listener)
                reason = await listener.live()
        except Exception:
            logger.exception("A listener of %s failed", listener.session.id)
        finally:
            self._metrics.skipped_packets.inc(listener.peer.skipped_packets)
            logger.info("A listener of %s has left: %s", listener.session.id, reason)
            await self._discard(listener)

    def __getitem__(self, listener_id: str) -> WhepListener:
        return self._listeners[listener_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._listeners)

    def __len__(self) -> int:
        return len(self._listeners)
