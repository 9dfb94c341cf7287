"""Pause, resume and seek: the position where a track continues, and that nothing else plays."""

import pytest

from rtc_drift.media import SAMPLE_RATE, samples
from rtc_drift.mixing.crossfade import HUSH
from rtc_drift.station import events
from rtc_drift.station.commands import OutOfTrackError
from tests.support.autodj_driver import driver_on_air


class TestPauseAndResume:
    def test_resume_continues_at_the_position_of_the_pause(self) -> None:
        driver = driver_on_air()
        title = driver.title()
        accepted = driver.commands.pause()
        assert 0 < accepted.starts_at - driver.now <= samples(0.3)
        paused = driver.last_event(events.PlaybackChanged)
        assert (paused.change, paused.paused_at, paused.media_time) == (
            "paused",
            accepted.starts_at,
            accepted.starts_at,
        )
        driver.run_for(100)
        stood = driver.position()
        assert driver.autodj.planned() is None
        again = driver.commands.resume()
        driver.run_for(1)
        resumed = driver.last_event(events.PlaybackChanged)
        assert (resumed.change, resumed.paused_at) == ("resumed", None)
        assert resumed.now_playing.offset_samples == pytest.approx(stood * SAMPLE_RATE)
        assert driver.title() == title
        assert driver.position() - stood == pytest.approx((driver.now - again.starts_at) / SAMPLE_RATE, abs=0.001)
        assert driver.played_titles() == [title], "the track has not started again"
        driver.run_for(60)
        assert len(driver.played_titles()) == 2

    def test_the_planned_track_is_kept_over_a_pause(self) -> None:
        driver = driver_on_air()
        planned = driver.planned()
        driver.commands.pause()
        driver.run_for(5)
        driver.commands.resume()
        again = driver.planned()
        assert again.track == planned.track

    def test_a_second_pause_and_a_resume_while_playing_change_nothing(self) -> None:
        driver = driver_on_air()
        assert driver.commands.resume().starts_at == driver.now
        first = driver.commands.pause()
        driver.run_for(2)
        assert driver.commands.pause().starts_at == first.starts_at
        assert [event.change for event in driver.events_of("playback_changed")] == ["resumed", "paused", "paused"]

    def test_a_skip_ends_a_pause(self) -> None:
        driver = driver_on_air()
        driver.commands.pause()
        driver.run_for(2)
        accepted = driver.commands.next_track()
        driver.run_for(2)
        assert accepted.track is not None
        assert driver.title() == accepted.track.title
        assert driver.autodj.programme.paused_at is None
        assert driver.last_event(events.PlaybackChanged).change == "resumed"

    def test_pause_and_resume_at_once_keep_the_position(self) -> None:
        driver = driver_on_air()
        title, before = driver.title(), driver.position()
        driver.commands.pause()
        driver.commands.resume()
        driver.run_for(1)
        assert driver.title() == title
        assert driver.position() == pytest.approx(before + 1, abs=0.4)

    def test_a_pause_within_a_crossfade_silences_both_tracks(self) -> None:
        driver = driver_on_air()
        driver.run_for(46)  # the second of six seconds
        accepted = driver.commands.pause()
        assert all(play.end <= accepted.starts_at + HUSH for play in driver.timeline.schedules[-1])


class TestSeek:
    def test_a_seek_is_at_its_position_when_the_answer_says(self) -> None:
        driver = driver_on_air()
        title = driver.title()
        accepted = driver.commands.seek(42.5)
        assert 0 < accepted.starts_at - driver.now <= samples(0.3)
        driver.run_for(1)
        assert driver.position() == pytest.approx(42.5 + (driver.now - accepted.starts_at) / SAMPLE_RATE, abs=0.001)
        sought = driver.last_event(events.PlaybackChanged)
        assert (sought.change, sought.now_playing.offset_samples) == ("seeked", samples(42.5))
        assert driver.played_titles() == [title]
        driver.run_for(20)
        assert len(driver.played_titles()) == 2, "the next one comes at the track's end"

    def test_a_seek_while_paused_stays_paused(self) -> None:
        driver = driver_on_air()
        driver.commands.pause()
        driver.run_for(2)
        driver.commands.seek(33)
        driver.run_for(5)
        assert driver.position() == pytest.approx(33)
        assert driver.last_event(events.PlaybackChanged).paused_at is not None
        driver.commands.resume()
        driver.run_for(1)
        assert 33 <= driver.position() <= 34

    def test_a_position_sought_in_a_pause_does_not_play_if_paused_again(self) -> None:
        driver = driver_on_air()
        driver.commands.pause()
        driver.run_for(2)
        silent = driver.commands.seek(33).starts_at
        driver.run_for(2)
        again = driver.commands.resume().starts_at
        driver.commands.pause()
        driver.commands.resume()
        assert all(play.start >= again or play.end < silent for play in driver.timeline.schedules[-1])

    def test_a_failing_planned_file_does_not_undo_a_seek(self) -> None:
        driver = driver_on_air()
        title, accepted = driver.title(), driver.commands.seek(30)
        planned = driver.planned()
        driver.fail_deck(planned.play.id, 0)
        driver.run_for(1)
        assert driver.title() == title
        assert driver.position() == pytest.approx(30 + (driver.now - accepted.starts_at) / SAMPLE_RATE, abs=0.001)

    def test_a_seek_to_the_end_starts_the_next_track(self) -> None:
        driver = driver_on_air()
        driver.commands.seek(60)
        driver.run_for(3)
        assert len(driver.played_titles()) == 2
        with pytest.raises(OutOfTrackError):
            driver.commands.seek(61)

    def test_a_pending_seek_is_not_undone_by_the_next_command(self) -> None:
        driver = driver_on_air()
        sought = driver.commands.seek(20)
        skipped = driver.commands.next_track()
        paused = driver.commands.pause()
        assert sought.starts_at < skipped.starts_at < paused.starts_at
        kinds = [entry.transition.kind for entry in driver.autodj.programme.entries]
        assert kinds[-2:] == ["seek", "skip"]
