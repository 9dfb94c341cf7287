"""All sessions: the registry. Named ones are made and ended, followers come and go with their leaders, unused ones end.

A session is a name for a station. The master and named ones own theirs; a follower's is its leader's.
"""

import asyncio
import itertools
import logging
import re
import secrets
import string
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.library.library import Library
from rtc_drift.station.commands import NoSuchTrackError, checked_direction
from rtc_drift.station.session import MASTER, Session
from rtc_drift.station.snapshot import SavedStation, SessionRecord
from rtc_drift.station.sources import Sources
from rtc_drift.station.station import Station

__all__ = ["MASTER", "Session", "Sessions"]

logger = logging.getLogger(__name__)

NAME = re.compile("[a-z0-9][a-z0-9-]{0,62}")
RESERVED = frozenset(
    {MASTER, "api", "create", "events", "follow", "info", "list", "session", "static", "stream", "whep"}
)
ID_CHARACTERS = string.ascii_lowercase + string.digits
HEARTBEAT_SECONDS = 10.0
LOST_LEADERS = 1_000
"""How many followers whose leader has gone are remembered."""
STOPS = "The server stops."
ENDED = "This room was closed."
UNUSED = "Nobody used the session for a while."


class NoSuchSessionError(Exception):
    """There is no session of that id (any more)."""

    def __init__(self, session_id: str, leader: str | None = None) -> None:
        """`leader`: whom it followed, who has gone."""
        told = f"There is no session called “{session_id}”."
        super().__init__(told if leader is None else f"The session “{leader}”, which was followed here, has ended.")
        self.session_id = session_id
        self.leader = leader


class SessionExistsError(Exception):
    """The name is taken."""


class BadNameError(Exception):
    """No name for a session."""


class SessionLimitError(Exception):
    """There are as many as allowed."""


class MasterProtectedError(Exception):
    """The master is always there."""


