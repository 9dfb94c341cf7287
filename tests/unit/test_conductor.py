"""Conducting a programme by a fake clock: hours go by in no time."""

import numpy as np
import pytest

from rtc_drift import events
from rtc_drift.conductor import HORIZON, Conductor, NoSuchTrackError, NothingToPlayError
from rtc_drift.dj.programme import Programme
from rtc_drift.engine.messages import DeckFailed, DeckReady
from rtc_drift.library.track import Track
from rtc_drift.media import samples
from tests.music import make_track

SECOND = samples(1)
STEP = SECOND // 10


class Shelf:
    """A library in memory."""

    def __init__(self, *tracks: Track) -> None:
        self.tracks = {track.id: track for track in tracks}
        self.marked: list[tuple[str, bool]] = []

    def playable(self) -> list[Track]:
        return list(self.tracks.values())

    def get(self, track_id: str) -> Track | None:
        return self.tracks.get(track_id)

    def mark_unplayable(self, track: Track, reason: str, *, lasting: bool = True) -> None:
        self.marked.append((track.id, lasting))
        self.tracks.pop(track.id, None)


class Studio:
    """A conductor with a clock that the test moves."""

    def __init__(self, *tracks: Track) -> None:
        self.now = 0
        self.library = Shelf(*tracks)
        self.events: list[events.Event] = []
        self.told: list[Programme] = []
        self.conductor = Conductor("master", self.library, 1, lambda: self.now, self.events.append, self.told.append)

    def go(self, seconds: float) -> None:
        """Let time pass, as the session's task does."""
        end = self.now + samples(seconds)
        while self.now < end:
            self.now = min(end, max(self.now + 1, self.conductor.advance()))
        self.conductor.advance()

    def of(self, kind: str) -> list[events.Event]:
        return [event for event in self.events if event.type == kind]

    def fail(self, play: int, position: int, *, stalled: bool = False) -> None:
        self.conductor.deck_failed(DeckFailed(1, play, position, "It broke.", stalled))

    def silent_seconds(self) -> float:
        """How long nothing sounded so far, by the plays as they were last told to the engine."""
        plays = {entry.play.id: entry.play for programme in self.told for entry in programme.entries}
        sounding = np.zeros(self.now // STEP, bool)
        for play in plays.values():
            sounding[play.start // STEP : play.end // STEP] = True
        return float(np.count_nonzero(~sounding[SECOND // STEP :])) * STEP / SECOND


def tracks(count: int, duration: float = 60) -> list[Track]:
    return [make_track(number, duration=duration, artist=f"Artist {number % 5}") for number in range(1, count + 1)]


def test_hours_of_music_without_a_hole() -> None:
    studio = Studio(*tracks(20))
    studio.go(3 * 3600)
    started = studio.of("track_started")
    assert 190 <= len(started) <= 202
    assert studio.silent_seconds() == 0
    ids = [event.track.id for event in started]  # type: ignore[union-attr]
    assert len(set(ids[:20])) == 20
    assert [event.media_time for event in started] == sorted(event.media_time for event in started)


def test_each_track_is_planned_told_and_crossed_into() -> None:
    studio = Studio(*tracks(5))
    studio.go(70)
    kinds = [event.type for event in studio.events]
    assert kinds[:3] == ["track_planned", "track_started", "track_planned"]
    first, second = studio.of("track_started")
    assert isinstance(first, events.TrackStarted)
    assert isinstance(second, events.TrackStarted)
    (transition,) = studio.of("transition_started")
    assert isinstance(transition, events.TransitionStarted)
    assert (transition.from_track, transition.to) == (first.track.id, second.track.id)
    assert transition.media_time == second.starts_at == first.starts_at + 54 * SECOND


def test_next_comes_within_300_ms_and_at_once_when_it_is_prefetched() -> None:
    studio = Studio(*tracks(5))
    studio.go(10)
    planned = studio.conductor.planned()
    assert planned is not None
    studio.conductor.deck_ready(DeckReady(1, planned.play.id))
    accepted = studio.conductor.next_track(None)
    assert accepted.entry.track == planned.track
    assert accepted.entry.play.id == planned.play.id
    assert HORIZON < accepted.starts_at - studio.now <= samples(0.2)
    studio.go(5)
    other = next(track for track in studio.library.playable() if track != planned.track)
    accepted = studio.conductor.next_track(other.id)
    assert accepted.entry.track == other
    assert HORIZON < accepted.starts_at - studio.now <= samples(0.3)


def test_what_cannot_be_had_is_said() -> None:
    studio = Studio()
    with pytest.raises(NothingToPlayError):
        studio.conductor.next_track(None)
    studio = Studio(*tracks(2))
    studio.go(1)
    with pytest.raises(NoSuchTrackError):
        studio.conductor.next_track("0" * 16)


def test_a_planned_file_that_cannot_be_opened_is_replaced() -> None:
    studio = Studio(*tracks(5))
    studio.go(10)
    planned = studio.conductor.planned()
    assert planned is not None
    studio.fail(planned.play.id, 0)
    replacement = studio.conductor.planned()
    assert replacement is not None
    assert replacement.track != planned.track
    assert studio.library.marked == [(planned.track.id, True)]
    studio.go(120)
    assert studio.silent_seconds() == 0


def test_two_bad_files_in_a_row_leave_no_hole() -> None:
    studio = Studio(*tracks(5))
    studio.go(10)
    current = studio.conductor.now_playing()
    assert current is not None
    breaks_at = studio.now + 4 * SECOND
    studio.fail(current.play.id, current.play.position_at(breaks_at))
    rescue = studio.conductor.planned()
    assert rescue is not None
    assert rescue.transition.kind == "rescue"
    studio.fail(rescue.play.id, 0)
    studio.go(60)
    assert studio.silent_seconds() == 0


def test_an_empty_library_falls_silent_and_goes_on_when_there_is_music_again() -> None:
    studio = Studio(make_track(1, duration=100))
    studio.go(10)
    current = studio.conductor.now_playing()
    assert current is not None
    studio.fail(current.play.id, current.play.position_at(studio.now + 4 * SECOND))
    studio.go(10)
    fresh = make_track(2)
    studio.library.tracks[fresh.id] = fresh
    studio.go(3)
    playing = studio.conductor.now_playing()
    assert playing is not None
    assert playing.track == fresh


def test_a_stalled_disk_condemns_no_file() -> None:
    studio = Studio(*tracks(3))
    studio.go(10)
    current = studio.conductor.now_playing()
    assert current is not None
    studio.fail(current.play.id, current.play.position_at(studio.now), stalled=True)
    assert studio.library.marked == [(current.track.id, False)]
    studio.go(2)
    assert studio.conductor.now_playing() != current


@pytest.mark.parametrize("duration", [1.0, 1.5, 2.0, 5.0])
def test_very_short_tracks_play_on(duration: float) -> None:
    studio = Studio(*tracks(6, duration=duration))
    studio.go(60)
    assert len(studio.of("track_started")) >= 60 / duration / 2
    assert studio.silent_seconds() < 60 * 0.35


def test_one_track_plays_again_and_makes_way_when_there_are_more() -> None:
    studio = Studio(make_track(1))
    studio.go(90)
    assert len(studio.of("track_started")) == 2
    fresh = make_track(2)
    studio.library.tracks[fresh.id] = fresh
    studio.go(2)
    planned = studio.conductor.planned()
    assert planned is not None
    assert planned.track == fresh
