"""WHEP without HTTP (draft-ietf-wish-whep-03): an SDP offer becomes a listener, and one exit path ends it.

`api/whep.py` adds HTTP. A listener is a peer connection that sends a session's packets. Each listener has one task,
`Listeners._live`. It waits until the listener has connected and then until it ends, and always cleans up.
"""

import asyncio
import contextlib
import logging
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from rtc_drift.metrics import Metrics
from rtc_drift.station.session import Session
from rtc_drift.webrtc.aiortc_internals import IceUnavailableError
from rtc_drift.webrtc.aiortc_peer import AiortcPeer
from rtc_drift.webrtc.arrivals import Arrivals
from rtc_drift.webrtc.ice_policy import IcePolicy
from rtc_drift.webrtc.offer_bounds import MAX_CANDIDATES, BadOfferError
from rtc_drift.webrtc.peer import OnLost, Peer, Reception
from rtc_drift.webrtc.sdp import OpusOffer, opus_offer
from rtc_drift.webrtc.shared_port import SharedPort
from rtc_drift.webrtc.shared_port_peer import SharedPortPeer, StationRef
from rtc_drift.webrtc.trickle import trickled

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 15.0
"""Time in which a listener must connect after its offer; aioice would wait forever for one without candidates."""
MAX_CONNECTING = 200
"""Number of listeners that may be connecting at once; one more takes the place of another, or may retry soon."""

MAX_REMEMBERED = 1000
"""Number of listeners remembered after their end, as their DELETE may still come."""

OpenPeer: TypeAlias = Callable[[Callable[[], None], OnLost], Peer]
"""Creates a peer connection, given the callbacks for "connected" and for "lost"."""


class ListenerLimitError(Exception):
    """The number of listeners that the settings allow is reached."""


class JoiningLimitError(Exception):
    """Too many listeners are connecting at once: one more would delay all of them."""


class IceRestartError(Exception):
    """The listener asks for an ICE restart, which is not supported."""

    def __init__(self) -> None:
        super().__init__("ICE restarts are not supported. Post a new offer.")


class SentStream(NamedTuple):
    """A listener and its stream."""

    listener: "WhepListener"
    ssrc: int
    rtp_offset: int
    """RTP timestamp of media time 0."""

    async def reception(self) -> Reception | None:
        """Return the listener's up-to-date reception; None before its first report."""
        await self.listener.peer.update_reception()
        return self.listener.peer.reception


