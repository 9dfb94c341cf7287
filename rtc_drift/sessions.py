"""Sessions: who may steer which programme, and everything that belongs to one.

A session owns its programme's conductor, its broadcasts, its events hub and the task that keeps them going. The engine
behind it may die and come back; the session does not notice but for a gap in its packets.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from rtc_drift import __version__, events
from rtc_drift.conductor import Accepted, Conductor
from rtc_drift.delivery.broadcast import Broadcast
from rtc_drift.dj.programme import Programme
from rtc_drift.engine import messages as m
from rtc_drift.engine.schedule import TickSchedule
from rtc_drift.library.library import Library
from rtc_drift.media import SAMPLE_RATE, seconds
from rtc_drift.tracks import DriftTrack, PacketTrack, shared_packet

if TYPE_CHECKING:
    from rtc_drift.tracks import OpusPacket

logger = logging.getLogger(__name__)

SessionType = Literal["master", "named", "follower"]

MASTER = "master"
RING_BLOCKS = 256
"""5.1 s of media kept for readers that lag."""
HEARTBEAT_SECONDS = 10.0


class Session:
    """One programme and everyone who hears it. Made and ended by `Sessions`."""

    def __init__(
        self,
        session_id: str,
        number: int,
        library: Library,
        ticks: TickSchedule,
        send: Callable[[m.ToEngine], None],
        *,
        seed: int,
        bitrate: int,
    ) -> None:
        self.id = session_id
        self.type: SessionType = "master"
        self.created = datetime.now(UTC)
        self.last_access = self.created
        self._library = library
        self._ticks = ticks
        self._send = send
        self._opened = m.OpenSession(number, ticks.tick_at(time.monotonic_ns()) + 1, 0, bitrate)
        self._wake = asyncio.Event()
        self._listeners = 0
        self._told_wants: m.Subscribe | None = None
        self._ended = False
        self.first_audio = asyncio.Event()
        """Set when the first samples of the first track are decoded."""
        self.hub = events.EventHub(generation=secrets.token_hex(4))
        self.packets: Broadcast[OpusPacket] = Broadcast(RING_BLOCKS, self._tell_wants)
        self.pcm: Broadcast[m.Pcm] = Broadcast(RING_BLOCKS, self._tell_wants)
        self.conductor = Conductor(session_id, library, seed, self.now, self.hub.publish, self._tell_schedule)
        self._task: asyncio.Task[None] | None = None

    # --- time -----------------------------------------------------------------------------------------------------

    def now(self) -> int:
        """The media time that goes out at this moment, in samples."""
        since = time.monotonic_ns() - self._ticks.due_ns(self._opened.anchor_tick)
        return max(0, self._opened.anchor_media + since * SAMPLE_RATE // 1_000_000_000)

    # --- listening ------------------------------------------------------------------------------------------------

    def track(self) -> DriftTrack:
        """The mixer's frames as an aiortc track of the caller's own, from the live edge on."""
        return DriftTrack(self.pcm)

    def packet_track(self) -> PacketTrack:
        """The encoded packets as an aiortc track of the caller's own, from the live edge on."""
        return PacketTrack(self.packets, self.now)

    @property
    def listeners(self) -> int:
        """How many hear this session over WebRTC or Ogg."""
        return self._listeners

    def joined(self) -> None:
        """Count a listener in."""
        self._count_listeners(1)

    def left(self) -> None:
        """Count a listener out."""
        self._count_listeners(-1)

    # --- commands and state ---------------------------------------------------------------------------------------

    def next_track(self, track_id: str | None = None) -> Accepted:
        """Begin the crossfade into a track, or into the planned one, within 300 ms."""
        self.touch()
        accepted = self.conductor.next_track(track_id)
        self._wake.set()
        return accepted

    def touch(self) -> None:
        """Somebody used the session."""
        self.last_access = datetime.now(UTC)

    def state(self) -> events.SessionState:
        """The whole state, as clients see it."""
        now_playing, planned = self.conductor.now_playing(), self.conductor.planned()
        return events.SessionState(
            session_id=self.id,
            type=self.type,
            allow_commands=True,
            now_playing=events.playing(now_playing) if now_playing else None,
            next=events.planned(planned) if planned else None,
            listeners=self.listeners,
            library=events.LibraryInfo.of(self._library.status()),
            version=__version__,
        )

    def hello(self) -> events.Hello:
        """The event that opens a client's stream."""
        return events.Hello(session_id=self.id, media_time=self.now(), state=self.state())

    # --- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to conduct, as soon as the library has a track."""
        self._send(self._opened)
        self._task = asyncio.create_task(self._conduct(), name=f"session {self.id}")

    async def close(self, reason: str) -> None:
        """End the programme: readers and listeners are told. Idempotent."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task, self._ended = None, True
        self.hub.publish(events.SessionEnded(session_id=self.id, media_time=self.now(), reason=reason))
        self.packets.end()
        self.pcm.end()
        self._send(m.CloseSession(self._opened.session))

    def restore(self) -> Iterator[m.ToEngine]:
        """What brings a fresh engine to the present state."""
        yield self._opened
        yield self._wants()
        if self.conductor.programme.plays:
            yield m.Schedule(self._opened.session, self.conductor.programme.plays)

    def on_engine(self, message: m.ToControl) -> None:
        """Take what the engine says about this session."""
        if isinstance(message, m.Packet):
            self.packets.publish(shared_packet(message.data, message.media_time))
        elif isinstance(message, m.Pcm):
            self.pcm.publish(message)
        elif isinstance(message, m.DeckReady):
            self.conductor.deck_ready(message)
            if self.conductor.audible:
                self.first_audio.set()
        elif isinstance(message, m.DeckFailed):
            self.conductor.deck_failed(message)
            self._wake.set()

    async def _conduct(self) -> None:
        heartbeat_at = time.monotonic() + HEARTBEAT_SECONDS
        while True:
            self._wake.clear()
            try:
                due = self.conductor.advance()
            except Exception:
                # The plan stands as it was; a programme must not fall silent because one step of planning failed.
                logger.exception("%s: planning failed", self.id)
                due = self.now() + SAMPLE_RATE
            if time.monotonic() >= heartbeat_at:
                heartbeat_at = time.monotonic() + HEARTBEAT_SECONDS
                self.hub.publish(events.Heartbeat(session_id=self.id, media_time=self.now()))
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.001, seconds(due - self.now()))):
                    await (self._wake.wait() if self._library.playable() else self._library.wait_until_playable())

    def _tell_schedule(self, programme: Programme) -> None:
        self._send(m.Schedule(self._opened.session, programme.plays))

    def _tell_wants(self) -> None:
        wants = self._wants()
        if wants != self._told_wants and not self._ended:
            self._told_wants = wants
            self._send(wants)

    def _wants(self) -> m.Subscribe:
        return m.Subscribe(
            self._opened.session,
            packets=self.packets.readers > 0,
            pcm=self.pcm.readers > 0,
            early=self.packets.hurried_readers == 0,
        )

    def _count_listeners(self, change: int) -> None:
        self._listeners += change
        self.touch()
        self.hub.publish(events.ListenersChanged(session_id=self.id, media_time=self.now(), count=self._listeners))


class NoSuchSessionError(Exception):
    """There is no session of that id."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"There is no session called “{session_id}”.")
        self.session_id = session_id


