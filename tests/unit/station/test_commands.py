"""Commands: when they take effect, in which order, and which events they publish."""

import pytest

from rtc_drift.media import samples
from rtc_drift.station.commands import NoSuchDirectionError, NoSuchTrackError
from rtc_drift.station.on_air import MAX_ENTRIES, NothingToPlayError, TooManyCommandsError
from rtc_drift.station.playout import HORIZON
from tests.support.autodj_driver import AutoDjDriver, driver_on_air
from tests.support.music import make_track, make_tracks


class TestNext:
    def test_a_skip_starts_within_300_ms_and_sooner_if_prefetched(self) -> None:
        driver = driver_on_air()
        planned = driver.planned()
        driver.timeline.ready.add(planned.play.id)
        accepted = driver.commands.next_track()
        assert accepted.track == planned.track
        assert HORIZON < accepted.starts_at - driver.now <= samples(0.2)
        assert driver.autodj.programme.entries[-1].play.id == planned.play.id, "its deck is used"
        driver.run_for(5)
        other = next(track for track in driver.library.playable().values() if track != planned.track)
        accepted = driver.commands.next_track(other.id)
        assert accepted.track == other
        assert HORIZON < accepted.starts_at - driver.now <= samples(0.3)

    def test_skips_at_once_are_different_tracks_in_order(self) -> None:
        driver = driver_on_air()
        first, second, third = (driver.commands.next_track() for _ in range(3))
        assert len({accepted.track for accepted in (first, second, third)}) == 3
        assert driver.now < first.starts_at < second.starts_at < third.starts_at
        driver.run_for(3)
        titles = [accepted.track.title for accepted in (first, second, third) if accepted.track]
        assert driver.played_titles()[-3:] == titles

    def test_a_skip_without_listeners_is_immediate(self) -> None:
        driver = driver_on_air(running=False)
        accepted = driver.commands.next_track()
        assert (accepted.starts_at, driver.now) == (0, 0)
        driver.autodj.advance()
        assert accepted.track is not None
        assert (driver.title(), driver.played_titles()[-1]) == (accepted.track.title, accepted.track.title)
        assert len(driver.autodj.programme.entries) == 2, "the next one is planned, and the old one is removed"

    def test_impossible_skips_are_refused(self) -> None:
        with pytest.raises(NothingToPlayError):
            AutoDjDriver().commands.next_track()
        driver = driver_on_air()
        with pytest.raises(NoSuchTrackError):
            driver.commands.next_track("0" * 16)
        with pytest.raises(NoSuchDirectionError):
            driver.commands.next_track(direction="up")
        assert driver.events_of("direction_changed") == []

    def test_too_many_skips_are_refused_without_effect_until_later(self) -> None:
        driver = driver_on_air(60)
        with pytest.raises(TooManyCommandsError):
            for _ in range(MAX_ENTRIES + 1):
                driver.commands.next_track()
        journey, published = driver.autodj.journey, len(driver.events)
        with pytest.raises(TooManyCommandsError):
            driver.commands.next_track(direction="calmer")
        assert (driver.autodj.journey, len(driver.events)) == (journey, published)
        driver.run_for(3)
        driver.commands.next_track()

    def test_a_requested_file_that_cannot_be_opened_is_replaced(self) -> None:
        driver = driver_on_air()
        title, accepted = driver.title(), driver.commands.next_track()
        requested = driver.autodj.programme.entries[-1]
        driver.run_for(0.02)
        driver.fail_deck(requested.play.id, 0)
        driver.run_for(1)
        assert driver.title() not in (title, accepted.track and accepted.track.title)
        assert driver.autodj.journey.history.trail[-1] == driver.events_of("track_started")[-1].track.id


class TestPrevious:
    def test_each_previous_goes_one_track_further_back(self) -> None:
        driver = driver_on_air()
        for _ in range(3):
            driver.commands.next_track()
            driver.run_for(2)
        there = driver.played_titles()
        for title in (there[2], there[1], there[0]):
            driver.commands.previous()
            driver.run_for(2)
            assert driver.title() == title
        driver.commands.previous()
        driver.run_for(2)
        assert driver.title() == there[0], "there is none before: it starts again"
        assert driver.position() < 2.1
        history = driver.autodj.journey.history
        assert (len(history.played), len(history.trail)) == (8, 1), "the drift knows all tracks played"

    def test_two_previous_at_once_go_two_tracks_back(self) -> None:
        driver = driver_on_air()
        for _ in range(2):
            driver.commands.next_track()
            driver.run_for(2)
        first = driver.played_titles()[0]
        driver.commands.previous()
        driver.commands.previous()
        driver.run_for(2)
        assert driver.title() == first

    def test_a_removed_track_is_skipped_on_the_way_back(self) -> None:
        driver = driver_on_air()
        for _ in range(2):
            driver.commands.next_track()
            driver.run_for(2)
        first, second, _ = [event.track for event in driver.events_of("track_started")]
        del driver.library.tracks[second.id]
        driver.commands.previous()
        driver.run_for(2)
        assert driver.title() == first.title

    def test_a_track_about_to_start_is_on_the_way_back(self) -> None:
        driver = driver_on_air()
        planned = driver.run_until_just_before_the_next()
        skipped = driver.commands.next_track()
        assert skipped.track != planned.track, "that one is rendered already, and plays for a moment"
        driver.run_for(2)
        assert driver.played_titles()[-2:] == [planned.track.title, skipped.track and skipped.track.title]
        driver.commands.previous()
        driver.run_for(2)
        assert driver.title() == planned.track.title


def test_the_same_seed_library_and_commands_give_the_same_journey() -> None:
    def journey(seed: int) -> list[tuple[str, int]]:
        driver = AutoDjDriver(*make_tracks(30), seed=seed)
        driver.run_for(100)
        driver.commands.next_track()
        driver.commands.enqueue(make_track(7).id)
        driver.run_for(30)
        driver.commands.seek(30)
        driver.run_for(300)
        driver.commands.previous()
        driver.run_for(300)
        return [(event.track.title, event.starts_at) for event in driver.events_of("track_started")]

    assert journey(4) == journey(4)
    assert journey(4) != journey(5)


def test_commands_without_music_are_refused() -> None:
    driver = AutoDjDriver(running=False)
    driver.autodj.advance()
    for command in (
        driver.commands.pause,
        driver.commands.resume,
        driver.commands.previous,
        driver.commands.next_track,
    ):
        with pytest.raises(NothingToPlayError):
            command()
    with pytest.raises(NothingToPlayError):
        driver.commands.seek(1)
