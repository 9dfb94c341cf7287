"""The conductor with tracks whose beats are known: what it plans, wishes for, and does when somebody asks."""

import pytest

from rtc_drift.media import samples, seconds
from rtc_drift.selection.feature_space import space_of
from rtc_drift.station.playout import HORIZON
from tests.studio import Studio
from tests.unit.test_mixing import beating, side


def studio(*bpms: float) -> Studio:
    """Tracks of three minutes with these tempi, the first of them on the air."""
    sides = [side(number, beating(bpm)) for number, bpm in enumerate(bpms, start=1)]
    house = Studio(*(it.track for it in sides))
    house.library.analyses.update({it.track.id: it.analysis for it in sides if it.analysis is not None})
    house.go(1)
    return house


def test_a_plan_that_needs_nothing_is_made_and_a_better_one_wished_for() -> None:
    house = studio(124, 127)
    planned, wish = house.autodj.planned(), house.autodj.pending_lead
    assert planned is not None and wish is not None
    assert not planned.transition.needs_lead and planned.play.lead is None
    assert wish.transition.style == "beat-matched" and wish.play_id == planned.play.id


def test_what_was_wished_for_is_taken_when_it_is_there() -> None:
    house = studio(124, 127)
    wish = house.autodj.pending_lead
    assert wish is not None
    house.go(20)
    assert house.autodj.lead_ready(wish, "/tmp/lead.wav")
    planned, playing = house.autodj.planned(), house.autodj.now_playing()
    assert planned is not None and playing is not None and planned.play.lead is not None
    assert planned.transition == wish.transition
    assert planned.play.start == playing.play.time_of(wish.transition.leave_at)
    assert planned.play.offset == wish.warp.resumes_at - wish.warp.length
    assert house.of("track_planned")[-1].transition.style == "beat-matched"
    assert house.autodj.pending_lead is None
    bass_out, bass_in = playing.play, planned.play
    current = house.autodj.programme.entries[0].play
    assert current.bass_out == bass_in.bass_in is not None and current.fade_out is not None
    assert bass_out.id == current.id
    house.go(300)
    assert house.silent_seconds() == 0


def test_what_was_wished_for_is_also_taken_before_a_seek_is_heard() -> None:
    house = studio(124, 127)
    house.go(20)
    house.commands.seek(40)
    wish = house.autodj.pending_lead
    assert wish is not None and house.autodj.lead_ready(wish, "/tmp/lead.wav"), "it had been rendered before"
    house.go(1)
    planned, playing = house.autodj.planned(), house.autodj.now_playing()
    assert planned is not None and playing is not None and planned.play.lead is not None
    assert playing.transition.kind == "seek"
    assert planned.play.start == playing.play.time_of(wish.transition.leave_at)


def test_what_comes_too_late_is_left() -> None:
    house = studio(124, 127)
    wish, before = house.autodj.pending_lead, house.autodj.planned()
    assert wish is not None and before is not None
    house.go(seconds(before.play.start - house.now) - 1)
    assert not house.autodj.lead_ready(wish, "/tmp/lead.wav")
    assert house.autodj.planned() == before


def test_a_wish_is_given_up_with_its_plan() -> None:
    house = studio(124, 127, 122)
    wish = house.autodj.pending_lead
    assert wish is not None
    house.commands.next_track()
    house.go(5)
    assert not house.autodj.lead_ready(wish, "/tmp/lead.wav")
    assert house.autodj.pending_lead is not wish


def test_the_answer_tells_the_bar() -> None:
    house = studio(124, 118)
    house.go(30)
    asked = house.now
    accepted = house.commands.next_track()
    playing = house.autodj.programme.entries[-2]
    heard = playing.play.position_at(accepted.starts_at) / 48_000
    known = house.library.analyses[playing.track.id]
    assert min(abs(heard - it) for it in known.downbeats_seconds) < 0.001
    assert asked + HORIZON < accepted.starts_at <= asked + samples(2.5)
    assert accepted.transition is not None and accepted.transition.style == "cut"


def test_a_bar_behind_the_end_of_a_broken_file_is_not_waited_for() -> None:
    house = studio(124, 118)
    house.go(30)
    playing = house.autodj.programme.current(house.now)
    assert playing is not None
    house.fail(playing.play.id, playing.play.position_at(house.now + samples(0.4)))
    house.commands.next_track()
    house.go(5)
    assert house.silent_seconds() == 0


def test_now_does_not_wait_for_the_bar() -> None:
    house = studio(124, 96)
    house.go(30)
    accepted = house.commands.next_track(when="now")
    assert accepted.starts_at <= house.now + samples(0.3)


def test_three_times_in_a_row_each_on_a_bar_of_its_own() -> None:
    house = studio(124, 126, 120, 128, 122)
    house.go(30)
    starts = [house.commands.next_track().starts_at for _ in range(3)]
    assert starts == sorted(set(starts))
    assert starts[-1] <= house.now + 3 * samples(2.5)
    house.go(10)
    assert house.silent_seconds() == 0


def test_a_direction_in_the_middle_of_a_transition_is_answered() -> None:
    house = studio(124, 127, 122)
    wish = house.autodj.pending_lead
    assert wish is not None and house.autodj.lead_ready(wish, "/tmp/lead.wav")
    planned, playing = house.autodj.planned(), house.autodj.now_playing()
    assert planned is not None and playing is not None
    house.go(seconds(planned.play.start - house.now) + 1)
    accepted = house.commands.next_track()
    assert accepted.starts_at <= house.now + samples(2.5)
    # On a bar of the track that is bent to the other's tempo: there its bars are the other's.
    bar = samples(4 * 60 / (house.library.analyses[playing.track.id].tempo_bpm or 1))
    assert (accepted.starts_at - planned.play.start) / bar == pytest.approx(1, abs=0.001)
    house.go(5)
    assert house.silent_seconds() == 0


@pytest.mark.parametrize("running", [True, False])
def test_tracks_of_an_album_that_were_queued_are_played_on(running: bool) -> None:
    disc = [
        side(number, album="Harbour", path=side(0).track.path.with_name(f"{number}.flac"), track_number=number).track
        for number in (1, 2)
    ]
    house = Studio(*disc, running=running)
    house.go(1)
    house.commands.next_track(disc[0].id)
    house.go(3)
    house.commands.enqueue(disc[1].id)
    planned, playing = house.autodj.planned(), house.autodj.programme.entries[-2]
    assert planned is not None and planned.transition.style == "gapless"
    assert playing.play.end == planned.play.start == playing.play.time_of(disc[0].duration_samples)
    assert planned.play.gain == playing.play.gain and planned.play.offset == 0


def test_what_was_drawn_by_lot_is_chosen_again_when_the_library_has_been_heard() -> None:
    sides = [side(number, beating(124)) for number in (1, 2, 3)]
    house = Studio(*(it.track for it in sides))
    house.go(5)
    by_lot = house.autodj.planned()
    assert by_lot is not None and by_lot.why is None
    house.library.analyses.update({it.track.id: it.analysis for it in sides if it.analysis is not None})
    house.space = space_of([it.track for it in sides], house.library.analyses)
    house.go(2)
    chosen = house.autodj.planned()
    assert chosen is not None and chosen.why is not None
    assert chosen.transition.style == "beat-matched"
    told = len(house.of("track_planned"))
    house.go(30)
    assert len(house.of("track_planned")) == told, "once is enough"
