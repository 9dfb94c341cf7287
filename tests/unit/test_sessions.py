"""The session registry: invariants for any order of requests, and the removal of idle sessions."""

import asyncio
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from rtc_drift.library.database import Database
from rtc_drift.library.storage import Storage
from rtc_drift.selection.directions import DIRECTIONS
from rtc_drift.session_store import SessionStore, SessionTable
from rtc_drift.sessions import (
    MasterProtectedError,
    NoSuchSessionError,
    SessionExistsError,
    SessionLimitError,
    Sessions,
)
from rtc_drift.station.session import ClientKind, Session
from tests.support.fakes import FakeEngine
from tests.support.session_registry import make_sessions, run_due_tasks

LIMIT = 3
IDLE = 30 * 60


def registry(engine: FakeEngine, clock: list[float]) -> Sessions:
    """Make a registry with few sessions, on a manual clock."""
    return make_sessions(engine, limit=LIMIT, idle_seconds=IDLE, clock=lambda: clock[0])


class AnySessions(RuleBasedStateMachine):
    """Create, follow, join, leave, command, delete and restart, in any order."""

    names = Bundle("names")
    visits = Bundle("visits")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database.open(Path(self.folder.name) / "catalogue.sqlite")
        self.storage = Storage()
        self.leaders: dict[str, str | None] = {"master": None}
        self.inside: dict[int, tuple[str, ClientKind, AbstractContextManager[None]]] = {}
        self.visit_number = 0
        self.begin()

    def begin(self) -> None:
        self.engine = FakeEngine()
        self.sessions = registry(self.engine, [0.0])
        self.session_store = SessionStore(self.sessions, SessionTable(self.database), self.storage)

        async def start() -> None:
            await self.session_store.load()
            self.sessions.start()
            await run_due_tasks()

        self.loop.run_until_complete(start())

    def teardown(self) -> None:
        self.loop.run_until_complete(self.sessions.close())
        self.loop.run_until_complete(self.storage.close())
        assert not self.engine.open, "nothing is left in the engine"
        self.loop.close()
        self.database.close()
        self.folder.cleanup()

    def find(self, name: str) -> Session | None:
        if name in self.leaders:
            return self.sessions.find(name)
        with pytest.raises(NoSuchSessionError):
            self.sessions.find(name)
        return None

    @initialize(target=names)
    def master(self) -> str:
        return "master"

    @rule(target=names, name=st.sampled_from("abcde"), direction=st.none() | st.sampled_from(DIRECTIONS))
    def create(self, name: str, direction: str | None) -> str:
        named = [each for each, leader in self.leaders.items() if leader is None and each != "master"]
        creating = self.sessions.create(name, starting_track="track 3", direction=direction)
        if name in self.leaders:
            with pytest.raises(SessionExistsError):
                self.loop.run_until_complete(creating)
        elif len(named) >= LIMIT:
            with pytest.raises(SessionLimitError):
                self.loop.run_until_complete(creating)
        else:
            session = self.loop.run_until_complete(creating)
            playing = session.state(allow_commands=True).now_playing
            assert playing is not None
            assert playing.track.title == "Track 3"
            assert session.station.autodj.journey.direction == direction
            self.leaders[name] = None
        return name

    @rule(target=names, name=names)
    def follow(self, name: str) -> str:
        found = self.find(name)
        if found is None:
            return name
        follower = self.sessions.follow(name)
        self.leaders[follower.id] = found.following or found.id
        return follower.id

    @rule(target=visits, name=names, kind=st.sampled_from(("webrtc", "ogg", "encoded", "events")))
    def join(self, name: str, kind: ClientKind) -> object:
        found = self.find(name)
        if found is None:
            return multiple()
        visit = found.client(kind)
        visit.__enter__()
        self.visit_number += 1
        self.inside[self.visit_number] = (name, kind, visit)
        return self.visit_number

    @rule(visit=consumes(visits))
    def leave(self, visit: int) -> None:
        if visit in self.inside:
            self.inside.pop(visit)[2].__exit__(None, None, None)

    @rule(name=names, track=st.integers(1, 9))
    def queue(self, name: str, track: int) -> None:
        found = self.find(name)
        if found is not None and found.may_command(None):
            before = found.station.autodj.journey.queue
            found.station.commands.enqueue(f"{track:016x}")
            assert found.station.autodj.journey.queue == (*before, f"{track:016x}")

    @rule(name=names)
    def next_track(self, name: str) -> None:
        found = self.find(name)
        if found is not None and found.may_command(None):
            accepted = found.station.commands.next_track()
            assert found.station.autodj.programme.entries[-1].track == accepted.track

    @rule(name=names)
    def delete(self, name: str) -> None:
        deleting = self.sessions.delete(name)
        if name == "master":
            with pytest.raises(MasterProtectedError):
                self.loop.run_until_complete(deleting)
        elif name in self.leaders:
            self.loop.run_until_complete(deleting)
            gone = {name} | {each for each, leader in self.leaders.items() if leader == name}
            self.leaders = {each: leader for each, leader in self.leaders.items() if each not in gone}
            for number in [number for number, visit in self.inside.items() if visit[0] in gone]:
                self.inside.pop(number)[2].__exit__(None, None, None)
        else:
            with pytest.raises(NoSuchSessionError):
                self.loop.run_until_complete(deleting)

    @rule()
    def restart(self) -> None:
        """Restart the server: clients have to join again, and everything else is restored."""
        for _, _, visit in self.inside.values():
            visit.__exit__(None, None, None)
        self.inside.clear()
        self.loop.run_until_complete(self.session_store.save())
        before = {name: self.lasting_state(session) for name, session in self.sessions.items()}
        self.loop.run_until_complete(self.sessions.close())
        assert not self.engine.open
        self.begin()
        assert {name: self.lasting_state(session) for name, session in self.sessions.items()} == before

    def lasting_state(self, session: Session) -> tuple[object, ...]:
        """Return the state that must survive a restart."""
        autodj = session.station.autodj
        playing = autodj.now_playing()
        position = playing and playing.play.position_at(session.station.now())
        journey = autodj.journey
        track = playing and playing.track.id
        of_journey = (journey.queue, journey.entry_ids, journey.direction, journey.history.played)
        return session.following, session.created, track, position, *of_journey

    @invariant()
    def all_sessions_and_clients_are_counted(self) -> None:
        self.loop.run_until_complete(run_due_tasks())
        assert {name: session.following for name, session in self.sessions.items()} == self.leaders
        for name, session in self.sessions.items():
            own = [kind for at, kind, _ in self.inside.values() if at == name]
            assert session.clients == {kind: own.count(kind) for kind in ("webrtc", "ogg", "encoded", "events")}
            leader = self.leaders[name] or name
            same_station = {each for each in self.leaders if (self.leaders[each] or each) == leader}
            assert session.station is self.sessions[leader].station
            assert session.station.followers == len(same_station) - 1
            listening = [visit for visit in self.inside.values() if visit[0] in same_station and visit[1] != "events"]
            assert session.station.listeners == len(listening)
            assert session.may_command(None) == (self.leaders[name] is None)
            assert session.state(allow_commands=True).now_playing is not None, "every station plays"


