"""Plans of transitions: whatever two tracks are like, there is one, it lies inside both, and it fits them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.analysis.model import Analysis
from rtc_drift.media import SAMPLE_RATE, samples, seconds
from rtc_drift.mixing import MixTrack, plan_skip, plan_transition
from rtc_drift.mixing.model import Transition
from rtc_drift.stretching.warp import REACH, Warp
from tests.music import make_track
from tests.sounds import sounding

LENGTH = 180.0


def beating(
    bpm: float, *, first: float = 0.2, length: float = LENGTH, key: str = "8A", sure: float = 0.9, **changes: object
) -> Analysis:
    """Music with a steady beat in four from its first beat until two seconds before its end."""
    beats = np.arange(first, length - 2, 60 / bpm)
    return sounding(
        tempo_bpm=bpm,
        tempo_confidence=sure,
        beats_confidence=sure,
        beats_seconds=tuple(beats.tolist()),
        downbeats_seconds=tuple(beats[::4].tolist()),
        attacks_seconds=tuple(beats.tolist()),
        camelot=key,
        momentary_lufs=tuple([-14.0] * int(length / 0.4)),
        **changes,
    )


def side(number: int, heard: Analysis | None = None, length: float = LENGTH, **changes: object) -> MixTrack:
    track = make_track(number, duration=length, lufs=-14).model_copy(
        update={"first_sound_seconds": 0.0, "last_sound_seconds": length - 0.5, **changes}
    )
    return MixTrack(track, heard)


def position_of(transition: Transition, at: float) -> float:
    """Seconds into the incoming file after `at` seconds of the overlap."""
    if not transition.needs_lead:
        return seconds(transition.enter_at) + at
    warp = Warp.matched(transition.enter_at, transition.ratio, transition.duration, transition.glide)
    return warp.position_at(at * SAMPLE_RATE) / SAMPLE_RATE


@pytest.mark.parametrize("bpm", [118.0, 122.0, 124.0, 127.0, 131.0, 62.0, 248.0 / 1.01])
def test_beats_fall_on_beats_and_bars_on_bars(bpm: float) -> None:
    outgoing, incoming = side(1, beating(124)), side(2, beating(bpm, first=0.7))
    plan = plan_transition(outgoing, incoming, samples(20))
    assert plan.style == "beat-matched" and plan.bars >= 4
    assert outgoing.analysis is not None and incoming.analysis is not None
    leave = seconds(plan.leave_at)
    assert min(abs(leave - it) for it in outgoing.analysis.downbeats_seconds) < 0.001
    assert min(abs(seconds(plan.enter_at) - it) for it in incoming.analysis.downbeats_seconds) < 0.001
    for beat in range(0, plan.bars * 4 + 1, 2):
        heard = position_of(plan, beat * 60 / 124)
        assert min(abs(heard - it) for it in incoming.analysis.beats_seconds) < 0.002


def test_equal_tempi_are_not_stretched() -> None:
    plan = plan_transition(side(1, beating(124)), side(2, beating(124.001)), 0)
    assert plan.style == "beat-matched" and not plan.needs_lead and plan.ratio == 1


@pytest.mark.parametrize("bpm", [96.0, 110.0, 140.0, 170.0])
def test_tempi_out_of_reach_are_left_alone(bpm: float) -> None:
    assert plan_transition(side(1, beating(124)), side(2, beating(bpm)), 0).style != "beat-matched"


def test_without_stretching_there_is_still_a_plan() -> None:
    outgoing, incoming = side(1, beating(124)), side(2, beating(127))
    assert plan_transition(outgoing, incoming, 0).needs_lead
    assert not plan_transition(outgoing, incoming, 0, may_stretch=False).needs_lead


@pytest.mark.parametrize("doubt", ["tempo_confidence", "beats_confidence"])
def test_nothing_is_matched_on_a_beat_that_is_not_sure(doubt: str) -> None:
    unsure = beating(124).model_copy(update={doubt: 0.1})
    for outgoing, incoming in ((unsure, beating(124)), (beating(124), unsure)):
        assert plan_transition(side(1, outgoing), side(2, incoming), 0).style != "beat-matched"


def struck_by(heard: Analysis, late: np.typing.NDArray[np.float64] | float, every: int = 1) -> Analysis:
    """Something is struck so many seconds after each beat, or after some only."""
    attacks = np.array(heard.beats_seconds) + late
    return heard.model_copy(update={"attacks_seconds": tuple(attacks[::every].tolist())})


def test_beats_meet_where_they_are_struck() -> None:
    late = struck_by(beating(127, first=0.7), 0.012)
    plan = plan_transition(side(1, beating(124)), side(2, late), 0)
    assert plan.style == "beat-matched"
    for beat in range(0, plan.bars * 4, 3):
        heard = position_of(plan, beat * 60 / 124)
        assert min(abs(heard - it) for it in late.attacks_seconds) < 0.002


def test_another_instrument_ahead_of_some_beats_does_not_lead_astray() -> None:
    # Eight bars are rarely without one.
    early = np.where(np.arange(400) % 9 == 4, -0.02, 0.0)
    heard = beating(127, first=0.7)
    plan = plan_transition(side(1, beating(124)), side(2, struck_by(heard, early[: len(heard.beats_seconds)])), 0)
    assert plan.style == "beat-matched"
    assert min(abs(seconds(plan.enter_at) - it) for it in heard.beats_seconds) < 0.002


@pytest.mark.parametrize("every", [2, 10_000])
def test_where_little_is_struck_there_is_no_beat_to_meet(every: int) -> None:
    softly = struck_by(beating(124), 0.0, every)
    for outgoing, incoming in ((softly, beating(124)), (beating(124), softly)):
        assert plan_transition(side(1, outgoing), side(2, incoming), 0).style != "beat-matched"


def test_what_is_struck_unevenly_is_not_mixed_on() -> None:
    heard = beating(124)
    unevenly = struck_by(heard, np.random.default_rng(0).normal(0, 0.012, len(heard.beats_seconds)))
    assert plan_transition(side(1, unevenly), side(2, beating(124)), 0).style != "beat-matched"


def test_the_bass_changes_hands_on_a_bar_in_the_middle() -> None:
    plan = plan_transition(side(1, beating(120)), side(2, beating(120)), 0)
    assert plan.bass is not None
    assert plan.bass.offset == pytest.approx(plan.bars // 2 * 4 * samples(0.5), abs=2)
    assert plan.bass.length == pytest.approx(samples(0.5), abs=2)


def test_tracks_that_follow_on_the_album_are_joined_without_a_gap() -> None:
    first, second = (
        side(number, album="Harbour", path=Path(f"/music/harbour/{number}.flac"), track_number=number)
        for number in (3, 4)
    )
    plan = plan_transition(first, second, 0)
    assert (plan.style, plan.leave_at, plan.enter_at, plan.duration) == ("gapless", samples(LENGTH), 0, 0)
    assert plan_transition(second, first, 0).style != "gapless"


def ringing(heard: Analysis) -> Analysis:
    """The same, whose last two seconds ring on after its last beat."""
    curve = list(heard.momentary_lufs)
    curve[-5:] = [-34.0, -40.0, -46.0, -52.0, -58.0]
    return heard.model_copy(update={"momentary_lufs": tuple(curve)})


def test_a_cold_ending_is_heard_and_the_next_comes_on_the_bar_while_it_rings() -> None:
    outgoing, incoming = side(1, ringing(beating(124))), side(2, beating(96, first=0.4))
    plan = plan_transition(outgoing, incoming, 0)
    assert plan.style == "cut" and outgoing.analysis is not None
    assert LENGTH - 2.1 <= seconds(plan.leave_at) <= outgoing.last_sound
    early = 0.005  # in which it comes in
    beats = (seconds(plan.leave_at) + early - outgoing.analysis.downbeats_seconds[-1]) / (60 / 124)
    assert beats == pytest.approx(round(beats), abs=0.01)
    assert seconds(plan.enter_at) == pytest.approx(0.4 - early, abs=0.001)
    assert plan.hold == plan.duration, "it is not faded"
    assert seconds(plan.leave_at + plan.duration) == pytest.approx(outgoing.last_sound, abs=0.001)


@pytest.mark.parametrize("beatless", ["outgoing", "incoming"])
def test_a_cold_ending_is_heard_where_there_are_no_bars(beatless: str) -> None:
    first, second = (beating(124, sure=0.1 if name == beatless else 0.9) for name in ("outgoing", "incoming"))
    outgoing = side(1, ringing(first))
    plan = plan_transition(outgoing, side(2, second), 0)
    assert plan.style == "cut" and plan.hold == plan.duration, "it is not faded"
    assert seconds(plan.leave_at) == pytest.approx(LENGTH - 2, abs=0.4)
    assert seconds(plan.leave_at + plan.duration) == pytest.approx(outgoing.last_sound, abs=0.001)


@pytest.mark.parametrize("length", [LENGTH, LENGTH + 0.1, LENGTH + 0.3, LENGTH + 0.39])
def test_what_was_cut_off_is_no_ending(length: float) -> None:
    whole = side(1, beating(124, sure=0.1, length=length), length, last_sound_seconds=length)
    assert plan_transition(whole, side(2, beating(124)), 0).style == "blend"


def test_what_fades_over_some_seconds_has_no_ending_to_be_kept() -> None:
    outgoing = side(1, fading(beating(124, sure=0.1), 4))
    assert plan_transition(outgoing, side(2, beating(124)), 0).style == "blend"


def test_a_quiet_beginning_is_not_left_out_for_an_ending() -> None:
    quietly = beating(124, sure=0.1)
    curve = [-29.0] * 30 + list(quietly.momentary_lufs[30:])
    incoming = side(2, quietly.model_copy(update={"momentary_lufs": tuple(curve)}))
    plan = plan_transition(side(1, ringing(beating(124, sure=0.1))), incoming, 0)
    assert plan.style == "blend" or plan.enter_at == 0


def test_a_cut_is_on_what_is_struck() -> None:
    early = struck_by(beating(96, first=0.4), -0.02)
    plan = plan_transition(side(1, ringing(beating(124))), side(2, early), 0)
    assert plan.style == "cut"
    assert 0.003 <= 0.38 - seconds(plan.enter_at) <= 0.006, "with room for the 5 ms in which it comes"


def test_an_ending_without_a_beat_to_come_is_no_hole() -> None:
    plan = plan_transition(side(1, beating(124)), side(2, beating(96, first=0.4)), 0)
    assert seconds(plan.leave_at) < LENGTH - 0.5


def fading(heard: Analysis, over: int) -> Analysis:
    """The same, fading out over so many seconds."""
    curve, moments = list(heard.momentary_lufs), int(over / 0.4)
    curve[-moments:] = [lufs - 40 * number / moments for number, lufs in enumerate(curve[-moments:], start=1)]
    return heard.model_copy(update={"momentary_lufs": tuple(curve)})


def test_keys_that_clash_are_not_heard_together_for_long() -> None:
    outgoing = side(1, fading(beating(124, key="8A", sure=0.1), 8))
    plan = plan_transition(outgoing, side(2, beating(96, key="2A", sure=0.1)), 0)
    assert plan.style == "fade"
    assert plan.duration - plan.delay <= samples(1)
    assert plan_transition(outgoing, side(2, beating(96, key="9A", sure=0.1)), 0).style == "blend"


def test_a_long_quiet_tail_is_not_waited_for() -> None:
    plan = plan_transition(side(1, fading(beating(124, sure=0.1), 60)), side(2), 0)
    assert seconds(plan.leave_at + plan.duration) < LENGTH - 30


def test_a_plan_without_any_analysis_ends_with_the_sound() -> None:
    plan = plan_transition(side(1), side(2), 0)
    assert plan.style == "blend"
    assert seconds(plan.leave_at + plan.duration) == pytest.approx(LENGTH - 0.5, abs=0.001)
    assert samples(4) <= plan.duration <= samples(8)


tracks = st.builds(
    lambda length, bpm, first, sure, key, quiet: (length, bpm, first, sure, key, quiet),
    st.floats(1.0, 600),
    st.floats(50, 210),
    st.floats(0, 3),
    st.floats(0, 1),
    st.sampled_from(["1A", "8A", "8B", "3B"]),
    st.integers(0, 40),
)


def any_side(number: int, drawn: tuple[float, float, float, float, str, int]) -> MixTrack:
    length, bpm, first, sure, key, quiet = drawn
    if length < 10:
        return side(number, None, length)
    heard = beating(bpm, first=first, length=length, key=key, sure=sure)
    return side(number, fading(heard, min(quiet, int(length) - 1)) if quiet else heard, length)


@settings(max_examples=100, deadline=None)
@given(tracks, tracks, st.floats(0, 1), st.booleans())
def test_any_two_tracks_have_a_plan_inside_both(
    first: tuple[float, float, float, float, str, int],
    second: tuple[float, float, float, float, str, int],
    heard_already: float,
    may_stretch: bool,
) -> None:
    outgoing, incoming = any_side(1, first), any_side(2, second)
    earliest = samples(heard_already * outgoing.last_sound)
    plan = plan_transition(outgoing, incoming, earliest, may_stretch=may_stretch)
    assert earliest - 1 <= plan.leave_at
    assert plan.leave_at + plan.duration <= outgoing.track.duration_samples
    assert plan.enter_at >= 0
    assert position_of(plan, seconds(plan.duration)) <= incoming.track.duration_seconds
    assert 0 <= plan.delay <= plan.duration <= samples(35)
    assert abs(plan.ratio - 1) <= REACH and (may_stretch or plan.ratio == 1)
    if plan.bass is not None:
        assert plan.bass.offset >= 0 and plan.bass.offset + plan.bass.length <= plan.duration
    assert plan == plan_transition(outgoing, incoming, earliest, may_stretch=may_stretch)


# --- commands ---------------------------------------------------------------------------------------------------------


def test_the_next_track_comes_on_the_next_bar() -> None:
    outgoing, incoming = side(1, beating(124)), side(2, beating(96, first=0.4))
    assert outgoing.analysis is not None
    for earliest in (10.0, 33.3, 90.01):
        plan = plan_skip(outgoing, incoming, samples(earliest))
        expected = next(it for it in outgoing.analysis.downbeats_seconds if it >= earliest)
        assert seconds(plan.leave_at) == pytest.approx(expected, abs=0.001)
        assert seconds(plan.enter_at) == pytest.approx(0.4, abs=0.001)
        assert plan.fade_in is not None and seconds(plan.fade_in) < 0.05


def test_a_bar_that_is_far_is_not_waited_for_but_a_beat_is() -> None:
    outgoing = side(1, beating(60))
    plan = plan_skip(outgoing, side(2), samples(20.3))
    assert seconds(plan.leave_at) == pytest.approx(21.2, abs=0.001)


@pytest.mark.parametrize("earliest", [0.0, 12.345, 100.0])
def test_now_is_now(earliest: float) -> None:
    plan = plan_skip(side(1, beating(124)), side(2, beating(124)), samples(earliest), "now")
    assert plan.leave_at == samples(earliest)


def test_where_nobody_knows_the_bars_it_is_at_once() -> None:
    assert plan_skip(side(1), side(2), samples(30)).leave_at == samples(30)
    assert plan_skip(None, side(2), samples(30)).leave_at == samples(30)


@settings(max_examples=80, deadline=None)
@given(tracks, tracks, st.floats(0, 1), st.sampled_from(["bar", "now"]))
def test_an_answer_takes_two_and_a_half_seconds_at_most(
    first: tuple[float, float, float, float, str, int],
    second: tuple[float, float, float, float, str, int],
    heard_already: float,
    when: str,
) -> None:
    outgoing, incoming = any_side(1, first), any_side(2, second)
    earliest = samples(heard_already * outgoing.last_sound)
    plan = plan_skip(outgoing, incoming, earliest, "bar" if when == "bar" else "now")
    assert earliest <= plan.leave_at <= earliest + samples(2.2) + 1
    assert 0 <= plan.enter_at < incoming.track.duration_samples


def test_a_plan_is_a_value() -> None:
    plan = plan_transition(side(1), side(2), 0)
    assert replace(plan) == plan
