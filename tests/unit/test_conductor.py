"""Conducting a programme by a fake clock: hours go by in no time."""

import pytest

from rtc_drift.library.normalisation import Normalisation
from rtc_drift.media import SAMPLE_RATE as SECOND
from rtc_drift.station import events
from tests.music import make_track
from tests.studio import Studio, tracks


def test_hours_of_music_without_a_hole() -> None:
    studio = Studio(*tracks(20))
    studio.go(3 * 3600)
    started = studio.of("track_started")
    assert 190 <= len(started) <= 202
    assert studio.silent_seconds() == 0
    ids = [event.track.id for event in started]
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


def test_a_planned_file_that_cannot_be_opened_is_replaced() -> None:
    studio = Studio(*tracks(5))
    studio.go(10)
    planned = studio.autodj.planned()
    assert planned is not None
    studio.fail(planned.play.id, 0)
    replacement = studio.autodj.planned()
    assert replacement is not None
    assert replacement.track != planned.track
    assert studio.library.marked == [(planned.track.id, True)]
    studio.go(120)
    assert studio.silent_seconds() == 0


def test_two_bad_files_in_a_row_leave_no_hole() -> None:
    studio = Studio(*tracks(5))
    studio.go(10)
    current = studio.autodj.now_playing()
    assert current is not None
    breaks_at = studio.now + 4 * SECOND
    studio.fail(current.play.id, current.play.position_at(breaks_at))
    rescue = studio.autodj.planned()
    assert rescue is not None
    assert rescue.transition.kind == "rescue"
    studio.fail(rescue.play.id, 0)
    studio.go(60)
    assert studio.silent_seconds() == 0


def test_an_empty_library_falls_silent_and_goes_on_when_there_is_music_again() -> None:
    studio = Studio(make_track(1, duration=100))
    studio.go(10)
    current = studio.autodj.now_playing()
    assert current is not None
    studio.fail(current.play.id, current.play.position_at(studio.now + 4 * SECOND))
    studio.go(10)
    fresh = make_track(2)
    studio.library.tracks[fresh.id] = fresh
    studio.go(3)
    playing = studio.autodj.now_playing()
    assert playing is not None
    assert playing.track == fresh


def test_a_stalled_disk_condemns_no_file() -> None:
    studio = Studio(*tracks(3))
    studio.go(10)
    current = studio.autodj.now_playing()
    assert current is not None
    studio.fail(current.play.id, current.play.position_at(studio.now), stalled=True)
    assert studio.library.marked == [(current.track.id, False)]
    studio.go(2)
    assert studio.autodj.now_playing() != current


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
    planned = studio.autodj.planned()
    assert planned is not None
    assert planned.track == fresh


def test_when_the_library_became_known_makes_no_difference_to_a_seed() -> None:
    early, late = Studio(*tracks(9)), Studio()
    early.go(1)
    late.go(5)
    late.library.tracks.update(early.library.tracks)
    late.go(1)
    late.autodj._plan_anew(may_stay=True)
    programmes = []
    for studio in (early, late):
        studio.go(200)
        programmes.append([event.track.title for event in studio.of("track_started")])
    assert programmes[0][:4] == programmes[1][:4]


@pytest.mark.parametrize("asked_for", [True, False])
def test_also_the_first_track_is_as_loud_as_the_library_wants(asked_for: bool) -> None:
    first = tracks(1)[0]
    studio = Studio(first, running=False)
    studio.library.normalisation = Normalisation(-23)
    if asked_for:
        studio.commands.begin_with(first.id, None)
    studio.autodj.advance()
    playing = studio.autodj.now_playing()
    assert playing is not None and playing.play.gain == Normalisation(-23).gain(first)
