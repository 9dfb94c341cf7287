"""The queue and the direction."""

from itertools import pairwise

import pytest

from rtc_drift.selection.journey import QUEUE
from rtc_drift.station import events
from rtc_drift.station.commands import NoSuchDirectionError, NoSuchTrackError, QueueFullError
from tests.support.autodj_driver import driver_on_air


class TestQueue:
    def test_queued_tracks_play_in_order_before_others(self) -> None:
        driver = driver_on_air()
        wanted = driver.other_tracks()[:3]
        answers = [driver.commands.enqueue(track.id) for track in wanted]
        queue = driver.last_event(events.QueueChanged).queue
        assert [track.title for track in queue] == [track.title for track in wanted]
        assert all(first.starts_at < second.starts_at for first, second in pairwise(answers))
        driver.run_for(200)
        started = driver.events_of("track_started")
        assert [event.track.title for event in started[1:4]] == [track.title for track in wanted]
        assert [event.starts_at for event in started[1:4]] == [answer.starts_at for answer in answers]
        assert driver.last_event(events.QueueChanged).queue == []

    def test_a_queued_track_about_to_start_plays_once(self) -> None:
        driver = driver_on_air()
        one, two, *_ = driver.other_tracks()
        for track in (one, two):
            driver.commands.enqueue(track.id)
        driver.run_until_just_before_the_next()
        planned = driver.autodj.programme.entries[-1]
        assert planned.track == two, "the first one is rendered already"
        driver.run_for(180)
        titles = driver.played_titles()
        assert [titles.count(track.title) for track in (one, two)] == [1, 1]

    @pytest.mark.parametrize("requested", [False, True])
    def test_the_answer_is_right_while_the_previous_track_is_pending(self, requested: bool) -> None:
        driver = driver_on_air()
        one, two, three, *_ = driver.other_tracks()
        driver.commands.enqueue(one.id)
        if requested:
            driver.commands.next_track()
        else:
            driver.run_until_just_before_the_next()
        answers = [driver.commands.enqueue(track.id).starts_at for track in (two, three)]
        driver.run_for(200)
        started = {event.track.title: event.starts_at for event in driver.events_of("track_started")}
        assert [started[two.title], started[three.title]] == answers

    def test_a_track_planned_before_a_pause_does_not_play_twice(self) -> None:
        driver = driver_on_air()
        wanted, *_ = driver.other_tracks()
        driver.commands.enqueue(wanted.id)
        driver.run_for(1)
        driver.commands.pause()
        driver.run_for(1)
        assert driver.commands.next_track().track == wanted
        driver.commands.seek(10)
        assert driver.autodj.programme.entries[-1].track != wanted

    def test_a_skip_takes_from_the_queue(self) -> None:
        driver = driver_on_air()
        wanted = driver.other_tracks()[0]
        driver.commands.enqueue(wanted.id)
        assert driver.commands.next_track().track == wanted
        assert driver.autodj.queue() == []

    def test_a_requested_track_leaves_the_queue_unchanged(self) -> None:
        driver = driver_on_air()
        one, two, *_ = driver.other_tracks()
        driver.commands.enqueue(one.id)
        driver.commands.next_track(two.id)
        driver.run_for(3)
        assert driver.autodj.queue() == [one]
        planned = driver.planned()
        assert planned.track == one

    def test_an_unplayable_track_leaves_the_queue(self) -> None:
        driver = driver_on_air()
        one, two, *_ = driver.other_tracks()
        driver.commands.enqueue(one.id)
        driver.commands.enqueue(two.id)
        planned = driver.planned()
        driver.fail_deck(planned.play.id, 0)
        assert driver.autodj.queue() == [two]
        driver.run_for(60)
        assert driver.title() == two.title

    def test_the_queue_is_limited(self) -> None:
        driver = driver_on_air(3)
        track = driver.library.playable()[0]
        for _ in range(QUEUE):
            driver.commands.enqueue(track.id)
        with pytest.raises(QueueFullError):
            driver.commands.enqueue(track.id)
        with pytest.raises(NoSuchTrackError):
            driver.commands.enqueue("x")

    def test_tracks_can_be_queued_without_listeners_and_while_paused(self) -> None:
        driver = driver_on_air(running=False)
        wanted = driver.other_tracks()[0]
        driver.commands.pause()
        driver.commands.enqueue(wanted.id)
        driver.timeline.running = True
        driver.run_for(1)
        driver.commands.resume()
        driver.run_for(61)
        assert driver.title() == wanted.title


class TestDirection:
    def test_a_direction_is_kept_and_published(self) -> None:
        driver = driver_on_air()
        planned = driver.autodj.planned()
        accepted = driver.commands.steer("brighter")
        assert planned is not None
        assert (accepted.starts_at, accepted.track) == (planned.play.start, planned.track)
        assert driver.last_event(events.DirectionChanged).direction == "brighter"
        with pytest.raises(NoSuchDirectionError):
            driver.commands.steer("louder")
        driver.commands.steer(None)
        assert driver.autodj.journey.direction is None

    def test_a_reset_clears_direction_and_history(self) -> None:
        driver = driver_on_air()
        driver.commands.steer("calmer")
        queued = driver.library.playable()[0]
        driver.commands.enqueue(queued.id)
        driver.commands.reset_drift()
        journey = driver.autodj.journey
        assert (journey.direction, journey.history.played) == (None, ())
        assert driver.autodj.queue() == [queued], "the queue is kept"
        assert driver.last_event(events.DirectionChanged).direction is None
