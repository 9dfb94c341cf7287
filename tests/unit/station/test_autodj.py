"""The DJ on a manual clock: hours of programme, broken files, small libraries."""

import pytest

from rtc_drift.library.normalisation import Normalisation
from rtc_drift.media import SAMPLE_RATE as SECOND
from rtc_drift.station import events
from tests.support.autodj_driver import AutoDjDriver
from tests.support.music import make_track, make_tracks


def test_hours_of_music_have_no_gap() -> None:
    driver = AutoDjDriver(*make_tracks(20))
    driver.run_for(3 * 3600)
    started = driver.events_of("track_started")
    assert 190 <= len(started) <= 202
    assert driver.silent_seconds() == 0
    ids = [event.track.id for event in started]
    assert len(set(ids[:20])) == 20
    assert [event.media_time for event in started] == sorted(event.media_time for event in started)


def test_each_track_is_planned_published_and_crossfaded() -> None:
    driver = AutoDjDriver(*make_tracks(5))
    driver.run_for(70)
    kinds = [event.type for event in driver.events]
    assert kinds[:3] == ["track_planned", "track_started", "track_planned"]
    first, second = driver.events_of("track_started")
    assert isinstance(first, events.TrackStarted)
    assert isinstance(second, events.TrackStarted)
    (transition,) = driver.events_of("transition_started")
    assert isinstance(transition, events.TransitionStarted)
    assert (transition.from_track, transition.to) == (first.track.id, second.track.id)
    assert transition.media_time == second.starts_at == first.starts_at + 54 * SECOND


def test_a_planned_file_that_cannot_be_opened_is_replaced() -> None:
    driver = AutoDjDriver(*make_tracks(5))
    driver.run_for(10)
    planned = driver.planned()
    driver.fail_deck(planned.play.id, 0)
    replacement = driver.planned()
    assert replacement.track != planned.track
    assert driver.library.marked == [(planned.track.id, True)]
    driver.run_for(120)
    assert driver.silent_seconds() == 0


def test_two_bad_files_in_a_row_leave_no_gap() -> None:
    driver = AutoDjDriver(*make_tracks(5))
    driver.run_for(10)
    current = driver.playing()
    breaks_at = driver.now + 4 * SECOND
    driver.fail_deck(current.play.id, current.play.position_at(breaks_at))
    assert driver.library.failed_positions == [current.play.position_at(breaks_at)]
    rescue = driver.planned()
    assert rescue.transition.kind == "rescue"
    driver.fail_deck(rescue.play.id, 0)
    driver.run_for(60)
    assert driver.silent_seconds() == 0


def test_an_empty_library_is_silent_until_there_is_music_again() -> None:
    driver = AutoDjDriver(make_track(1, duration=100))
    driver.run_for(10)
    current = driver.playing()
    driver.fail_deck(current.play.id, current.play.position_at(driver.now + 4 * SECOND))
    driver.run_for(10)
    fresh = make_track(2)
    driver.library.tracks[fresh.id] = fresh
    driver.run_for(3)
    playing = driver.playing()
    assert playing.track == fresh


def test_a_stalled_disk_marks_no_file_for_good() -> None:
    driver = AutoDjDriver(*make_tracks(3))
    driver.run_for(10)
    current = driver.playing()
    driver.fail_deck(current.play.id, current.play.position_at(driver.now), stalled=True)
    assert driver.library.marked == [(current.track.id, False)]
    driver.run_for(2)
    assert driver.autodj.now_playing() != current


@pytest.mark.parametrize("duration", [1.0, 1.5, 2.0, 5.0])
def test_very_short_tracks_play_on(duration: float) -> None:
    driver = AutoDjDriver(*make_tracks(6, duration=duration))
    driver.run_for(60)
    assert len(driver.events_of("track_started")) >= 60 / duration / 2
    assert driver.silent_seconds() < 60 * 0.35


def test_a_single_track_repeats_until_there_are_more() -> None:
    driver = AutoDjDriver(make_track(1))
    driver.run_for(90)
    assert len(driver.events_of("track_started")) == 2
    fresh = make_track(2)
    driver.library.tracks[fresh.id] = fresh
    driver.run_for(2)
    planned = driver.planned()
    assert planned.track == fresh


def test_a_late_scan_does_not_change_the_programme_of_a_seed() -> None:
    early, late = AutoDjDriver(*make_tracks(9)), AutoDjDriver()
    early.run_for(1)
    late.run_for(5)
    late.library.tracks.update(early.library.tracks)
    late.run_for(1)
    late.autodj._plan_anew(may_stay=True)
    programmes = []
    for driver in (early, late):
        driver.run_for(200)
        programmes.append([event.track.title for event in driver.events_of("track_started")])
    assert programmes[0][:4] == programmes[1][:4]


@pytest.mark.parametrize("requested", [True, False])
def test_the_first_track_has_the_normalised_loudness(requested: bool) -> None:
    first = make_tracks(1)[0]
    driver = AutoDjDriver(first, running=False)
    driver.library.normalisation = Normalisation(-23)
    if requested:
        driver.commands.begin_with(first.id, None)
    driver.autodj.advance()
    playing = driver.autodj.now_playing()
    assert playing is not None and playing.play.gain == Normalisation(-23).gain(first)