class Sessions(Mapping[str, Session]):
    """All sessions by id: the master, made at once and never ended, named ones and followers."""

    def __init__(
        self,
        library: Library,
        sources: Sources,
        ticks: TickClock,
        send: Callable[[m.ToCore], None],
        *,
        seed: int | None = None,
        bitrate: int = 128_000,
        limit: int = 64,
        follower_limit: int = 2_000,
        idle_seconds: float = 30 * 60,
        cleanup_seconds: float = 60,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`seed`: the master's, which then begins anew at every start. `limit`: of named ones. `clock`: in seconds."""
        self._library = library
        self._ticks = ticks
        self._send = send
        self._seed = seed
        self._bitrate = bitrate
        self._sources = sources
        self._limit = limit
        self._follower_limit = follower_limit
        self._idle_seconds = idle_seconds
        self._cleanup_seconds = cleanup_seconds
        self._clock = clock
        self._numbers = itertools.count(1)
        self._sessions: dict[str, Session] = {}
        self._stations: dict[int, Station] = {}
        """By their number on the link."""
        self._lost: dict[str, str] = {}
        self._past_cuts = self._past_failures = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._own(MASTER, seed)

    @property
    def master(self) -> Session:
        return self._sessions[MASTER]

    def stations(self) -> list[Station]:
        """Every programme there is."""
        return list(self._stations.values())

    @property
    def event_readers_cut(self) -> int:
        """How many event streams were cut off, those of ended programmes included."""
        return self._past_cuts + sum(station.hub.cut_off for station in self._stations.values())

    @property
    def failed_plays(self) -> int:
        """How many plays broke off, those of ended programmes included."""
        return self._past_failures + sum(station.autodj.failed_plays for station in self._stations.values())

    def find(self, session_id: str) -> Session:
        """The session of an id. Raises NoSuchSessionError."""
        try:
            return self._sessions[session_id]
        except KeyError:
            raise NoSuchSessionError(session_id, self._lost.get(session_id)) from None

    # --- made and ended -----------------------------------------------------------------------------------------------

    async def create(
        self,
        name: str,
        *,
        starting_track: str | None = None,
        direction: str | None = None,
        seed: int | None = None,
    ) -> Session:
        """A named session with a station of its own; `starting_track` is an id or words that match.

        Raises BadNameError, SessionExistsError, SessionLimitError, NoSuchTrackError, NoSuchDirectionError.
        """
        self._check_new(name)
        checked_direction(direction)
        track_id = None if starting_track is None else await self._matching(starting_track)
        self._check_new(name)  # somebody else may have been quicker
        session = self._own(name, seed)
        session.station.commands.begin_with(track_id, direction)
        session.station.start()
        session.station.expect()
        logger.info("Session %s is created", name)
        return session

    def follow(self, session_id: str, name: str = "") -> Session:
        """A follower of a session or of its leader. Raises NoSuchSessionError, SessionLimitError."""
        found = self.find(session_id)
        leader = self.find(found.following or found.id)
        if sum(each.following is not None for each in self._sessions.values()) >= self._follower_limit:
            raise SessionLimitError
        while (own_id := f"follower_{''.join(secrets.choice(ID_CHARACTERS) for _ in range(8))}") in self._sessions:
            pass
        leader.touch()
        return self._follow(own_id, leader, name)

    async def delete(self, session_id: str) -> None:
        """End a session, and with a leader its followers. Raises NoSuchSessionError, MasterProtectedError."""
        session = self.find(session_id)
        if session.type == "master":
            raise MasterProtectedError
        await self._end(session, ENDED)

    async def sweep(self) -> None:
        """End named sessions and followers that nobody hears, watches or has used for long."""
        now = self._clock()
        for session in list(self._sessions.values()):
            if session.is_used:
                session.used_at = now
            is_unused = session.type != "master" and now - session.used_at >= self._idle_seconds
            if is_unused and session.id in self._sessions:
                await self._end(session, UNUSED)

    def adopt(self, record: SessionRecord) -> None:
        """Bring back a session of an earlier life of the server, before `start`; leaders before their followers."""
        session = self._adopted(record)
        if session is not None:
            session.created = datetime.fromisoformat(record.created)
            session.last_access = datetime.fromisoformat(record.last_access)
            session.lock = record.lock

    def publish_love(self, track_id: str, value: bool) -> None:
        """A track is loved, or is not any more: in every programme."""
        for station in self._stations.values():
            station.publisher.love(track_id, value)

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Let every programme begin."""
        for station in self._stations.values():
            station.start()
        self._tasks = [
            asyncio.create_task(self._keep_beating(), name="heartbeat"),
            asyncio.create_task(self._keep_sweeping(), name="cleanup of sessions"),
        ]

    async def close(self) -> None:
        """End every programme, until the server is back. Idempotent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for station in list(self._stations.values()):
            await station.close()
        for session in list(self._sessions.values()):
            session.end(STOPS)

    def library_changed(self) -> None:
        """There are other tracks to play."""
        for station in self._stations.values():
            station.library_changed()

    def on_engine(self, message: m.OfStation) -> None:
        """Pass on what the engine says about a programme."""
        if (station := self._stations.get(message.station)) is not None:
            station.on_engine(message)

    def restore(self) -> Iterator[m.ToCore]:
        """What brings a fresh engine to the present state of all programmes."""
        for station in self._stations.values():
            yield from station.restore()

    def __getitem__(self, session_id: str) -> Session:
        return self._sessions[session_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sessions)

    def __len__(self) -> int:
        return len(self._sessions)

    def _check_new(self, name: str) -> None:
        if not NAME.fullmatch(name) or name in RESERVED:
            raise BadNameError
        if name in self._sessions:
            raise SessionExistsError
        if sum(session.type == "named" for session in self._sessions.values()) >= self._limit:
            raise SessionLimitError

    async def _matching(self, text: str) -> str:
        track = self._library.get(text) or next(iter(await self._library.find(text)), None)
        if track is None:
            raise NoSuchTrackError("startingTrack")
        return track.id

    def _own(self, session_id: str, seed: int | None, saved: SavedStation | None = None) -> Session:
        """A session with a station of its own, yet to be started."""
        number = next(self._numbers)
        station = self._stations[number] = Station(
            session_id,
            number,
            self._library,
            self._sources,
            self._ticks,
            self._send,
            seed=secrets.randbits(32) if seed is None else seed,
            bitrate=self._bitrate,
            kept_ready=session_id == MASTER,
            saved=saved,
        )
        session = self._sessions[session_id] = Session(session_id, station, clock=self._clock)
        return session

    def _follow(self, session_id: str, leader: Session, name: str) -> Session:
        session = Session(session_id, leader.station, following=leader.id, name=name, clock=self._clock)
        self._sessions[session_id] = session
        leader.station.count(followers=1)
        return session

    async def _end(self, session: Session, reason: str) -> None:
        logger.info("Session %s ends: %s", session.id, reason)
        del self._sessions[session.id]
        ended = [session]
        if session.following is not None:
            session.station.count(followers=-1)
        else:
            followers = [each for each in self._sessions.values() if each.following == session.id]
            for follower in followers:
                del self._sessions[follower.id]
                self._lost[follower.id] = session.id
            while len(self._lost) > LOST_LEADERS:
                del self._lost[next(iter(self._lost))]
            ended += followers
            station = self._stations.pop(session.station.playout.number)
            self._past_cuts += station.hub.cut_off
            self._past_failures += station.autodj.failed_plays
            await station.close(reason)
        for each in ended:
            each.end(reason)

    def _adopted(self, record: SessionRecord) -> Session | None:
        if record.following is not None:
            leader = self._sessions.get(record.following)
            return self._follow(record.id, leader, record.name) if leader is not None else None
        saved = None
        try:
            saved = SavedStation(record.state or "", record.history or "{}")
        except ValueError:
            logger.warning("What was saved of session %s can't be read; it begins anew.", record.id)
        if record.id != MASTER:
            return self._own(record.id, None, saved)
        if saved is not None and self._seed is None:
            del self._stations[self.master.station.playout.number]
            return self._own(MASTER, None, saved)
        return None

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            for station in self._stations.values():
                if station.hub.readers:
                    station.beat()

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(self._cleanup_seconds)
            try:
                await self.sweep()
            except Exception:
                logger.exception("Cleaning up sessions failed")