class Sessions(Mapping[str, Session]):
    """All sessions by id. Today that is the master, made at once and never ended."""

    def __init__(
        self,
        library: Library,
        ticks: TickSchedule,
        send: Callable[[m.ToEngine], None],
        *,
        seed: int | None = None,
        bitrate: int = 128_000,
    ) -> None:
        self._sessions: dict[str, Session] = {}
        self._by_number: dict[int, Session] = {}
        self._library = library
        self._ticks = ticks
        self._send = send
        self._bitrate = bitrate
        self._create(MASTER, secrets.randbits(32) if seed is None else seed)

    @property
    def master(self) -> Session:
        return self._sessions[MASTER]

    def find(self, session_id: str) -> Session:
        """The session of an id. Raises NoSuchSessionError."""
        try:
            return self._sessions[session_id]
        except KeyError:
            raise NoSuchSessionError(session_id) from None

    def start(self) -> None:
        """Let every programme begin."""
        for session in self._sessions.values():
            session.start()

    async def close(self, reason: str) -> None:
        """End every session. Idempotent."""
        for session in list(self._sessions.values()):
            await session.close(reason)

    def on_engine(self, message: m.ToControl) -> None:
        """Pass on what the engine says about a session."""
        if not isinstance(message, m.Health) and (session := self._by_number.get(message.session)):
            session.on_engine(message)

    def restore(self) -> Iterator[m.ToEngine]:
        """What brings a fresh engine to the present state of all sessions."""
        for session in self._sessions.values():
            yield from session.restore()

    def __getitem__(self, session_id: str) -> Session:
        return self._sessions[session_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sessions)

    def __len__(self) -> int:
        return len(self._sessions)

    def _create(self, session_id: str, seed: int) -> None:
        number = len(self._by_number) + 1
        session = Session(session_id, number, self._library, self._ticks, self._send, seed=seed, bitrate=self._bitrate)
        self._sessions[session_id] = session
        self._by_number[number] = session
