"""What people ask of a session: when it is heard, in which order, and what is told of it."""

from itertools import pairwise

import pytest

from rtc_drift import events
from rtc_drift.conductor import MAX_ENTRIES, NothingToPlayError, TooManyCommandsError
from rtc_drift.dj.journey import QUEUE
from rtc_drift.dj.transitions import HUSH
from rtc_drift.media import samples
from rtc_drift.playout import HORIZON
from rtc_drift.steering import NoSuchDirectionError, NoSuchTrackError, OutOfTrackError, QueueFullError
from tests.music import make_track
from tests.studio import Studio, tracks


def playing(count: int = 9, *, running: bool = True) -> Studio:
    """A studio ten seconds into its first track (or standing at its beginning)."""
    studio = Studio(*tracks(count), running=running)
    studio.conductor.advance()
    if running:
        studio.go(10)
    return studio


def heard(studio: Studio) -> list[str]:
    return [event.track.title for event in studio.of("track_started")]


class TestNext:
    def test_it_comes_within_300_ms_and_sooner_when_it_is_prefetched(self) -> None:
        studio = playing()
        planned = studio.conductor.planned()
        assert planned is not None
        studio.timeline.ready.add(planned.play.id)
        accepted = studio.steering.next_track()
        assert accepted.track == planned.track
        assert HORIZON < accepted.starts_at - studio.now <= samples(0.2)
        assert studio.conductor.programme.entries[-1].play.id == planned.play.id, "its deck is used"
        studio.go(5)
        other = next(track for track in studio.library.playable() if track != planned.track)
        accepted = studio.steering.next_track(other.id)
        assert accepted.track == other
        assert HORIZON < accepted.starts_at - studio.now <= samples(0.3)

    def test_two_at_once_are_two_tracks_in_the_order_they_came(self) -> None:
        studio = playing()
        first, second, third = (studio.steering.next_track() for _ in range(3))
        assert len({accepted.track for accepted in (first, second, third)}) == 3
        assert studio.now < first.starts_at < second.starts_at < third.starts_at
        studio.go(3)
        titles = [accepted.track.title for accepted in (first, second, third) if accepted.track]
        assert heard(studio)[-3:] == titles

    def test_while_nobody_listens_it_is_there_at_once(self) -> None:
        studio = playing(running=False)
        accepted = studio.steering.next_track()
        assert (accepted.starts_at, studio.now) == (0, 0)
        studio.conductor.advance()
        assert accepted.track is not None
        assert (studio.title(), heard(studio)[-1]) == (accepted.track.title, accepted.track.title)
        assert len(studio.conductor.programme.entries) == 2, "the next one is planned, and the old one is gone"

    def test_what_cannot_be_had_is_said(self) -> None:
        with pytest.raises(NothingToPlayError):
            Studio().steering.next_track()
        studio = playing()
        with pytest.raises(NoSuchTrackError):
            studio.steering.next_track("0" * 16)
        with pytest.raises(NoSuchDirectionError):
            studio.steering.next_track(direction="up")
        assert studio.of("direction_changed") == []

    def test_more_than_people_cause_is_refused_and_passes(self) -> None:
        studio = playing(60)
        with pytest.raises(TooManyCommandsError):
            for _ in range(MAX_ENTRIES + 1):
                studio.steering.next_track()
        studio.go(3)
        studio.steering.next_track()


class TestPrevious:
    def test_each_press_goes_one_further_back(self) -> None:
        studio = playing()
        for _ in range(3):
            studio.steering.next_track()
            studio.go(2)
        there = heard(studio)
        for title in (there[2], there[1], there[0]):
            studio.steering.previous()
            studio.go(2)
            assert studio.title() == title
        studio.steering.previous()
        studio.go(2)
        assert studio.title() == there[0], "there is nothing before: it begins anew"
        assert studio.position() < 2.1
        history = studio.conductor.journey.history
        assert (len(history.heard), len(history.trail)) == (8, 1), "the drift knows all that was heard"

    def test_two_presses_at_once_go_two_back(self) -> None:
        studio = playing()
        for _ in range(2):
            studio.steering.next_track()
            studio.go(2)
        first = heard(studio)[0]
        studio.steering.previous()
        studio.steering.previous()
        studio.go(2)
        assert studio.title() == first

    def test_a_track_that_is_gone_is_passed_over(self) -> None:
        studio = playing()
        for _ in range(2):
            studio.steering.next_track()
            studio.go(2)
        first, second, _ = [event.track for event in studio.of("track_started")]
        del studio.library.tracks[second.id]
        studio.steering.previous()
        studio.go(2)
        assert studio.title() == first.title