TestAnySessions = AnySessions.TestCase
TestAnySessions.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


async def test_idle_sessions_are_removed_by_type() -> None:
    clock = [0.0]
    sessions = registry(FakeEngine(), clock)
    sessions.start()
    for name in ("unused", "listened", "watched"):
        await sessions.create(name)
    follower, listened_follower, masters = (sessions.follow(name).id for name in ("unused", "listened", "master"))
    with (
        sessions["listened"].client("ogg"),
        sessions["watched"].station.hub.reader(),
        sessions["watched"].client("events"),
    ):
        clock[0] = IDLE - 1
        await sessions.sweep()
        assert len(sessions) == 7, "not idle for long enough"
        sessions[masters].touch()
        clock[0] = IDLE
        await sessions.sweep()
        assert set(sessions) == {"master", "listened", "watched", masters}
        clock[0] = 100 * IDLE
        sessions[masters].touch()
        await sessions.sweep()
        assert set(sessions) == {"master", "listened", "watched", masters}, "the master and used sessions stay"
    clock[0] += IDLE - 1
    await sessions.sweep()
    assert set(sessions) == {"master", "listened", "watched", masters}, "they were used until now"
    clock[0] += 1
    await sessions.sweep()
    assert set(sessions) == {"master"}
    with pytest.raises(NoSuchSessionError) as raised:
        sessions.find(follower)
    assert raised.value.leader == "unused"
    assert listened_follower not in sessions
    await sessions.close()


async def test_a_leader_is_used_by_the_listeners_of_its_followers() -> None:
    clock = [0.0]
    sessions = registry(FakeEngine(), clock)
    sessions.start()
    await sessions.create("kitchen")
    follower = sessions.follow("kitchen")
    with follower.client("webrtc"):
        clock[0] = 2 * IDLE
        await sessions.sweep()
        assert set(sessions) == {"master", "kitchen", follower.id}
    await sessions.close()


async def test_two_requests_at_once_create_one_session() -> None:
    sessions = registry(FakeEngine(), [0.0])
    sessions.start()
    answers = await asyncio.gather(
        *(sessions.create("kitchen", starting_track="track") for _ in range(2)), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Session", "SessionExistsError"]
    await sessions.close()
