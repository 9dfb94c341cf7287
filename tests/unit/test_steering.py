"""What people ask of a session: when it is heard, in which order, and what is told of it."""

import pytest

from rtc_drift.media import samples
from rtc_drift.station.on_air import NothingToPlayError
from rtc_drift.station.commands import NoSuchDirectionError, NoSuchTrackError
from rtc_drift.station.on_air import MAX_ENTRIES, TooManyCommandsError
from rtc_drift.station.playout import HORIZON
from tests.music import make_track
from tests.studio import Studio, tracks
from tests.unit.on_air import heard, playing, until_shortly_before_the_next


class TestNext:
    def test_it_comes_within_300_ms_and_sooner_when_it_is_prefetched(self) -> None:
        studio = playing()
        planned = studio.autodj.planned()
        assert planned is not None
        studio.timeline.ready.add(planned.play.id)
        accepted = studio.commands.next_track()
        assert accepted.track == planned.track
        assert HORIZON < accepted.starts_at - studio.now <= samples(0.2)
        assert studio.autodj.programme.entries[-1].play.id == planned.play.id, "its deck is used"
        studio.go(5)
        other = next(track for track in studio.library.playable() if track != planned.track)
        accepted = studio.commands.next_track(other.id)
        assert accepted.track == other
        assert HORIZON < accepted.starts_at - studio.now <= samples(0.3)

    def test_two_at_once_are_two_tracks_in_the_order_they_came(self) -> None:
        studio = playing()
        first, second, third = (studio.commands.next_track() for _ in range(3))
        assert len({accepted.track for accepted in (first, second, third)}) == 3
        assert studio.now < first.starts_at < second.starts_at < third.starts_at
        studio.go(3)
        titles = [accepted.track.title for accepted in (first, second, third) if accepted.track]
        assert heard(studio)[-3:] == titles

    def test_while_nobody_listens_it_is_there_at_once(self) -> None:
        studio = playing(running=False)
        accepted = studio.commands.next_track()
        assert (accepted.starts_at, studio.now) == (0, 0)
        studio.autodj.advance()
        assert accepted.track is not None
        assert (studio.title(), heard(studio)[-1]) == (accepted.track.title, accepted.track.title)
        assert len(studio.autodj.programme.entries) == 2, "the next one is planned, and the old one is gone"

    def test_what_cannot_be_had_is_said(self) -> None:
        with pytest.raises(NothingToPlayError):
            Studio().commands.next_track()
        studio = playing()
        with pytest.raises(NoSuchTrackError):
            studio.commands.next_track("0" * 16)
        with pytest.raises(NoSuchDirectionError):
            studio.commands.next_track(direction="up")
        assert studio.of("direction_changed") == []

    def test_more_than_people_cause_is_refused_without_a_trace_and_passes(self) -> None:
        studio = playing(60)
        with pytest.raises(TooManyCommandsError):
            for _ in range(MAX_ENTRIES + 1):
                studio.commands.next_track()
        journey, told = studio.autodj.journey, len(studio.events)
        with pytest.raises(TooManyCommandsError):
            studio.commands.next_track(direction="calmer")
        assert (studio.autodj.journey, len(studio.events)) == (journey, told)
        studio.go(3)
        studio.commands.next_track()

    def test_one_that_cannot_be_opened_gives_way_to_another_at_once(self) -> None:
        studio = playing()
        title, accepted = studio.title(), studio.commands.next_track()
        asked_for = studio.autodj.programme.entries[-1]
        studio.go(0.02)
        studio.fail(asked_for.play.id, 0)
        studio.go(1)
        assert studio.title() not in (title, accepted.track and accepted.track.title)
        assert studio.autodj.journey.history.trail[-1] == studio.of("track_started")[-1].track.id


class TestPrevious:
    def test_each_press_goes_one_further_back(self) -> None:
        studio = playing()
        for _ in range(3):
            studio.commands.next_track()
            studio.go(2)
        there = heard(studio)
        for title in (there[2], there[1], there[0]):
            studio.commands.previous()
            studio.go(2)
            assert studio.title() == title
        studio.commands.previous()
        studio.go(2)
        assert studio.title() == there[0], "there is nothing before: it begins anew"
        assert studio.position() < 2.1
        history = studio.autodj.journey.history
        assert (len(history.played), len(history.trail)) == (8, 1), "the drift knows all that was heard"

    def test_two_presses_at_once_go_two_back(self) -> None:
        studio = playing()
        for _ in range(2):
            studio.commands.next_track()
            studio.go(2)
        first = heard(studio)[0]
        studio.commands.previous()
        studio.commands.previous()
        studio.go(2)
        assert studio.title() == first

    def test_a_track_that_is_gone_is_passed_over(self) -> None:
        studio = playing()
        for _ in range(2):
            studio.commands.next_track()
            studio.go(2)
        first, second, _ = [event.track for event in studio.of("track_started")]
        del studio.library.tracks[second.id]
        studio.commands.previous()
        studio.go(2)
        assert studio.title() == first.title

    def test_a_track_that_was_about_to_start_is_on_the_way_back(self) -> None:
        studio = playing()
        planned = until_shortly_before_the_next(studio)
        skipped = studio.commands.next_track()
        assert skipped.track != planned.track, "that one is rendered already, and heard for a moment"
        studio.go(2)
        assert heard(studio)[-2:] == [planned.track.title, skipped.track and skipped.track.title]
        studio.commands.previous()
        studio.go(2)
        assert studio.title() == planned.track.title


def test_the_same_seed_library_and_commands_give_the_same_journey() -> None:
    def journey(seed: int) -> list[tuple[str, int]]:
        studio = Studio(*tracks(30), seed=seed)
        studio.go(100)
        studio.commands.next_track()
        studio.commands.enqueue(make_track(7).id)
        studio.go(30)
        studio.commands.seek(30)
        studio.go(300)
        studio.commands.previous()
        studio.go(300)
        return [(event.track.title, event.starts_at) for event in studio.of("track_started")]

    assert journey(4) == journey(4)
    assert journey(4) != journey(5)


def test_commands_before_there_is_music() -> None:
    studio = Studio(running=False)
    studio.autodj.advance()
    for command in (
        studio.commands.pause,
        studio.commands.resume,
        studio.commands.previous,
        studio.commands.next_track,
    ):
        with pytest.raises(NothingToPlayError):
            command()
    with pytest.raises(NothingToPlayError):
        studio.commands.seek(1)