class TestPauseAndResume:
    def test_it_goes_on_where_it_was(self) -> None:
        studio = playing()
        title = studio.title()
        accepted = studio.steering.pause()
        assert 0 < accepted.starts_at - studio.now <= samples(0.3)
        paused = studio.last(events.PlaybackChanged)
        assert (paused.change, paused.paused_at, paused.media_time) == (
            "paused",
            accepted.starts_at,
            accepted.starts_at,
        )
        studio.go(100)
        stood = studio.position()
        assert studio.conductor.planned() is None
        again = studio.steering.resume()
        studio.go(1)
        resumed = studio.last(events.PlaybackChanged)
        assert (resumed.change, resumed.paused_at) == ("resumed", None)
        assert resumed.now_playing.offset_samples == pytest.approx(stood * 48_000)
        assert studio.title() == title
        assert studio.position() - stood == pytest.approx((studio.now - again.starts_at) / 48_000, abs=0.001)
        assert heard(studio) == [title], "the track has not started again"
        studio.go(60)
        assert len(heard(studio)) == 2

    def test_what_was_planned_comes_after_the_pause(self) -> None:
        studio = playing()
        planned = studio.conductor.planned()
        assert planned is not None
        studio.steering.pause()
        studio.go(5)
        studio.steering.resume()
        again = studio.conductor.planned()
        assert again is not None
        assert again.track == planned.track

    def test_pausing_twice_and_resuming_what_plays_change_nothing(self) -> None:
        studio = playing()
        assert studio.steering.resume().starts_at == studio.now
        first = studio.steering.pause()
        studio.go(2)
        assert studio.steering.pause().starts_at == first.starts_at
        assert [event.change for event in studio.of("playback_changed")] == ["resumed", "paused", "paused"]

    def test_next_ends_a_pause(self) -> None:
        studio = playing()
        studio.steering.pause()
        studio.go(2)
        accepted = studio.steering.next_track()
        studio.go(2)
        assert accepted.track is not None
        assert studio.title() == accepted.track.title
        assert studio.conductor.programme.paused_at is None
        assert studio.last(events.PlaybackChanged).change == "resumed"

    def test_pause_and_resume_at_once_lose_nothing(self) -> None:
        studio = playing()
        title, before = studio.title(), studio.position()
        studio.steering.pause()
        studio.steering.resume()
        studio.go(1)
        assert studio.title() == title
        assert studio.position() == pytest.approx(before + 1, abs=0.4)

    def test_in_the_middle_of_a_crossfade_everything_falls_silent(self) -> None:
        studio = playing()
        studio.go(46)  # the second of six seconds
        accepted = studio.steering.pause()
        assert all(play.end <= accepted.starts_at + HUSH for play in studio.timeline.told[-1])


class TestSeek:
    def test_the_position_is_there_when_it_says(self) -> None:
        studio = playing()
        title = studio.title()
        accepted = studio.steering.seek(42.5)
        assert 0 < accepted.starts_at - studio.now <= samples(0.3)
        studio.go(1)
        assert studio.position() == pytest.approx(42.5 + (studio.now - accepted.starts_at) / 48_000, abs=0.001)
        sought = studio.last(events.PlaybackChanged)
        assert (sought.change, sought.now_playing.offset_samples) == ("seeked", samples(42.5))
        assert heard(studio) == [title]
        studio.go(20)
        assert len(heard(studio)) == 2, "the next one comes at the track's end"

    def test_while_paused_it_stays_paused_elsewhere(self) -> None:
        studio = playing()
        studio.steering.pause()
        studio.go(2)
        studio.steering.seek(33)
        studio.go(5)
        assert studio.position() == pytest.approx(33)
        assert studio.last(events.PlaybackChanged).paused_at is not None
        studio.steering.resume()
        studio.go(1)
        assert 33 <= studio.position() <= 34

    def test_the_end_of_a_track_leads_into_the_next_and_condemns_nothing(self) -> None:
        studio = playing()
        studio.steering.seek(60)
        studio.go(3)
        assert len(heard(studio)) == 2
        with pytest.raises(OutOfTrackError):
            studio.steering.seek(61)

    def test_a_seek_on_its_way_is_not_taken_back_by_the_next_command(self) -> None:
        studio = playing()
        sought = studio.steering.seek(20)
        skipped = studio.steering.next_track()
        paused = studio.steering.pause()
        assert sought.starts_at < skipped.starts_at < paused.starts_at
        kinds = [entry.transition.kind for entry in studio.conductor.programme.entries]
        assert kinds[-2:] == ["seek", "skip"]


