"""Clocks that jump: media time goes on, and what was missed is neither made up for nor told piece by piece."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.media import SAMPLE_RATE, samples
from rtc_drift.station import session as sessions_module
from rtc_drift.station.playout import Playout
from tests.support.autodj_driver import AutoDjDriver
from tests.support.fakes import FakeEngine
from tests.support.music import make_tracks
from tests.support.session_registry import make_sessions, run_due_tasks


@pytest.mark.parametrize("hours", [0.001, 0.02, 1, 24 * 365])
def test_a_programme_goes_on_after_a_time_in_which_nobody_looked(hours: float) -> None:
    driver = AutoDjDriver(*make_tracks(8), seed=2)
    driver.run_for(30)
    before = len(driver.events)
    driver.timeline.time += samples(hours * 3600)
    driver.run_for(2)
    entry = driver.playing()
    assert entry.play.start <= driver.now < entry.play.end
    assert len(driver.events) - before < 10, "what was missed is not told"
    driver.run_for(120)
    assert driver.playing().track != entry.track
    driver.commands.next_track()


def test_media_time_runs_by_the_clock_of_the_machine_whatever_it_missed() -> None:
    now, engine = [0], FakeEngine()
    playout = Playout(1, TickClock(0), engine.send, bitrate=128_000, now_ns=lambda: now[0])
    playout.want(m.Subscribe(1, packets=True), demand=True)
    playout.settle()
    now[0] += 2_000_000_000
    playout.settle()
    clock, began = engine.open[1][m.SetClock], playout.now()
    for seconds in (3, 3_600, 10**7):
        now[0] += seconds * 1_000_000_000
        before = playout.now()
        assert not playout.settle()
        assert engine.open[1][m.SetClock] == clock, "the pair of tick and media time stays"
        began += seconds * SAMPLE_RATE
        assert playout.now() == before == pytest.approx(began, abs=SAMPLE_RATE // 50)


@pytest.mark.parametrize("years", [-56, 300])
async def test_setting_the_time_of_the_day_ends_no_session(years: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, shift = [0.0], timedelta()

    class Clock:
        @staticmethod
        def now(zone: Any) -> datetime:
            return datetime.now(zone) + shift

    monkeypatch.setattr(sessions_module, "datetime", Clock)
    sessions = make_sessions(clock=lambda: clock[0], idle_seconds=1_800)
    sessions.start()
    await sessions.create("kitchen")
    await run_due_tasks()
    shift = timedelta(days=365 * years)
    clock[0] += 60
    follower = sessions.follow("kitchen")
    assert abs(follower.created - (datetime.now(UTC) + shift)) < timedelta(minutes=1)
    clock[0] += 1_700
    await sessions.sweep()
    assert {"kitchen", follower.id} <= set(sessions)
    shift = timedelta()
    clock[0] += 110
    await sessions.sweep()
    assert set(sessions) == {"master"}, "unused for half an hour"
    await sessions.close()
