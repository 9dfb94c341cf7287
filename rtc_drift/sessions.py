"""The registry of sessions: creates and ends them, knows their roles, and owns the stations behind them.

The master and each named session have a station of their own; a follower uses its leader's.
"""

import asyncio
import itertools
import logging
import secrets
import string
import time
from collections.abc import Callable, Iterator, Mapping

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.library.library import Library
from rtc_drift.station.commands import NoSuchTrackError, checked_direction
from rtc_drift.station.first_tracks import besides_others
from rtc_drift.station.saved_session import SavedSession, read_session
from rtc_drift.station.session import MASTER, Session, is_name
from rtc_drift.station.snapshot import SavedStation, SessionRecord
from rtc_drift.station.sources import Sources
from rtc_drift.station.station import Station

__all__ = ["MASTER", "Session", "Sessions"]

logger = logging.getLogger(__name__)

ID_CHARACTERS = string.ascii_lowercase + string.digits
HEARTBEAT_SECONDS = 10.0
LOST_LEADERS = 1_000
"""Number of followers remembered after their leader has ended."""
STOPS = "The server is stopping."
ENDED = "This room was closed."
UNUSED = "This room was closed, because nobody used it for a while."


class NoSuchSessionError(Exception):
    """There is no session of that id, or no longer."""

    def __init__(self, session_id: str, leader: str | None = None) -> None:
        """Name the session; `leader` is the id it followed, if that has ended."""
        super().__init__("Session not found" if leader is None else "Target session not found")
        self.session_id = session_id
        self.leader = leader


class SessionExistsError(Exception):
    """The name is taken."""


class BadNameError(Exception):
    """The text can't be a session's name."""


class SessionLimitError(Exception):
    """There are as many sessions, or followers, as allowed; the message says so."""


class MasterProtectedError(Exception):
    """The master can't be ended."""


