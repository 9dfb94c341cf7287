"""WHEP: an SDP offer becomes a listener, and one exit path ends it.

What is told here is draft-ietf-wish-whep-03 without HTTP: `api/whep.py` speaks HTTP. A listener is a peer connection
that sends a session's packets. Its one task, `_live`, waits for it to connect and then to end, and cleans up whatever
the reason was.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Iterator, Mapping

from aiortc import RTCPeerConnection, RTCRtpTransceiver, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from rtc_drift.delivery.aiortc_internals import IceUnavailableError, bind_ice, last_rtp_timestamp, ssrc
from rtc_drift.delivery.ice import IcePolicy
from rtc_drift.metrics import Metrics
from rtc_drift.sdp import BadOfferError, opus_offer, whole_answer
from rtc_drift.session import Session
from rtc_drift.tracks import PacketTrack

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 15.0
"""An offer that led to no connection by then is closed; aioice would wait for ever for one without candidates."""
CLOSE_SECONDS = 5.0


class ListenerLimitError(Exception):
    """As many listeners as the settings allow are connected."""


class NoCandidatesError(Exception):
    """No address could be bound for a listener; file descriptors may have run out."""


class Listener:
    """One WebRTC listener of a session, from offer to end."""

    def __init__(self, session: Session, peer: RTCPeerConnection) -> None:
        self.id = secrets.token_urlsafe(18)
        """Unguessable: who knows it may end the listener."""
        self.etag = f'"{secrets.token_hex(8)}"'
        self.session = session
        self.answer = ""
        self._peer = peer
        self._track: PacketTrack | None = None
        self._connected = asyncio.Event()
        self._ended = asyncio.Event()
        self._reason = "closed"
        peer.on("connectionstatechange", self._state_changed)

    async def negotiate(self, offer: str, policy: IcePolicy) -> str:
        """Answer an offer. Raises BadOfferError, UnsupportedOfferError, IceUnavailableError, NoCandidatesError."""
        readable = opus_offer(offer)
        # Made before the offer is looked at, so that what goes wrong here is not taken for a fault of the offer.
        audio = self._peer.addTransceiver("audio", direction="sendonly")
        try:
            await self._peer.setRemoteDescription(RTCSessionDescription(readable.sdp, "offer"))
        except (OSError, MemoryError):
            raise
        except Exception as error:
            # aiortc raises all sorts of errors on the SDP of strangers.
            raise BadOfferError("The offer is not valid SDP.") from error
        for other in self._peer.getTransceivers():
            if other is not audio:
                other.direction = "inactive"
        self._track = self.session.packet_track()
        audio.sender.replaceTrack(self._track)
        if policy.addresses:
            bind_ice(self._peer, policy.addresses)
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        self.answer = whole_answer(self._peer.localDescription.sdp, readable)
        if "a=candidate:" not in self.answer:
            raise NoCandidatesError  # aioice leaves out what it can't bind, and says nothing
        return self.answer

    async def add_candidates(self, fragment: str) -> None:
        """Take trickled candidates (`application/trickle-ice-sdpfrag`). Raises BadOfferError."""
        for line in fragment.splitlines():
            name, _, value = line.strip().partition(":")
            if name != "a=candidate" or ".local " in value.lower():
                continue
            try:
                candidate = candidate_from_sdp(value)
                for transceiver in self._peer.getTransceivers():
                    # Bundled lines share the transport of one of them; aiortc passes over the others.
                    candidate.sdpMid = transceiver.mid
                    await self._peer.addIceCandidate(candidate)
            except (ValueError, AssertionError, IndexError) as error:
                raise BadOfferError("A candidate is not valid.") from error

    def rtp_offset(self) -> tuple[int, int] | None:
        """`(SSRC, RTP timestamp of media time 0)`, modulo 2³²; None before the first packet."""
        sender = self._audio().sender
        timestamp, source = last_rtp_timestamp(sender), ssrc(sender)
        last = self._track.last_media_time if self._track else None
        if timestamp is None or source is None or last is None:
            return None
        return source, (timestamp - last) % 2**32

    def end(self, reason: str) -> None:
        """Ask the listener to end; its task does. Idempotent."""
        if not self._ended.is_set():
            self._reason = reason
            self._ended.set()
            self._connected.set()

    async def live(self) -> str:
        """From the answer to the end: gives the reason it ended, with everything cleaned up."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._connected.wait()
            if not self._ended.is_set():
                with self.session.client("webrtc"):
                    await self._ended.wait()
        except TimeoutError:
            self._reason = f"not connected within {CONNECT_SECONDS:.0f} s"
        finally:
            await self.close()
        return self._reason

    async def close(self) -> None:
        """Close the peer connection: BYE, DTLS alert, sockets. Idempotent."""
        self._peer.remove_all_listeners()
        if self._track is not None:
            self._track.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._peer.close(), CLOSE_SECONDS)

    @property
    def skipped_packets(self) -> int:
        """Packets left out because this listener's sender lagged."""
        return self._track.skipped if self._track else 0

    def _audio(self) -> RTCRtpTransceiver:
        return next(t for t in self._peer.getTransceivers() if t.kind == "audio")

    def _state_changed(self) -> None:
        state = self._peer.connectionState
        if state == "connected":
            self._connected.set()
        elif state in ("failed", "closed"):
            self.end("connection lost" if state == "failed" else "closed by the listener")


class Listeners(Mapping[str, Listener]):
    """All WebRTC listeners by id, each with the task that is its life."""

    def __init__(self, policy: IcePolicy, metrics: Metrics, limit: int) -> None:
        self.policy = policy
        self._metrics = metrics
        self._limit = limit
        self._listeners: dict[str, Listener] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ogg_readers = 0
        self._told_of_ice = False

    async def join(self, session: Session, offer: str) -> Listener:
        """Make a listener of an offer. Raises ListenerLimitError and what `Listener.negotiate` raises."""
        self._check_limit()
        listener = Listener(session, RTCPeerConnection(self.policy.configuration()))
        self._listeners[listener.id] = listener
        session.station.expect()
        try:
            await listener.negotiate(offer, self.policy)
        except BaseException as error:
            if isinstance(error, IceUnavailableError) and not self._told_of_ice:
                self._told_of_ice = True
                logger.error("Nobody can join over WebRTC. %s", error)
            del self._listeners[listener.id]
            await listener.close()
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

    def rtp_offsets(self, session: Session) -> dict[str, int]:
        """RTP timestamp of media time 0 by SSRC, for every listener of a session that has been sent a packet."""
        offsets = (each.rtp_offset() for each in self._listeners.values() if each.session is session)
        return {str(offset[0]): offset[1] for offset in offsets if offset is not None}

    def _check_limit(self) -> None:
        if len(self._listeners) + self._ogg_readers >= self._limit:
            raise ListenerLimitError

    async def _live(self, listener: Listener) -> None:
        reason = "failed"
        try:
            with listener.session.ending(listener.end):
                reason = await listener.live()
        except Exception:
            logger.exception("A listener of %s failed", listener.session.id)
        finally:
            del self._listeners[listener.id]
            self._metrics.skipped_packets.inc(listener.skipped_packets)
            logger.info("A listener of %s has left: %s", listener.session.id, reason)

    def __getitem__(self, listener_id: str) -> Listener:
        return self._listeners[listener_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._listeners)

    def __len__(self) -> int:
        return len(self._listeners)
