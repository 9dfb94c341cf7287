"""What people ask of what comes next: the queue and the heading."""

from itertools import pairwise

import pytest

from rtc_drift.selection.journey import QUEUE
from rtc_drift.station import events
from rtc_drift.station.commands import NoSuchDirectionError, NoSuchTrackError, QueueFullError
from tests.unit.on_air import heard, others, playing, until_shortly_before_the_next


class TestQueue:
    def test_queued_tracks_come_in_their_order_before_others(self) -> None:
        studio = playing()
        wanted = others(studio)[:3]
        answers = [studio.commands.enqueue(track.id) for track in wanted]
        assert [track.title for track in studio.last(events.QueueChanged).queue] == [track.title for track in wanted]
        assert all(first.starts_at < second.starts_at for first, second in pairwise(answers))
        studio.go(200)
        started = studio.of("track_started")
        assert [event.track.title for event in started[1:4]] == [track.title for track in wanted]
        assert [event.starts_at for event in started[1:4]] == [answer.starts_at for answer in answers], "as foretold"
        assert studio.last(events.QueueChanged).queue == []

    def test_a_track_is_heard_once_whenever_the_station_looks(self) -> None:
        studio = playing()
        one, two, *_ = others(studio)
        for track in (one, two):
            studio.commands.enqueue(track.id)
        until_shortly_before_the_next(studio)
        planned = studio.autodj.programme.entries[-1]
        assert planned.track == two, "the first one is rendered already"
        studio.go(180)
        titles = heard(studio)
        assert [titles.count(track.title) for track in (one, two)] == [1, 1]

    @pytest.mark.parametrize("is_asked_for", [False, True])
    def test_the_answer_is_right_while_the_one_before_is_on_its_way(self, is_asked_for: bool) -> None:
        studio = playing()
        one, two, three, *_ = others(studio)
        studio.commands.enqueue(one.id)
        if is_asked_for:
            studio.commands.next_track()
        else:
            until_shortly_before_the_next(studio)
        answers = [studio.commands.enqueue(track.id).starts_at for track in (two, three)]
        studio.go(200)
        started = {event.track.title: event.starts_at for event in studio.of("track_started")}
        assert [started[two.title], started[three.title]] == answers

    def test_one_that_was_to_come_after_a_pause_does_not_come_twice(self) -> None:
        studio = playing()
        wanted, *_ = others(studio)
        studio.commands.enqueue(wanted.id)
        studio.go(1)
        studio.commands.pause()
        studio.go(1)
        assert studio.commands.next_track().track == wanted
        studio.commands.seek(10)
        assert studio.autodj.programme.entries[-1].track != wanted

    def test_next_takes_from_the_queue(self) -> None:
        studio = playing()
        wanted = others(studio)[0]
        studio.commands.enqueue(wanted.id)
        assert studio.commands.next_track().track == wanted
        assert studio.autodj.queue() == []

    def test_another_track_that_is_asked_for_leaves_the_queue_alone(self) -> None:
        studio = playing()
        one, two, *_ = others(studio)
        studio.commands.enqueue(one.id)
        studio.commands.next_track(two.id)
        studio.go(3)
        assert studio.autodj.queue() == [one]
        planned = studio.autodj.planned()
        assert planned is not None
        assert planned.track == one

    def test_what_cannot_be_played_any_more_leaves_the_queue(self) -> None:
        studio = playing()
        one, two, *_ = others(studio)
        studio.commands.enqueue(one.id)
        studio.commands.enqueue(two.id)
        planned = studio.autodj.planned()
        assert planned is not None
        studio.fail(planned.play.id, 0)
        assert studio.autodj.queue() == [two]
        studio.go(60)
        assert studio.title() == two.title

    def test_it_has_an_end(self) -> None:
        studio = playing(3)
        track = studio.library.playable()[0]
        for _ in range(QUEUE):
            studio.commands.enqueue(track.id)
        with pytest.raises(QueueFullError):
            studio.commands.enqueue(track.id)
        with pytest.raises(NoSuchTrackError):
            studio.commands.enqueue("x")

    def test_it_fills_while_nobody_listens_and_while_it_is_paused(self) -> None:
        studio = playing(running=False)
        wanted = others(studio)[0]
        studio.commands.pause()
        studio.commands.enqueue(wanted.id)
        studio.timeline.running = True
        studio.go(1)
        studio.commands.resume()
        studio.go(61)
        assert studio.title() == wanted.title


class TestHeading:
    def test_a_direction_is_held_and_told(self) -> None:
        studio = playing()
        planned = studio.autodj.planned()
        accepted = studio.commands.steer("brighter")
        assert planned is not None
        assert (accepted.starts_at, accepted.track) == (planned.play.start, planned.track)
        assert studio.last(events.DirectionChanged).direction == "brighter"
        with pytest.raises(NoSuchDirectionError):
            studio.commands.steer("louder")
        studio.commands.steer(None)
        assert studio.autodj.journey.direction is None

    def test_reset_forgets_direction_and_what_was_heard(self) -> None:
        studio = playing()
        studio.commands.steer("calmer")
        queued = studio.library.playable()[0]
        studio.commands.enqueue(queued.id)
        studio.commands.reset_drift()
        journey = studio.autodj.journey
        assert (journey.direction, journey.history.played) == (None, ())
        assert studio.autodj.queue() == [queued], "what people asked for stays"
        assert studio.last(events.DirectionChanged).direction is None
