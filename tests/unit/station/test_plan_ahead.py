"""Plans made in a thread: told once they are settled, given up when something else is asked for, and done without."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from rtc_drift.analysis.model import Analysis
from rtc_drift.media import seconds
from rtc_drift.station.plan_ahead import PlanAhead
from rtc_drift.workers.threads import Threads
from tests.support.analyses import beat_analysis
from tests.support.autodj_driver import AutoDjDriver
from tests.support.mix_tracks import mix_track
from tests.support.synthetic_library import space_from
from tests.unit.station.test_matched_skips import NoLeads


@asynccontextmanager
async def planning_driver(*bpms: float) -> AsyncIterator[tuple[AutoDjDriver, PlanAhead]]:
    """Yield a driver with tracks of these tempi whose plans are made in a thread, and what makes them."""
    tracks = [mix_track(number, beat_analysis(bpm)) for number, bpm in enumerate(bpms, start=1)]
    threads = Threads("test planning", 1)
    driver = AutoDjDriver(*(it.track for it in tracks), leads=NoLeads(), planning=threads)
    driver.library.analyses.update({it.track.id: it.analysis for it in tracks if it.analysis is not None})
    driver.run_for(1)
    assert driver.planning is not None
    assert {it.track.title for it in driver.events_of("track_planned")} == {driver.title()}, "its own beginning only"
    driver.events.clear()
    ahead = PlanAhead(driver.autodj, driver.planning, lambda: None)
    yield driver, ahead
    await ahead.close()
    threads.close()


async def test_a_plan_is_told_once_it_is_settled() -> None:
    async with planning_driver(124, 124) as (driver, ahead):
        assert driver.programme_end().transition.style == "blend", "a makeshift plan, in case that none is made in time"
        assert driver.autodj.planned() is None and driver.events_of("track_planned") == []
        await ahead.settled()
        assert driver.planned().transition.style == "beat-matched" and driver.autodj.pending_plan is None
        (told,) = driver.events_of("track_planned")
        assert told.transition.style == "beat-matched"
        driver.run_for(60)
        ahead.keep_up()
        assert driver.autodj.pending_plan is None and len(driver.events_of("track_planned")) == 1


async def test_a_plan_that_comes_too_late_changes_nothing() -> None:
    async with planning_driver(124, 124) as (driver, ahead):
        makeshift, pending = driver.programme_end(), driver.autodj.pending_plan
        driver.run_for(seconds(makeshift.play.start - driver.now) - 0.2)
        assert driver.autodj.pending_plan is pending
        await ahead.settled()
        assert driver.planned() == makeshift and driver.autodj.pending_plan is None
        driver.run_for(10)
        assert driver.playing().play.start == makeshift.play.start and driver.silent_seconds() == 0


async def test_a_plan_is_given_up_for_the_next_command() -> None:
    async with planning_driver(124, 124, 124) as (driver, ahead):
        driver.run_for(20)
        pending = driver.autodj.pending_plan
        assert pending is not None
        ahead.keep_up()
        skipped = driver.commands.next_track(when="now")
        driver.autodj.plan_ready(pending, pending.request.plan(lambda track: mix_track(int(track.title[-1]))))
        assert driver.programme_end().play.start == skipped.starts_at
        await ahead.settled()
        driver.run_for(5)
        assert driver.playing().track == skipped.track and driver.silent_seconds() == 0


async def test_the_answer_to_a_skip_tells_the_plan_that_was_made() -> None:
    async with planning_driver(124, 127) as (driver, ahead):
        await ahead.settled()
        driver.run_for(30)
        accepted = driver.commands.next_track()
        assert accepted.transition is not None and accepted.transition.style == "cut"
        await ahead.settled()
        assert accepted.renew is not None
        renewed = accepted.renew()
        assert renewed.transition is not None and renewed.transition.style == "beat-matched"
        assert accepted.starts_at < renewed.starts_at == driver.programme_end().play.start


async def test_a_pause_lasts_though_a_plan_is_made_for_what_was_asked_for_before() -> None:
    async with planning_driver(124, 124) as (driver, ahead):
        await ahead.settled()
        driver.run_for(30)
        driver.commands.next_track()
        driver.commands.pause()
        await ahead.settled()
        driver.run_for(5)
        assert driver.autodj.programme.paused_at is not None and driver.title() == "Track 2"


async def test_a_plan_that_fails_is_done_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("rtc_drift.station.plan_requests.plan_transition", fail)
    async with planning_driver(124, 124, 124) as (driver, ahead):
        assert driver.planning is not None
        with caplog.at_level(logging.WARNING):
            await ahead.settled()
            assert [it.transition.style for it in driver.events_of("track_planned")] == ["blend"]
            driver.commands.reset_drift()
            await ahead.settled()
        assert driver.planning.failures == 2 and len(caplog.records) == 1
        driver.run_for(400)
        assert driver.silent_seconds() == 0


async def test_an_analysis_that_can_not_be_read_in_time_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtc_drift.station.planning.PATIENCE_SECONDS", 0.01)
    async with planning_driver(124, 124) as (driver, ahead):

        async def hang(track_id: str) -> Analysis | None:
            await asyncio.Event().wait()
            return None

        monkeypatch.setattr(driver.library, "read_analysis", hang)
        await ahead.settled()
        assert [it.transition.style for it in driver.events_of("track_planned")] == ["blend"]
        assert driver.planning is not None and driver.planning.failures == 1


# --- chosen so that it mixes ------------------------------------------------------------------------------------------


@pytest.fixture
def pair_of_rivals() -> Callable[..., AutoDjDriver]:
    """Return a maker of drivers: track 1 plays; 2 and 3 are brighter, and have these confidences in their beats."""

    def make(second: float, third: float, planning: Threads | None = None) -> AutoDjDriver:
        analyses = [
            beat_analysis(124, brightness=1_000),
            beat_analysis(124, brightness=3_000, confidence=second),
            beat_analysis(124, brightness=3_010, confidence=third),
            *(beat_analysis(124, brightness=500 + number, length=100) for number in range(4, 9)),
        ]
        tracks = [mix_track(number, it).track for number, it in enumerate(analyses, start=1)]
        driver = AutoDjDriver(*tracks, planning=planning)
        driver.library.analyses.update({track.id: it for track, it in zip(tracks, analyses, strict=True)})
        driver.space = space_from(tracks, driver.library.analyses)
        driver.autodj.begin("brighter", None)
        driver.autodj.advance()
        driver.commands.next_track(tracks[0].id, when="now")
        driver.run_for(5)
        assert driver.title() == "Track 1"
        return driver

    return make


@pytest.mark.parametrize(("confidences", "wanted"), [((0.9, 0.1), "Track 2"), ((0.1, 0.9), "Track 3")])
def test_of_two_tracks_about_as_good_the_one_that_mixes_better_comes(
    pair_of_rivals: Callable[..., AutoDjDriver], confidences: tuple[float, float], wanted: str
) -> None:
    driver = pair_of_rivals(*confidences)
    planned = driver.planned()
    assert planned.track.title == wanted and planned.transition.style == "beat-matched"
    told = driver.events_of("track_planned")[-1]
    assert told.reason.startswith("Brighter.") and "-bar beat mix" in told.reason
    assert driver.autodj.journey.draws == pair_of_rivals(0.9, 0.9).autodj.journey.draws


@pytest.mark.parametrize(("confidences", "wanted"), [((0.9, 0.1), "Track 2"), ((0.1, 0.9), "Track 3")])
async def test_a_skip_in_a_direction_takes_the_track_that_is_matched_at_once(
    pair_of_rivals: Callable[..., AutoDjDriver], confidences: tuple[float, float], wanted: str
) -> None:
    threads = Threads("test planning", 1)
    driver = pair_of_rivals(*confidences, planning=threads)
    assert driver.planning is not None
    ahead = PlanAhead(driver.autodj, driver.planning, lambda: None)
    driver.commands.steer("darker")
    await ahead.settled()
    driver.run_for(30)
    played = driver.autodj.journey.history.played
    accepted = driver.commands.next_track(direction="brighter")
    assert accepted.track is not None and accepted.track.title == "Track 2", "the brightest of the makeshift plan"
    await ahead.settled()
    assert accepted.renew is not None
    renewed = accepted.renew()
    assert renewed.track is not None and renewed.track.title == wanted
    assert renewed.transition is not None and renewed.transition.style == "beat-matched"
    assert driver.autodj.journey.history.played == (*played, renewed.track.id), "one track is counted, the right one"
    driver.run_for(20)
    assert driver.title() == wanted and driver.silent_seconds() == 0
    await ahead.close()
    threads.close()


async def test_a_track_that_is_gone_meanwhile_is_not_planned(pair_of_rivals: Callable[..., AutoDjDriver]) -> None:
    threads = Threads("test planning", 1)
    driver = pair_of_rivals(0.1, 0.9, planning=threads)
    pending = driver.autodj.pending_plan
    assert pending is not None and driver.planning is not None
    plan = await driver.planning.plan(pending.request)
    assert plan is not None and plan.choice.track.title == "Track 3"
    driver.library.tracks.pop(plan.choice.track.id, None)
    driver.autodj.plan_ready(pending, plan)
    assert driver.planned().track.title == "Track 2"
    threads.close()
