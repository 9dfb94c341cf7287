"""Plans between tracks with known beats: stretched intros that are requested, and commands on the bar."""

from pathlib import Path

import pytest

from rtc_drift.media import samples, seconds
from rtc_drift.station.playout import HORIZON
from rtc_drift.station.stretched_ends import StretchedEnds
from tests.support.analyses import beat_analysis
from tests.support.autodj_driver import AutoDjDriver
from tests.support.mix_tracks import LENGTH, mix_track
from tests.support.synthetic_library import space_from

FILES = StretchedEnds(incoming=Path("/tmp/lead.wav"), outgoing=Path("/tmp/lead-out.wav"))


def driver_with_tempi(*bpms: float) -> AutoDjDriver:
    """Return a driver with tracks of three minutes and these tempi, one second into the first one."""
    tracks = [mix_track(number, beat_analysis(bpm)) for number, bpm in enumerate(bpms, start=1)]
    driver = AutoDjDriver(*(it.track for it in tracks))
    driver.library.analyses.update({it.track.id: it.analysis for it in tracks if it.analysis is not None})
    driver.run_for(1)
    return driver


def test_a_plan_without_lead_is_made_and_a_better_one_requested() -> None:
    driver = driver_with_tempi(124, 127)
    planned, pending = driver.planned(), driver.pending_lead()
    assert not planned.transition.needs_stretching and planned.play.lead is None
    assert pending.transition.style == "beat-matched" and pending.play_id == planned.play.id


def test_a_rendered_lead_is_used() -> None:
    driver = driver_with_tempi(124, 127)
    pending = driver.pending_lead()
    driver.run_for(20)
    assert driver.autodj.lead_ready(pending, FILES)
    planned, playing = driver.planned(), driver.playing()
    assert planned.play.lead is not None
    assert planned.transition == pending.transition
    assert planned.play.start == playing.play.time_of(pending.transition.leave_at)
    warp = pending.transition.lead_warp
    assert warp is not None and planned.play.offset == warp.resumes_at - warp.length
    assert driver.events_of("track_planned")[-1].transition.style == "beat-matched"
    assert driver.autodj.pending_lead is None
    current = driver.autodj.programme.entries[0].play
    assert current.bands_out == planned.play.bands_in is not None and current.fade_out is not None
    assert playing.play.id == current.id
    driver.run_for(300)
    assert driver.silent_seconds() == 0


def test_a_rendered_lead_is_used_before_a_seek_takes_effect() -> None:
    driver = driver_with_tempi(124, 127)
    driver.run_for(20)
    driver.commands.seek(40)
    pending = driver.pending_lead()
    assert driver.autodj.lead_ready(pending, FILES), "it was rendered before"
    driver.run_for(1)
    planned, playing = driver.planned(), driver.playing()
    assert planned.play.lead is not None
    assert playing.transition.kind == "seek"
    assert planned.play.start == playing.play.time_of(pending.transition.leave_at)


def test_a_late_lead_is_not_used() -> None:
    driver = driver_with_tempi(124, 127)
    pending, before = driver.pending_lead(), driver.planned()
    driver.run_for(seconds(before.play.start - driver.now) - 1)
    assert not driver.autodj.lead_ready(pending, FILES)
    assert driver.autodj.planned() == before


def test_a_requested_lead_is_dropped_with_its_plan() -> None:
    driver = driver_with_tempi(124, 127, 122)
    pending = driver.pending_lead()
    driver.commands.next_track()
    driver.run_for(5)
    assert not driver.autodj.lead_ready(pending, FILES)
    assert driver.autodj.pending_lead is not pending


def test_a_skip_starts_on_a_bar() -> None:
    driver = driver_with_tempi(124, 118)
    driver.run_for(30)
    before = driver.now
    accepted = driver.commands.next_track()
    playing = driver.autodj.programme.entries[-2]
    position = playing.play.position_at(accepted.starts_at) / 48_000
    known = driver.library.analyses[playing.track.id]
    assert min(abs(position - it) for it in known.downbeats_seconds) < 0.001
    assert before + HORIZON < accepted.starts_at <= before + samples(2.5)
    assert accepted.transition is not None and accepted.transition.style == "cut"


def test_a_skip_does_not_wait_for_a_bar_after_the_end_of_a_broken_file() -> None:
    driver = driver_with_tempi(124, 118)
    driver.run_for(30)
    playing = driver.autodj.programme.current(driver.now)
    assert playing is not None
    driver.fail_deck(playing.play.id, playing.play.position_at(driver.now + samples(0.4)))
    driver.commands.next_track()
    driver.run_for(5)
    assert driver.silent_seconds() == 0


def test_a_skip_now_does_not_wait_for_the_bar() -> None:
    driver = driver_with_tempi(124, 96)
    driver.run_for(30)
    accepted = driver.commands.next_track(when="now")
    assert accepted.starts_at <= driver.now + samples(0.3)


