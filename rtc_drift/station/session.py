"""A session: what an id stands for. Roles are data: a follower differs from its leader in nothing else."""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal

from rtc_drift import __version__
from rtc_drift.library.track import Track
from rtc_drift.selection.journey import Start
from rtc_drift.station import events, views
from rtc_drift.station.entry import Entry
from rtc_drift.station.hello import hello_in_pieces
from rtc_drift.station.played import before_present, played_tracks
from rtc_drift.station.station import Station
from rtc_drift.tracks import DriftTrack, PacketTrack

SessionType = Literal["master", "named", "follower"]
ClientKind = Literal["webrtc", "ogg", "encoded", "events"]

MASTER = "master"
_NAME = re.compile("[a-z0-9][a-z0-9-]{0,62}")
_RESERVED = frozenset(
    {MASTER, "api", "create", "events", "follow", "info", "list", "session", "static", "stream", "whep"}
)


def is_name(text: str) -> bool:
    """Return True if a text can be the name, and so the id, of a session."""
    return _NAME.fullmatch(text) is not None and text not in _RESERVED


class Session:
    """A role at a station (master, named or follower), and the clients who came through its id."""

    def __init__(
        self,
        session_id: str,
        station: Station,
        *,
        following: str | None = None,
        name: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = session_id
        self.station = station
        self.following = following
        """The leader's id; None unless it is a follower."""
        self.name = name or session_id
        self.created = self.last_access = datetime.now(UTC)
        self._clock = clock
        self.used_at = clock()
        """Time of its last use, in seconds of the clock."""
        self.lock: str | None = None
        """The SHA-256 of the control key; None if there is none. A follower's key ends it, and nothing else."""
        self.clients: dict[ClientKind, int] = {"webrtc": 0, "ogg": 0, "encoded": 0, "events": 0}
        self.end_reason: str | None = None
        """The reason it has ended; None before."""
        self._endings = set[Callable[[str], None]]()

    @property
    def type(self) -> SessionType:
        """Its role."""
        if self.following is not None:
            return "follower"
        return "master" if self.id == MASTER else "named"

    @property
    def listeners(self) -> int:
        """Number of listeners, over WebRTC or plain HTTP, of its station, through any session."""
        return self.station.listeners

    @property
    def is_used(self) -> bool:
        """True while somebody listens or reads events; for a leader, through any session of its station."""
        if self.following is not None:
            return any(self.clients.values())
        return self.station.has_listeners or self.station.hub.readers > 0

    @property
    def is_restored(self) -> bool:
        """True unless a saved state is still to be restored."""
        return self.station.is_restored

    def track(self) -> DriftTrack:
        """Return a new aiortc track of the mixer's frames, starting at the live edge."""
        return self.station.track()

    def packet_track(self) -> PacketTrack:
        """Return a new aiortc track of the Opus packets, starting at the live edge."""
        return self.station.packet_track()

    def touch(self) -> None:
        """Note that somebody used the session."""
        self.last_access = datetime.now(UTC)
        self.used_at = self._clock()

    @contextmanager
    def client(self, kind: ClientKind, *, fed_by_engine: bool = False) -> Iterator[None]:
        """Count a client in, and out again."""
        listens = int(kind != "events")
        self.clients[kind] += 1
        if listens:
            self.station.count(listeners=1, fed_by_engine=int(fed_by_engine))
        try:
            yield
        finally:
            self.clients[kind] -= 1
            self.touch()
            if listens:
                self.station.count(listeners=-1, fed_by_engine=-int(fed_by_engine))

    @contextmanager
    def ending(self, end: Callable[[str], None]) -> Iterator[None]:
        """Have `end` called with the reason if the session ends meanwhile or has ended already."""
        self._endings.add(end)
        if self.end_reason is not None:
            end(self.end_reason)
        try:
            yield
        finally:
            self._endings.discard(end)

    def end(self, reason: str) -> None:
        """Disconnect everybody who came through it."""
        self.end_reason = reason
        for end in list(self._endings):
            end(reason)

    @property
    def is_locked(self) -> bool:
        """True if its commands need a key."""
        return self.following is None and self.lock is not None

    def lock_with_new_key(self) -> str:
        """Make a control key, and return it; from now on it is needed for commands, or for ending a follower."""
        key = secrets.token_urlsafe(24)
        self.lock = _hash(key)
        return key

    def may_command(self, key: str | None) -> bool:
        """Return True if a client with this control key may command."""
        return self.following is None and (self.lock is None or self.has_key(key))

    def has_key(self, key: str | None) -> bool:
        """Return True if this is the control key; False if there is none."""
        return self.lock is not None and key is not None and hmac.compare_digest(_hash(key), self.lock)

    def state(self, *, allow_commands: bool) -> views.SessionState:
        """Return the whole state for a client."""
        loved, (revision, queue) = self.station.loved, self.station.autodj.queue.published()
        return self._state(allow_commands, revision).model_copy(
            update={
                "explorer": [views.OpenDirection.of(it, loved) for it in self.station.explorer],
                "queue": [views.QueuedTrack.at(it.entry_id, track, loved) for it, track in queue],
            }
        )

    def _state(self, allow_commands: bool, queue_revision: int) -> views.SessionState:
        """Return the state without the open directions and the queue."""
        station, autodj = self.station, self.station.autodj
        loved, now_playing, planned = station.loved, autodj.now_playing(), autodj.planned()
        return views.SessionState(
            session_id=self.id,
            type=self.type,
            allow_commands=allow_commands,
            following_session=self.following,
            locked=self.is_locked,
            now_playing=views.PlayingTrack.of(now_playing, loved) if now_playing else None,
            paused_at=autodj.programme.paused_at,
            next=views.PlannedTrack.of(planned, loved) if planned else None,
            direction=autodj.journey.direction,
            listeners=station.listeners,
            followers=station.followers,
            running=station.playout.running,
            library=station.library_status(),
            version=__version__,
            queue_revision=queue_revision,
            played=[views.PlayedTrack.of(track, start.at, loved) for track, start in self._played(now_playing)],
            explorer=[],
            queue=[],
        )

    def _played(self, now_playing: Entry | None) -> Iterator[tuple[Track, Start]]:
        starts = before_present(
            self.station.autodj.journey.history.starts, now_playing.track.id if now_playing else None
        )
        return played_tracks(starts, self.station.find_track)

    def hello(self, *, allow_commands: bool) -> Iterator[bytes]:
        """Return the frame of the event that opens a client's stream, in pieces: what it holds is as it is now."""
        station, loved = self.station, self.station.loved
        revision, queue = station.autodj.queue.published()
        return hello_in_pieces(
            station.publisher.hello(self._state(allow_commands, revision)),
            station.hub.last_id,
            (views.OpenDirection.of(it, loved) for it in station.explorer),
            (views.QueuedTrack.at(it.entry_id, track, loved) for it, track in queue),
        )

    def farewell(self, reason: str) -> events.SessionEnded:
        """Make the event that ends a client's stream if the station goes on."""
        return self.station.publisher.farewell(self.id, reason)


def _hash(key: str) -> str:
    # A header may hold any bytes; those that are no UTF-8 arrive as surrogates.
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
