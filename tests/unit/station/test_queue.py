"""The queue and the direction."""

import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.selection.choice import Choice
from rtc_drift.selection.journey import QUEUE
from rtc_drift.selection.queue import NoSuchEntryError
from rtc_drift.station import events
from rtc_drift.station import programme as steps
from rtc_drift.station.commands import NoSuchDirectionError, NoSuchTrackError, QueueFullError
from rtc_drift.station.event_hub import frame
from tests.support.autodj_driver import driver_on_air
from tests.support.events import follow_queue
from tests.support.music import make_tracks


class TestQueue:
    def test_queued_tracks_play_in_order_before_others(self) -> None:
        driver = driver_on_air()
        wanted = driver.other_tracks()[:3]
        answers = [driver.commands.enqueue(track.id) for track in wanted]
        changes = [(it.change, it.position, it.title, it.length) for it in driver.events_of("queue_changed")]
        assert changes == [("added", index, track.title, index + 1) for index, track in enumerate(wanted)]
        assert all(first.starts_at < second.starts_at for first, second in pairwise(answers))
        driver.run_for(200)
        started = driver.events_of("track_started")
        assert [event.track.title for event in started[1:4]] == [track.title for track in wanted]
        assert [event.starts_at for event in started[1:4]] == [answer.starts_at for answer in answers]
        last = driver.last_event(events.QueueChanged)
        assert (last.change, last.track_id, last.length) == ("removed", wanted[2].id, 0)

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
        assert driver.queued() == []

    def test_a_requested_track_leaves_the_queue_unchanged(self) -> None:
        driver = driver_on_air()
        one, two, *_ = driver.other_tracks()
        driver.commands.enqueue(one.id)
        driver.commands.next_track(two.id)
        driver.run_for(3)
        assert driver.queued() == [one]
        planned = driver.planned()
        assert planned.track == one

    def test_an_unplayable_track_leaves_the_queue(self) -> None:
        driver = driver_on_air()
        one, two, *_ = driver.other_tracks()
        driver.commands.enqueue(one.id)
        driver.commands.enqueue(two.id)
        planned = driver.planned()
        driver.fail_deck(planned.play.id, 0)
        assert driver.queued() == [two]
        driver.run_for(60)
        assert driver.title() == two.title

    def test_an_entry_can_be_moved_and_removed_by_its_id(self) -> None:
        driver = driver_on_air()
        one, two, three, *_ = driver.other_tracks()
        for track in (one, two):
            driver.commands.enqueue(track.id)
        driver.commands.enqueue(three.id, 1)
        ids = {track.id: it.entry_id for it, track in driver.autodj.queue.published()[1]}
        assert driver.queued() == [one, three, two]
        moved = driver.commands.move(ids[two.id], 0)
        assert (moved.track, driver.planned().track) == (two, two), "the first of the queue is what comes next"
        last = driver.last_event(events.QueueChanged)
        assert (last.change, last.from_position, last.position, last.entry_id) == ("moved", 2, 0, ids[two.id])
        removed = driver.commands.unqueue(ids[two.id])
        assert (removed.track, driver.planned().track, driver.queued()) == (two, one, [one, three])
        driver.commands.move(ids[one.id], 200)
        assert driver.queued() == [three, one]
        assert {track.id: it.entry_id for it, track in driver.autodj.queue.published()[1]}[one.id] == ids[one.id]
        for unknown in (ids[two.id], 99):
            with pytest.raises(NoSuchEntryError):
                driver.commands.unqueue(unknown)
        driver.run_for(130)
        assert driver.played_titles()[1:3] == [three.title, one.title]

    def test_the_answer_to_a_move_says_when_it_is_heard(self) -> None:
        driver = driver_on_air()
        one, two, three, *_ = driver.other_tracks()
        for track in (one, two, three):
            driver.commands.enqueue(track.id)
        entry_id = driver.autodj.queue.published()[1][2][0].entry_id
        answer = driver.commands.move(entry_id, 1)
        driver.run_for(200)
        started = {event.track.title: event.starts_at for event in driver.events_of("track_started")}
        assert started[three.title] == answer.starts_at

    def test_without_its_only_entry_the_queue_plans_nothing(self) -> None:
        driver = driver_on_air()
        wanted = driver.other_tracks()[0]
        driver.commands.enqueue(wanted.id)
        driver.commands.unqueue(driver.autodj.queue.published()[1][0][0].entry_id)
        assert not driver.planned().queued
        driver.commands.enqueue(wanted.id)
        driver.commands.pause()
        driver.commands.unqueue(driver.autodj.queue.published()[1][0][0].entry_id)
        driver.commands.resume()
        assert not driver.planned().queued

    def test_what_is_certain_to_play_has_left_the_queue(self) -> None:
        driver = driver_on_air()
        wanted = driver.other_tracks()[0]
        driver.commands.enqueue(wanted.id)
        entry_id = driver.autodj.queue.published()[1][0][0].entry_id
        driver.run_until_just_before_the_next()
        with pytest.raises(NoSuchEntryError):
            driver.commands.unqueue(entry_id)
        driver.run_for(1)
        assert driver.title() == wanted.title

    def test_the_queue_is_limited(self) -> None:
        driver = driver_on_air(3)
        track = next(iter(driver.library.playable().values()))
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

    @given(
        st.lists(
            st.sampled_from(["add", "again", "first", "skip", "fail", "lose", "play", "move", "remove"]), max_size=30
        )
    )
    def test_clients_who_follow_the_changes_agree_with_the_queue(self, steps: list[str]) -> None:
        driver = driver_on_air()
        library = driver.library
        followed, seen = list[str](), 0
        for number, step in enumerate(steps):
            match step:
                case "add" | "again" if library.tracks:
                    ids = list(library.playable())
                    driver.commands.enqueue(ids[number % len(ids) if step == "add" else 0])
                case "first" if library.tracks:
                    driver.commands.enqueue(list(library.playable())[number % len(library.tracks)], 0)
                case "move" | "remove" if queue := driver.autodj.queue.published()[1]:
                    entry_id = queue[number % len(queue)][0].entry_id
                    if step == "move":
                        driver.commands.move(entry_id, number % 3)
                    else:
                        driver.commands.unqueue(entry_id)
                case "skip" if library.tracks:
                    driver.commands.next_track()
                case "fail" if (planned := driver.autodj.planned()) is not None:
                    driver.fail_deck(planned.play.id, 0)
                case "lose" if len(library.tracks) > 2:
                    library.tracks.pop(list(library.tracks)[-1])
            driver.run_for(60 if step == "play" else 1)
            revision, queue = driver.autodj.queue.published()
            changes = driver.events_of("queue_changed")
            assert [it.revision for it in changes] == list(range(1, len(changes) + 1))
            expected = [track.id for _, track in queue]
            read = follow_queue(followed, changes[seen:])
            followed, seen = expected if read is None else read, revision
            assert (followed, seen) == (expected, len(changes))

    def test_a_change_of_a_full_queue_is_small_whatever_the_tags(self) -> None:
        driver = driver_on_air(3)
        for id_, track in driver.library.tracks.items():
            worst = dict.fromkeys(("title", "artist", "album", "genre"), "😀" * 500)
            driver.library.tracks[id_] = track.model_copy(update=worst)
        for _ in range(QUEUE):
            driver.commands.enqueue(next(iter(driver.library.playable().values())).id)
        driver.library.tracks.pop(next(iter(driver.library.playable().values())).id)
        driver.run_for(1)
        changes = driver.events_of("queue_changed")
        assert {it.change for it in changes} == {"added", "replaced"}
        changes[0] = changes[0].model_copy(update={"session_id": "s" * 63})
        assert max(len(frame(it, "0123abcd-1000000")) for it in changes) <= 2048

    def test_the_last_track_of_a_full_queue_takes_little_work(self) -> None:
        driver = driver_on_air(QUEUE + 1)
        last, *others = list(driver.library.playable())[:QUEUE]
        for track_id in others:
            driver.commands.enqueue(track_id)
        calls = 0

        def count(_: object, event: str, __: object) -> None:
            nonlocal calls
            calls += event == "call"

        sys.setprofile(count)
        driver.commands.enqueue(last)
        sys.setprofile(None)
        assert calls < 10_000

    @given(st.lists(st.floats(2, 400), min_size=1, max_size=12), st.integers(0, 10_000_000))
    def test_what_is_foretold_is_what_would_be_planned(self, lengths: list[float], offset: int) -> None:
        tracks = [
            track.model_copy(update={"duration_seconds": length, "last_sound_seconds": length * 0.98})
            for track, length in zip(make_tracks(len(lengths)), lengths, strict=True)
        ]
        programme = steps.begin(steps.Programme(), Choice(make_tracks(1)[0], ""), offset)
        first = programme.entries[0]
        for track in tracks:
            now = programme.entries[-1].play.start
            programme = steps.prune(steps.plan_next(programme, Choice(track, ""), now, now + 1), now)
        last, told = programme.entries[-1], steps.foretold(first, tracks)
        assert (told.play.start, told.transition) == (last.play.start, last.transition)


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
        queued = next(iter(driver.library.playable().values()))
        driver.commands.enqueue(queued.id)
        driver.commands.reset_drift()
        journey = driver.autodj.journey
        assert (journey.direction, journey.history.played) == (None, ())
        assert driver.queued() == [queued], "the queue is kept"
        assert driver.last_event(events.DirectionChanged).direction is None