def test_three_skips_in_a_row_are_on_bars_of_their_own() -> None:
    driver = driver_with_tempi(124, 126, 120, 128, 122)
    driver.run_for(30)
    starts = [driver.commands.next_track().starts_at for _ in range(3)]
    assert starts == sorted(set(starts))
    assert starts[-1] <= driver.now + 3 * samples(2.5)
    driver.run_for(10)
    assert driver.silent_seconds() == 0


def test_a_skip_within_a_transition_is_on_a_bar() -> None:
    driver = driver_with_tempi(124, 127, 122)
    assert driver.autodj.lead_ready(driver.pending_lead(), FILES)
    planned, playing = driver.planned(), driver.playing()
    driver.run_for(seconds(planned.play.start - driver.now) + 1)
    accepted = driver.commands.next_track()
    assert accepted.starts_at <= driver.now + samples(2.5)
    # On a bar of the stretched track: its bars are those of the other track.
    bar = samples(4 * 60 / (driver.library.analyses[playing.track.id].tempo_bpm or 1))
    assert (accepted.starts_at - planned.play.start) / bar == pytest.approx(1, abs=0.001)
    driver.run_for(5)
    assert driver.silent_seconds() == 0


@pytest.mark.parametrize("running", [True, False])
def test_queued_tracks_of_an_album_are_gapless(running: bool) -> None:
    album = [
        mix_track(
            number, album="Harbour", path=Path(f"/music/{number}.flac"), track_number=number, last_sound_seconds=LENGTH
        ).track
        for number in (1, 2)
    ]
    driver = AutoDjDriver(*album, running=running)
    driver.run_for(1)
    driver.commands.next_track(album[0].id)
    driver.run_for(3)
    driver.commands.enqueue(album[1].id)
    planned, playing = driver.autodj.planned(), driver.autodj.programme.entries[-2]
    assert planned is not None and planned.transition.style == "gapless"
    assert playing.play.end == planned.play.start == playing.play.time_of(album[0].duration_samples)
    assert planned.play.gain == playing.play.gain and planned.play.offset == 0


def test_a_random_choice_is_replaced_once_the_library_is_analysed() -> None:
    tracks = [mix_track(number, beat_analysis(124)) for number in (1, 2, 3)]
    driver = AutoDjDriver(*(it.track for it in tracks))
    driver.run_for(5)
    random_choice = driver.autodj.planned()
    assert random_choice is not None and random_choice.why is None
    driver.library.analyses.update({it.track.id: it.analysis for it in tracks if it.analysis is not None})
    driver.space = space_from([it.track for it in tracks], driver.library.analyses)
    driver.run_for(2)
    chosen = driver.autodj.planned()
    assert chosen is not None and chosen.why is not None
    assert chosen.transition.style == "beat-matched"
    published = len(driver.events_of("track_planned"))
    driver.run_for(30)
    assert len(driver.events_of("track_planned")) == published, "planned again only once"


def test_a_plan_is_made_anew_once_an_analysis_is_read_that_came_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    tracks = [mix_track(number, beat_analysis(124)) for number in (1, 2)]
    driver = AutoDjDriver(*(it.track for it in tracks))
    analyses = {it.track.id: it.analysis for it in tracks if it.analysis is not None}
    driver.space = space_from([it.track for it in tracks], analyses)
    driver.run_for(5)
    assert driver.planned().transition.style != "beat-matched", "no analysis could be read in time"
    published = len(driver.events_of("track_planned"))
    driver.run_for(30)
    assert len(driver.events_of("track_planned")) == published
    driver.library.analyses.update(analyses)
    driver.run_for(2)
    assert driver.planned().transition.style == "beat-matched"
    published = len(driver.events_of("track_planned"))
    driver.run_for(30)
    assert len(driver.events_of("track_planned")) == published, "planned again only once"


def test_a_track_that_stays_next_for_another_reason_is_told_again() -> None:
    tracks = [mix_track(number, beat_analysis(124, brightness=1_000.0 * number)) for number in (1, 2)]
    driver = AutoDjDriver(*(it.track for it in tracks))
    analyses = {it.track.id: it.analysis for it in tracks if it.analysis is not None}
    driver.library.analyses.update(analyses)
    driver.space = space_from([it.track for it in tracks], analyses)
    driver.run_for(5)
    planned, way = driver.planned(), "brighter" if driver.title() == "Track 1" else "darker"
    published = len(driver.events_of("track_planned"))
    driver.autodj.head(way)
    assert driver.planned().track == planned.track
    told = driver.events_of("track_planned")[published:]
    assert [it.reason.split(".")[0] for it in told] == [way.capitalize()]
    driver.autodj.head(way)
    driver.run_for(2)
    assert len(driver.events_of("track_planned")) == published + 1