class TestQueue:
    def test_queued_tracks_come_in_their_order_before_others(self) -> None:
        studio = playing()
        wanted = [track for track in studio.library.playable() if track.title != studio.title()][:3]
        answers = [studio.steering.enqueue(track.id) for track in wanted]
        assert [track.title for track in studio.last(events.QueueChanged).queue] == [track.title for track in wanted]
        assert all(first.starts_at < second.starts_at for first, second in pairwise(answers))
        studio.go(200)
        started = studio.of("track_started")
        assert [event.track.title for event in started[1:4]] == [track.title for track in wanted]
        assert [event.starts_at for event in started[1:4]] == [answer.starts_at for answer in answers], "as foretold"
        assert studio.last(events.QueueChanged).queue == []

    def test_next_takes_from_the_queue(self) -> None:
        studio = playing()
        wanted = next(track for track in studio.library.playable() if track.title != studio.title())
        studio.steering.enqueue(wanted.id)
        assert studio.steering.next_track().track == wanted
        assert studio.conductor.queue() == []

    def test_another_track_that_is_asked_for_leaves_the_queue_alone(self) -> None:
        studio = playing()
        one, two, *_ = [track for track in studio.library.playable() if track.title != studio.title()]
        studio.steering.enqueue(one.id)
        studio.steering.next_track(two.id)
        studio.go(3)
        assert studio.conductor.queue() == [one]
        planned = studio.conductor.planned()
        assert planned is not None
        assert planned.track == one

    def test_what_cannot_be_played_any_more_leaves_the_queue(self) -> None:
        studio = playing()
        one, two, *_ = [track for track in studio.library.playable() if track.title != studio.title()]
        studio.steering.enqueue(one.id)
        studio.steering.enqueue(two.id)
        planned = studio.conductor.planned()
        assert planned is not None
        studio.fail(planned.play.id, 0)
        assert studio.conductor.queue() == [two]
        studio.go(60)
        assert studio.title() == two.title

    def test_it_has_an_end(self) -> None:
        studio = playing(3)
        track = studio.library.playable()[0]
        for _ in range(QUEUE):
            studio.steering.enqueue(track.id)
        with pytest.raises(QueueFullError):
            studio.steering.enqueue(track.id)
        with pytest.raises(NoSuchTrackError):
            studio.steering.enqueue("x")

    def test_it_fills_while_nobody_listens_and_while_it_is_paused(self) -> None:
        studio = playing(running=False)
        wanted = next(track for track in studio.library.playable() if track.title != studio.title())
        studio.steering.pause()
        studio.steering.enqueue(wanted.id)
        studio.timeline.running = True
        studio.go(1)
        studio.steering.resume()
        studio.go(61)
        assert studio.title() == wanted.title


class TestHeading:
    def test_a_direction_is_held_and_told(self) -> None:
        studio = playing()
        planned = studio.conductor.planned()
        accepted = studio.steering.steer("brighter")
        assert planned is not None
        assert (accepted.starts_at, accepted.track) == (planned.play.start, planned.track)
        assert studio.last(events.DirectionChanged).direction == "brighter"
        with pytest.raises(NoSuchDirectionError):
            studio.steering.steer("louder")
        studio.steering.steer(None)
        assert studio.conductor.journey.direction is None

    def test_reset_forgets_direction_and_what_was_heard(self) -> None:
        studio = playing()
        studio.steering.steer("calmer")
        queued = studio.library.playable()[0]
        studio.steering.enqueue(queued.id)
        studio.steering.reset_drift()
        journey = studio.conductor.journey
        assert (journey.direction, journey.history.heard) == (None, ())
        assert studio.conductor.queue() == [queued], "what people asked for stays"
        assert studio.last(events.DirectionChanged).direction is None


def test_the_same_seed_library_and_commands_give_the_same_journey() -> None:
    def journey(seed: int) -> list[tuple[str, int]]:
        studio = Studio(*tracks(30), seed=seed)
        studio.go(100)
        studio.steering.next_track()
        studio.steering.enqueue(make_track(7).id)
        studio.go(30)
        studio.steering.seek(30)
        studio.go(300)
        studio.steering.previous()
        studio.go(300)
        return [(event.track.title, event.starts_at) for event in studio.of("track_started")]

    assert journey(4) == journey(4)
    assert journey(4) != journey(5)


def test_commands_before_there_is_music() -> None:
    studio = Studio(running=False)
    studio.conductor.advance()
    for command in (
        studio.steering.pause,
        studio.steering.resume,
        studio.steering.previous,
        studio.steering.next_track,
    ):
        with pytest.raises(NothingToPlayError):
            command()
    with pytest.raises(NothingToPlayError):
        studio.steering.seek(1)