class Sessions(Mapping[str, Session]):
    """All sessions by id: the master, which always exists, named sessions and followers."""

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
        """Make the registry with the master; `start` begins its programme.

        Args:
            library: The library that all stations play from.
            sources: What all DJs choose and play from.
            ticks: The tick clock shared with the engines.
            send: Sends a message to the engine of its station.
            seed: The master's seed. With one the master begins anew at every start of the server.
            bitrate: Bits per second of the Opus packets.
            limit: Number of named sessions at once.
            follower_limit: Number of followers at once.
            idle_seconds: Time without use after which a named session or a follower is ended.
            cleanup_seconds: Time between checks for such sessions.
            clock: A monotonic clock in seconds.
        """
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
        """By their number in messages to and from the engine."""
        self._lost: dict[str, str] = {}
        self._past_cuts = self._past_failures = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._own(MASTER, seed)

    @property
    def master(self) -> Session:
        """The session that always exists."""
        return self._sessions[MASTER]

    def stations(self) -> list[Station]:
        """Return all stations."""
        return list(self._stations.values())

    @property
    def event_readers_cut(self) -> int:
        """Number of event streams cut off, those of closed stations included."""
        return self._past_cuts + sum(station.hub.cut_off for station in self._stations.values())

    @property
    def failed_plays(self) -> int:
        """Number of plays that broke off, those of closed stations included."""
        return self._past_failures + sum(station.autodj.failed_plays for station in self._stations.values())

    def find(self, session_id: str) -> Session:
        """Return the session of an id. Raises NoSuchSessionError."""
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
        """Create a named session with its own station; `starting_track` is an id or words that match.

        Raises BadNameError, SessionExistsError, SessionLimitError, NoSuchTrackError, NoSuchDirectionError.
        """
        self._check_new(name)
        checked_direction(direction)
        track_id = None if starting_track is None else await self._matching(starting_track)
        self._check_new(name)  # another request may have been faster
        session = self._own(name, seed)
        session.station.commands.begin_with(track_id, direction)
        session.station.start()
        session.station.expect()
        logger.info("Session %s created", name)
        return session

    def follow(self, session_id: str, name: str = "") -> Session:
        """Create a follower of a session, or of its leader. Raises NoSuchSessionError, SessionLimitError."""
        found = self.find(session_id)
        leader = self.find(found.following or found.id)
        if sum(each.following is not None for each in self._sessions.values()) >= self._follower_limit:
            raise SessionLimitError(f"Follower limit reached ({self._follower_limit}).")
        while (own_id := f"follower_{''.join(secrets.choice(ID_CHARACTERS) for _ in range(8))}") in self._sessions:
            pass
        leader.touch()
        return self._follow(own_id, leader, name)

    async def delete(self, session_id: str) -> None:
        """End a session, and a leader's followers with it. Raises NoSuchSessionError, MasterProtectedError."""
        session = self.find(session_id)
        if session.type == "master":
            raise MasterProtectedError
        await self._end(session, ENDED)

    async def sweep(self) -> None:
        """End named sessions and followers that have not been used for `idle_seconds`."""
        now = self._clock()
        for session in list(self._sessions.values()):
            if session.is_used:
                session.used_at = now
            is_unused = session.type != "master" and now - session.used_at >= self._idle_seconds
            if is_unused and session.id in self._sessions:
                await self._end(session, UNUSED)

    def adopt(self, record: SessionRecord) -> bool:
        """Bring back a saved session. Return False if it is damaged: it begins anew, or is left out.

        Only before `start`, and leaders before their followers.
        """
        try:
            saved = read_session(record)
        except ValueError:
            return False
        session = self._adopted(saved)
        if session is not None:
            session.created = saved.created
            session.last_access = saved.last_access
            session.lock = saved.lock
        return saved.is_whole

    def publish_love(self, track_id: str, value: bool) -> None:
        """Publish in every session that a track is loved, or is no longer."""
        for station in self._stations.values():
            station.publisher.love(track_id, value)

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start every station, the heartbeat and the cleanup."""
        for station in self._stations.values():
            station.start()
        self._tasks = [
            asyncio.create_task(self._keep_beating(), name="heartbeat"),
            asyncio.create_task(self._keep_sweeping(), name="cleanup of sessions"),
        ]

    async def close(self) -> None:
        """Close every station and disconnect all clients. Idempotent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for station in list(self._stations.values()):
            await station.close()
        for session in list(self._sessions.values()):
            session.end(STOPS)

    def library_changed(self) -> None:
        """Pass a change of the library or of the feature space on to every station."""
        for station in self._stations.values():
            station.library_changed()

    def on_engine(self, message: m.StationMessage) -> None:
        """Pass a message of an engine on to its station."""
        if (station := self._stations.get(message.station)) is not None:
            station.on_engine(message)

    def restore(self) -> Iterator[m.ToCore]:
        """Yield the messages that bring a new engine to the present state of all stations."""
        for station in self._stations.values():
            yield from station.restore()

    def __getitem__(self, session_id: str) -> Session:
        return self._sessions[session_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sessions)

    def __len__(self) -> int:
        return len(self._sessions)

    def _check_new(self, name: str) -> None:
        if not is_name(name):
            raise BadNameError
        if name in self._sessions:
            raise SessionExistsError
        if sum(session.type == "named" for session in self._sessions.values()) >= self._limit:
            raise SessionLimitError(f"Session limit reached ({self._limit}).")

    async def _matching(self, text: str) -> str:
        if (track := self._library.get(text)) is not None:
            return track.id
        found, _ = await self._library.find(text, limit=1)
        if not found:
            raise NoSuchTrackError("startingTrack")
        return found[0].id

    def _own(self, session_id: str, seed: int | None, saved: SavedStation | None = None) -> Session:
        """Add a session with a station of its own, yet to be started."""
        number = next(self._numbers)
        # With a seed its tracks are repeatable, whatever others play.
        sources = besides_others(self._sources, number, self._stations) if seed is None else self._sources
        station = self._stations[number] = Station(
            session_id,
            number,
            self._library,
            sources,
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
        logger.info("Session %s ended: %s", session.id, reason)
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

    def _adopted(self, saved: SavedSession) -> Session | None:
        if saved.following is not None:
            leader = self._sessions.get(saved.following)
            return self._follow(saved.id, leader, saved.name) if leader is not None else None
        if saved.id != MASTER:
            return self._own(saved.id, None, saved.station)
        if saved.station is not None and self._seed is None:
            del self._stations[self.master.station.playout.number]
            return self._own(MASTER, None, saved.station)
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
                logger.exception("The cleanup of sessions failed")
