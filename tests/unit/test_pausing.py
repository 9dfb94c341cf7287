"""Pausing, going on and going elsewhere in a track: where it is heard, and that nothing else is."""

import pytest

from rtc_drift.media import SAMPLE_RATE, samples
from rtc_drift.mixing.crossfade import HUSH
from rtc_drift.station import events
from rtc_drift.station.commands import OutOfTrackError
from tests.unit.on_air import heard, playing


class TestPauseAndResume:
    def test_it_goes_on_where_it_was(self) -> None:
        studio = playing()
        title = studio.title()
        accepted = studio.commands.pause()
        assert 0 < accepted.starts_at - studio.now <= samples(0.3)
        paused = studio.last(events.PlaybackChanged)
        assert (paused.change, paused.paused_at, paused.media_time) == (
            "paused",
            accepted.starts_at,
            accepted.starts_at,
        )
        studio.go(100)
        stood = studio.position()
        assert studio.autodj.planned() is None
        again = studio.commands.resume()
        studio.go(1)
        resumed = studio.last(events.PlaybackChanged)
        assert (resumed.change, resumed.paused_at) == ("resumed", None)
        assert resumed.now_playing.offset_samples == pytest.approx(stood * SAMPLE_RATE)
        assert studio.title() == title
        assert studio.position() - stood == pytest.approx((studio.now - again.starts_at) / SAMPLE_RATE, abs=0.001)
        assert heard(studio) == [title], "the track has not started again"
        studio.go(60)
        assert len(heard(studio)) == 2

    def test_what_was_planned_comes_after_the_pause(self) -> None:
        studio = playing()
        planned = studio.autodj.planned()
        assert planned is not None
        studio.commands.pause()
        studio.go(5)
        studio.commands.resume()
        again = studio.autodj.planned()
        assert again is not None
        assert again.track == planned.track

    def test_pausing_twice_and_resuming_what_plays_change_nothing(self) -> None:
        studio = playing()
        assert studio.commands.resume().starts_at == studio.now
        first = studio.commands.pause()
        studio.go(2)
        assert studio.commands.pause().starts_at == first.starts_at
        assert [event.change for event in studio.of("playback_changed")] == ["resumed", "paused", "paused"]

    def test_next_ends_a_pause(self) -> None:
        studio = playing()
        studio.commands.pause()
        studio.go(2)
        accepted = studio.commands.next_track()
        studio.go(2)
        assert accepted.track is not None
        assert studio.title() == accepted.track.title
        assert studio.autodj.programme.paused_at is None
        assert studio.last(events.PlaybackChanged).change == "resumed"

    def test_pause_and_resume_at_once_lose_nothing(self) -> None:
        studio = playing()
        title, before = studio.title(), studio.position()
        studio.commands.pause()
        studio.commands.resume()
        studio.go(1)
        assert studio.title() == title
        assert studio.position() == pytest.approx(before + 1, abs=0.4)

    def test_in_the_middle_of_a_crossfade_everything_falls_silent(self) -> None:
        studio = playing()
        studio.go(46)  # the second of six seconds
        accepted = studio.commands.pause()
        assert all(play.end <= accepted.starts_at + HUSH for play in studio.timeline.told[-1])


class TestSeek:
    def test_the_position_is_there_when_it_says(self) -> None:
        studio = playing()
        title = studio.title()
        accepted = studio.commands.seek(42.5)
        assert 0 < accepted.starts_at - studio.now <= samples(0.3)
        studio.go(1)
        assert studio.position() == pytest.approx(42.5 + (studio.now - accepted.starts_at) / SAMPLE_RATE, abs=0.001)
        sought = studio.last(events.PlaybackChanged)
        assert (sought.change, sought.now_playing.offset_samples) == ("seeked", samples(42.5))
        assert heard(studio) == [title]
        studio.go(20)
        assert len(heard(studio)) == 2, "the next one comes at the track's end"

    def test_while_paused_it_stays_paused_elsewhere(self) -> None:
        studio = playing()
        studio.commands.pause()
        studio.go(2)
        studio.commands.seek(33)
        studio.go(5)
        assert studio.position() == pytest.approx(33)
        assert studio.last(events.PlaybackChanged).paused_at is not None
        studio.commands.resume()
        studio.go(1)
        assert 33 <= studio.position() <= 34

    def test_nothing_is_heard_from_where_a_pause_was_sought_to_when_it_is_paused_again(self) -> None:
        studio = playing()
        studio.commands.pause()
        studio.go(2)
        silent = studio.commands.seek(33).starts_at
        studio.go(2)
        again = studio.commands.resume().starts_at
        studio.commands.pause()
        studio.commands.resume()
        assert all(play.start >= again or play.end < silent for play in studio.timeline.told[-1])

    def test_a_planned_file_that_fails_does_not_take_it_back(self) -> None:
        studio = playing()
        title, accepted = studio.title(), studio.commands.seek(30)
        planned = studio.autodj.planned()
        assert planned is not None
        studio.fail(planned.play.id, 0)
        studio.go(1)
        assert studio.title() == title
        assert studio.position() == pytest.approx(30 + (studio.now - accepted.starts_at) / SAMPLE_RATE, abs=0.001)

    def test_the_end_of_a_track_leads_into_the_next_and_condemns_nothing(self) -> None:
        studio = playing()
        studio.commands.seek(60)
        studio.go(3)
        assert len(heard(studio)) == 2
        with pytest.raises(OutOfTrackError):
            studio.commands.seek(61)

    def test_a_seek_on_its_way_is_not_taken_back_by_the_next_command(self) -> None:
        studio = playing()
        sought = studio.commands.seek(20)
        skipped = studio.commands.next_track()
        paused = studio.commands.pause()
        assert sought.starts_at < skipped.starts_at < paused.starts_at
        kinds = [entry.transition.kind for entry in studio.autodj.programme.entries]
        assert kinds[-2:] == ["seek", "skip"]
