"""Rooms made in the first seconds: each begins with a track of its own as soon as the library has enough."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rtc_drift.sessions import Sessions
from tests.support.fakes import FakeEngine, FakeLibrary
from tests.support.music import make_track, make_tracks
from tests.support.session_registry import make_sessions, run_due_tasks


class Rooms:
    """A registry whose library grows while the test goes on."""

    def __init__(self, sessions: Sessions, library: FakeLibrary) -> None:
        self.sessions = sessions
        self.library = library

    async def make(self, name: str, **options: str | int) -> None:
        await self.sessions.create(name, **options)  # type: ignore[arg-type]
        await run_due_tasks()

    async def grow(self, number: int) -> None:
        """Add track `number` to the library."""
        track = make_track(number)
        self.library.tracks[track.id] = track
        self.sessions.library_changed()
        await run_due_tasks()

    def first(self, name: str) -> str | None:
        playing = self.sessions[name].station.autodj.now_playing()
        return None if playing is None else playing.track.title

    def firsts(self) -> list[str | None]:
        return [self.first(name) for name in self.sessions]


@asynccontextmanager
async def rooms(tracks: int, seed: int | None = None) -> AsyncIterator[Rooms]:
    library = FakeLibrary(*make_tracks(tracks))
    sessions = make_sessions(FakeEngine(), library, seed=seed)
    sessions.start()
    await run_due_tasks()
    yield Rooms(sessions, library)
    await sessions.close()


async def test_rooms_begin_with_different_tracks_as_long_as_there_are_any() -> None:
    async with rooms(5) as made:
        for name in "abcd":
            await made.make(name)
        assert len(set(made.firsts())) == 5
        await made.make("e")
        assert made.first("e") in made.firsts()[:-1], "it begins all the same"


async def test_rooms_made_with_one_track_part_when_there_are_more() -> None:
    async with rooms(1) as made:
        for name in "ab":
            await made.make(name)
        assert set(made.firsts()) == {"Track 1"}
        await made.grow(2)
        assert made.firsts() == ["Track 1", "Track 2", "Track 1"], "the later one gives way"
        await made.grow(3)
        assert made.firsts() == ["Track 1", "Track 2", "Track 3"]
        before = made.firsts()
        await made.grow(4)
        assert made.firsts() == before, "what differs stays"


async def test_rooms_made_before_any_music_begin_differently() -> None:
    async with rooms(0) as made:
        for name in "ab":
            await made.make(name)
        assert made.firsts() == [None] * 3
        for number in (1, 2, 3):
            await made.grow(number)
        assert len(set(made.firsts())) == 3


async def test_a_room_begins_anew_as_if_it_had_never_begun() -> None:
    async with rooms(1) as made:
        await made.make("a", direction="brighter")
        station = made.sessions["a"].station
        await made.grow(2)
        journey = station.autodj.journey
        playing = station.autodj.now_playing()
        assert playing is not None and playing.play.start == 0
        assert journey.history.played == journey.history.trail == (playing.track.id,)
        assert journey.direction == "brighter"
        planned = station.autodj.planned()
        assert planned is not None and planned.track.title == "Track 1"


@pytest.mark.parametrize("why", ["listener", "listened", "asked for", "queue", "seed", "paused", "skipped", "restored"])
async def test_a_room_keeps_a_track_that_somebody_knows(why: str) -> None:
    async with rooms(1) as made:
        track_id = make_track(1).id
        options = {"asked for": {"starting_track": track_id}, "seed": {"seed": 5}}.get(why, {})
        await made.make("a", **options)  # type: ignore[arg-type]
        session = made.sessions["a"]
        commands = session.station.commands
        if why == "listener":
            visit = session.client("webrtc")
            visit.__enter__()
        elif why == "listened":
            session.station.playout.stand_at(48_000)
        elif why == "queue":
            commands.enqueue(track_id)
        elif why == "paused":
            commands.pause()
        elif why == "restored":
            autodj = session.station.autodj
            autodj.restore(autodj.snapshot(), autodj.journey.history)
        elif why == "skipped":
            commands.next_track(track_id)
        await made.grow(2)
        assert made.first("a") == "Track 1"
        assert made.first("master") == "Track 2", "nobody has listened to it yet"
        if why == "listener":
            visit.__exit__(None, None, None)


async def test_with_a_seed_other_rooms_make_no_difference() -> None:
    alone: list[str | None] = []
    for seed in range(8):
        async with rooms(5, seed=seed) as made:
            alone.append(made.first("master"))
            await made.make("a", seed=seed)
            assert made.first("a") == made.first("master")
            await made.make("b")
            assert made.first("b") != made.first("master")
    assert len(set(alone)) > 1