class WhepListener:
    """One WebRTC listener of a session, from its offer to its end."""

    def __init__(self, session: Session, open_peer: OpenPeer) -> None:
        self.id = secrets.token_urlsafe(18)
        """Unguessable, because it authorises a client to end the listener."""
        self.etag = f'"{secrets.token_hex(8)}"'
        self.session = session
        self.has_left = False
        """True once it has asked to be ended."""
        self.peer = open_peer(self._set_connected, self.end)
        self._connected = asyncio.Event()
        self._ended = asyncio.Event()
        self._reason = "closed"
        self._addresses = frozenset[tuple[str, int]]()
        """Host and port of each candidate so far."""
        self._fragments = frozenset[str]()
        """Username fragments of the offer."""

    async def negotiate(self, offer: OpusOffer) -> str:
        """Return the SDP answer to an offer. Raises BadOfferError, IceUnavailableError, NoCandidatesError."""
        self._addresses, self._fragments = offer.addresses, offer.fragments
        return await self.peer.negotiate(offer)

    async def add_candidates(self, fragment: str, *, is_for_any: bool = False) -> None:
        """Add trickled candidates (`application/trickle-ice-sdpfrag`). Raises BadOfferError, IceRestartError.

        Those beyond MAX_CANDIDATES are left out: a host may have many interfaces, and its checks show which one it has
        chosen. For that reason the end of candidates ends nothing, either. A fragment for any state of the connection
        (`If-Match: *`) is an ICE restart unless it names the offer's credentials.
        """
        trickle = trickled(fragment)
        if not trickle.fragments <= self._fragments or (is_for_any and not trickle.fragments):
            raise IceRestartError
        new = {address: it for address, it in trickle.candidates.items() if address not in self._addresses}
        taken = list(new)[: MAX_CANDIDATES - len(self._addresses)]
        self._addresses |= set(taken)
        try:
            await self.peer.add_candidates([new[address] for address in taken])
        except ValueError as error:
            raise BadOfferError("A candidate is not valid.") from error

    def end(self, reason: str) -> None:
        """Ask the listener's task to end it; only the first reason counts. Idempotent."""
        if not self._ended.is_set():
            self._reason = reason
            self._ended.set()
            self._connected.set()

    async def connect(self) -> None:
        """Wait until the listener is connected or has ended; end it after CONNECT_SECONDS."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._connected.wait()
        except TimeoutError:
            self.end(f"not connected within {CONNECT_SECONDS:.0f} s")

    async def live(self) -> str:
        """Count the listener in its session until it ends; return the reason."""
        if not self._ended.is_set():
            with self.session.client("webrtc", fed_by_engine=self.peer.fed_by_engine):
                await self._ended.wait()
        return self._reason

    def _set_connected(self) -> None:
        self._connected.set()


class Listeners(Mapping[str, WhepListener]):
    """All WebRTC listeners by id, and their tasks."""

    def __init__(self, policy: IcePolicy, metrics: Metrics, limit: int, shared_port: SharedPort | None = None) -> None:
        """Create without listeners. Without `shared_port` every listener gets a stock aiortc peer connection.

        `limit` is the number of listeners over WebRTC and plain HTTP together.
        """
        self.policy = policy
        self._metrics = metrics
        self._limit = limit
        self._shared_port = shared_port
        self._listeners: dict[str, WhepListener] = {}
        self._arrivals = Arrivals[WhepListener](lambda listener: listener.peer.is_reached)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = deque[tuple[str, str]](maxlen=MAX_REMEMBERED)
        """Session and listener ids of those that ended without a DELETE, which may still come."""
        self._http_readers = 0
        self._ice_error_logged = False

    async def join(self, session: Session, offer: str, address: str) -> tuple[WhepListener, str]:
        """Create a listener for an offer that came from an address, and start its task. Return it and the SDP answer.

        Raises ListenerLimitError, JoiningLimitError, UnsupportedOfferError, BadOfferError, IceUnavailableError and
        NoCandidatesError.
        """
        parsed = opus_offer(offer)
        self._make_room(address)
        listener = WhepListener(session, self._peer_factory(session, parsed, address))
        self._listeners[listener.id] = listener
        self._arrivals.add(listener, address)
        session.station.expect()
        try:
            answer = await listener.negotiate(parsed)
        except BaseException as error:
            if isinstance(error, IceUnavailableError) and not self._ice_error_logged:
                self._ice_error_logged = True
                logger.error("WebRTC is unavailable, all offers are refused. %s", error)
            await self._discard(listener)
            raise
        self._metrics.joins.inc()
        task = asyncio.create_task(self._live(listener), name=f"listener of {session.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return listener, answer

    def leave(self, session_id: str, listener_id: str) -> bool:
        """End a listener that asks for it; return False if there is none.

        Players often close their connection first, which has already ended it when they ask.
        """
        listener = self.get(listener_id)
        if listener is not None and listener.session.id == session_id:
            listener.has_left = True
            listener.end("closed by the listener")
        elif (session_id, listener_id) in self._ended:
            self._ended.remove((session_id, listener_id))
        else:
            return False
        return True

    @contextlib.contextmanager
    def http_reader(self, address: str) -> Iterator[None]:
        """Count one listener over plain HTTP (Ogg, mp3, AAC) while the context is open. Raises ListenerLimitError."""
        self._stay_within_limit(address)
        self._http_readers += 1
        try:
            yield
        finally:
            self._http_readers -= 1

    async def close(self) -> None:
        """End all listeners and wait for their tasks. Idempotent."""
        for listener in list(self._listeners.values()):
            listener.end("the server is shutting down")
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def sent_to(self, session: Session | None = None, ssrc: int | None = None) -> list[SentStream]:
        """Return listeners whose RTP offset is known: all, those of a session, or the one with an SSRC."""
        return [
            SentStream(listener, *offset)
            for listener in self._listeners.values()
            if (session is None or listener.session is session)
            and (offset := listener.peer.rtp_offset) is not None
            and ssrc in (None, offset[0])
        ]

    def _peer_factory(self, session: Session, offer: OpusOffer, address: str) -> OpenPeer:
        shared_port = self._shared_port
        if shared_port is None or offer.is_lite:
            # This host checks the candidates of a listener that is ICE-lite: strangers must not be able to direct that.
            only_from = address if offer.is_lite else None
            return lambda connected, lost: AiortcPeer(self.policy, session.packet_track, connected, lost, only_from)
        station = StationRef(session.station.playout.number, session.station.now)
        return lambda connected, lost: shared_port.peer(station, connected, lost)

    def _make_room(self, address: str) -> None:
        """Have another listener that is connecting give way, if there is no place. Raises the two limit errors."""
        self._stay_within_limit(address)
        if len(self._arrivals) >= MAX_CONNECTING and not self._end_an_arrival(address):
            raise JoiningLimitError

    def _stay_within_limit(self, address: str) -> None:
        if len(self._listeners) + self._http_readers >= self._limit and not self._end_an_arrival(address):
            raise ListenerLimitError

    def _end_an_arrival(self, address: str) -> bool:
        """End a listener that is connecting, for a newcomer from an address. Return False if none gives way."""
        listener = self._arrivals.who_gives_way(address)
        if listener is None:
            return False
        listener.end("gave its place to another while it was connecting")
        self._metrics.joins_given_up.inc()
        self._arrivals.discard(listener)
        del self._listeners[listener.id]
        return True

    async def _discard(self, listener: WhepListener) -> None:
        self._listeners.pop(listener.id, None)
        self._arrivals.discard(listener)
        if self._shared_port is not None and isinstance(listener.peer, SharedPortPeer):
            self._shared_port.forget(listener.peer)
        await listener.peer.close()

    async def _live(self, listener: WhepListener) -> None:
        reason = "failed"
        try:
            with listener.session.ending(listener.end):
                await listener.connect()
                self._arrivals.discard(listener)
                reason = await listener.live()
        except Exception:
            logger.exception("A WebRTC listener of %s failed", listener.session.id)
        finally:
            self._metrics.skipped_packets.inc(listener.peer.skipped_packets)
            logger.info("A WebRTC listener of %s has left: %s", listener.session.id, reason)
            if not listener.has_left:
                self._ended.append((listener.session.id, listener.id))
            await self._discard(listener)

    def __getitem__(self, listener_id: str) -> WhepListener:
        return self._listeners[listener_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._listeners)

    def __len__(self) -> int:
        return len(self._listeners)
