"""Skips on the beat: at once where both tempi are equal, else on the bar after next if the stretched ends are there."""

from pathlib import Path

import pytest

from rtc_drift.media import samples, seconds
from rtc_drift.station.commands import Accepted
from rtc_drift.station.stretched_ends import StretchedEnds
from rtc_drift.stretching.warp import Warp
from tests.support.analyses import beat_analysis
from tests.support.autodj_driver import AutoDjDriver
from tests.support.mix_tracks import mix_track

BPM = 124.0
BAR = 4 * 60 / BPM
FILES = StretchedEnds(incoming=Path("/tmp/lead.wav"), outgoing=Path("/tmp/lead-out.wav"))


class NoLeads:
    """A source of stretched intros that takes for ever: tests hand them over themselves."""

    async def prepare(self, path: Path, warp: Warp) -> Path | None:
        """Fail."""
        return None

    def release(self, path: Path) -> None:
        """Do nothing."""


def driver_with(bpm: float, *, stretches: bool = True) -> AutoDjDriver:
    """Return a driver that plays a track of 124 BPM for half a minute already; the next one has `bpm`."""
    tracks = [mix_track(number, beat_analysis(it)) for number, it in enumerate((BPM, bpm), start=1)]
    driver = AutoDjDriver(*(it.track for it in tracks), leads=NoLeads() if stretches else None)
    driver.library.analyses.update({it.track.id: it.analysis for it in tracks if it.analysis is not None})
    driver.run_for(1)
    if driver.title() != "Track 1":
        driver.commands.next_track(tracks[0].track.id, when="now")
    driver.run_for(30)
    assert driver.title() == "Track 1"
    return driver


def bars_waited(driver: AutoDjDriver, accepted: Accepted) -> int:
    """Return how many bars begin between now and the start of what was asked for, which must be one of them."""
    known = driver.library.analyses[driver.playing().track.id]
    now, start = (seconds(driver.playing().position_at(it)) for it in (driver.now, accepted.starts_at))
    assert min(abs(start - it) for it in known.downbeats_seconds) < 0.002
    return sum(now < it < start + 0.01 for it in known.downbeats_seconds)


def test_equal_tempi_are_matched_on_the_next_bar() -> None:
    driver = driver_with(BPM)
    accepted = driver.commands.next_track()
    assert accepted.transition is not None and accepted.transition.style == "beat-matched"
    assert accepted.transition.kind == "skip" and accepted.transition.bars == 4
    assert bars_waited(driver, accepted) == 1
    driver.run_for(60)
    assert driver.title() == "Track 2" and driver.silent_seconds() == 0


def test_other_tempi_are_matched_on_the_bar_after_next() -> None:
    driver = driver_with(127)
    accepted = driver.commands.next_track()
    assert accepted.transition is not None and accepted.transition.style == "beat-matched", "told in the answer"
    assert bars_waited(driver, accepted) == 2
    assert driver.programme_end().transition.style == "cut", "until its stretched intro is there"
    pending = driver.pending_lead()
    driver.run_for(1)
    assert driver.autodj.lead_ready(pending, FILES)
    entry = driver.programme_end()
    assert entry.transition == pending.transition and entry.play.lead is not None
    assert entry.play.start == accepted.starts_at, "the bar is kept"
    driver.run_for(60)
    assert driver.silent_seconds() == 0


def test_a_stretched_intro_that_comes_too_late_is_done_without_on_the_same_bar() -> None:
    driver = driver_with(127)
    accepted, pending = driver.commands.next_track(), driver.pending_lead()
    driver.run_for(seconds(accepted.starts_at - driver.now) - 0.05)
    assert not driver.autodj.lead_ready(pending, FILES)
    driver.run_for(1)
    assert driver.title() == "Track 2" and driver.playing().play.start == accepted.starts_at
    assert driver.playing().transition.style == "cut" and driver.silent_seconds() == 0


@pytest.mark.parametrize(("bpm", "stretches"), [(127, False), (96, True)])
def test_what_cannot_be_matched_is_cut_on_the_next_bar(bpm: float, stretches: bool) -> None:
    driver = driver_with(bpm, stretches=stretches)
    accepted = driver.commands.next_track()
    assert accepted.transition is not None and accepted.transition.style == "cut"
    assert bars_waited(driver, accepted) == 1


def test_now_is_not_matched() -> None:
    driver = driver_with(BPM)
    accepted = driver.commands.next_track(when="now")
    assert accepted.transition is not None and accepted.transition.style == "blend"
    assert accepted.starts_at <= driver.now + samples(0.3)


def test_going_back_is_not_matched() -> None:
    driver = driver_with(BPM)
    accepted = driver.commands.previous()
    assert accepted.transition is not None and accepted.transition.style == "cut"


def test_the_next_command_drops_a_stretched_intro_that_is_not_there() -> None:
    driver = driver_with(127)
    first, pending = driver.commands.next_track(), driver.pending_lead()
    second = driver.commands.next_track(when="now")
    assert second.starts_at > first.starts_at
    assert not driver.autodj.lead_ready(pending, FILES)
    driver.run_for(60)
    assert driver.silent_seconds() == 0
