"""Plans of transitions: any two tracks have one, it lies inside both, and it fits them."""

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
from rtc_drift.stretching.warp import MAX_STRETCH
from tests.support.analyses import beat_analysis
from tests.support.mix_tracks import LENGTH, mix_track


def position_of(transition: Transition, at: float) -> float:
    """Return the position in the incoming file after `at` seconds of the overlap."""
    if transition.lead_warp is None:
        return seconds(transition.enter_at) + at
    return transition.lead_warp.position_at(at * SAMPLE_RATE) / SAMPLE_RATE


def time_of(transition: Transition, position: float) -> float:
    """Return after how many seconds of the overlap a position in the outgoing file is heard."""
    if transition.lead_out_warp is None:
        return position - seconds(transition.leave_at)
    return transition.lead_out_warp.output_at(position * SAMPLE_RATE) / SAMPLE_RATE


@pytest.mark.parametrize("bpm", [118.0, 122.0, 124.0, 127.0, 131.0, 62.0, 248.0 / 1.01])
def test_beats_fall_on_beats_and_bars_on_bars(bpm: float) -> None:
    outgoing, incoming = mix_track(1, beat_analysis(124)), mix_track(2, beat_analysis(bpm, first_beat=0.7))
    plan = plan_transition(outgoing, incoming, samples(20))
    assert plan.style == "beat-matched" and plan.bars >= 4
    assert outgoing.analysis is not None and incoming.analysis is not None
    leave = seconds(plan.leave_at)
    assert min(abs(leave - it) for it in outgoing.analysis.downbeats_seconds) < 0.001
    assert min(abs(seconds(plan.enter_at) - it) for it in incoming.analysis.downbeats_seconds) < 0.001
    for beat in range(0, plan.bars * 4 + 1, 2):
        position = position_of(plan, time_of(plan, leave + beat * 60 / 124))
        assert min(abs(position - it) for it in incoming.analysis.beats_seconds) < 0.002


def test_equal_tempi_are_not_stretched() -> None:
    plan = plan_transition(mix_track(1, beat_analysis(124)), mix_track(2, beat_analysis(124.001)), 0)
    assert plan.style == "beat-matched" and not plan.needs_stretching and plan.ratio == 1


@pytest.mark.parametrize("bpm", [96.0, 110.0, 140.0, 170.0])
def test_tempi_out_of_reach_are_not_matched(bpm: float) -> None:
    assert (
        plan_transition(mix_track(1, beat_analysis(124)), mix_track(2, beat_analysis(bpm)), 0).style != "beat-matched"
    )


def test_a_plan_without_stretching_needs_no_lead() -> None:
    outgoing, incoming = mix_track(1, beat_analysis(124)), mix_track(2, beat_analysis(127))
    assert plan_transition(outgoing, incoming, 0).needs_stretching
    assert not plan_transition(outgoing, incoming, 0, may_stretch=False).needs_stretching


@pytest.mark.parametrize("doubt", ["tempo_confidence", "beats_confidence"])
def test_uncertain_beats_are_not_matched(doubt: str) -> None:
    unsure = beat_analysis(124).model_copy(update={doubt: 0.1})
    for outgoing, incoming in ((unsure, beat_analysis(124)), (beat_analysis(124), unsure)):
        assert plan_transition(mix_track(1, outgoing), mix_track(2, incoming), 0).style != "beat-matched"


def with_attacks(analysis: Analysis, late: np.typing.NDArray[np.float64] | float, every: int = 1) -> Analysis:
    """Return the analysis with attacks `late` seconds after every beat, or after every few."""
    attacks = np.array(analysis.beats_seconds) + late
    return analysis.model_copy(update={"attacks_seconds": tuple(attacks[::every].tolist())})


def test_attacks_meet_rather_than_beats() -> None:
    late = with_attacks(beat_analysis(127, first_beat=0.7), 0.012)
    plan = plan_transition(mix_track(1, beat_analysis(124)), mix_track(2, late), 0)
    assert plan.style == "beat-matched"
    for beat in range(0, plan.bars * 4, 3):
        position = position_of(plan, time_of(plan, seconds(plan.leave_at) + beat * 60 / 124))
        assert min(abs(position - it) for it in late.attacks_seconds) < 0.002


def test_early_attacks_of_another_instrument_do_not_matter() -> None:
    # Eight bars rarely lack such an attack.
    early = np.where(np.arange(400) % 9 == 4, -0.02, 0.0)
    analysis = beat_analysis(127, first_beat=0.7)
    incoming = mix_track(2, with_attacks(analysis, early[: len(analysis.beats_seconds)]))
    plan = plan_transition(mix_track(1, beat_analysis(124)), incoming, 0)
    assert plan.style == "beat-matched"
    assert min(abs(seconds(plan.enter_at) - it) for it in analysis.beats_seconds) < 0.002


@pytest.mark.parametrize("every", [3, 10_000])
def test_tracks_with_few_attacks_are_not_matched(every: int) -> None:
    softly = with_attacks(beat_analysis(124), 0.0, every)
    for outgoing, incoming in ((softly, beat_analysis(124)), (beat_analysis(124), softly)):
        assert plan_transition(mix_track(1, outgoing), mix_track(2, incoming), 0).style != "beat-matched"


def test_tracks_with_uneven_attacks_are_not_matched() -> None:
    analysis = beat_analysis(124)
    unevenly = with_attacks(analysis, np.random.default_rng(0).normal(0, 0.02, len(analysis.beats_seconds)))
    assert plan_transition(mix_track(1, unevenly), mix_track(2, beat_analysis(124)), 0).style != "beat-matched"


def test_the_bass_is_swapped_on_a_bar_in_the_middle() -> None:
    plan = plan_transition(mix_track(1, beat_analysis(120)), mix_track(2, beat_analysis(120)), 0)
    assert plan.bands is not None
    assert plan.bands.low.offset == pytest.approx(plan.bars // 2 * 4 * samples(0.5), abs=2)
    assert plan.bands.low.length == pytest.approx(samples(0.5), abs=2)


def test_successive_tracks_of_an_album_are_gapless() -> None:
    first, second, third = (
        mix_track(
            number,
            album="Harbour",
            path=Path(f"/music/harbour/{number}.flac"),
            track_number=number,
            last_sound_seconds=LENGTH - pause,
        )
        for number, pause in ((3, 0.2), (4, 0.4), (5, 0.2))
    )
    plan = plan_transition(first, second, 0)
    assert (plan.style, plan.leave_at, plan.enter_at, plan.duration) == ("gapless", samples(LENGTH), 0, 0)
    assert plan_transition(second, first, 0).style != "gapless"
    assert plan_transition(second, third, 0).style != "gapless", "a pause lies between"


def ringing(analysis: Analysis) -> Analysis:
    """Return the analysis with two seconds that ring on after the last beat."""
    curve = list(analysis.momentary_lufs)
    curve[-5:] = [-34.0, -40.0, -46.0, -52.0, -58.0]
    return analysis.model_copy(update={"momentary_lufs": tuple(curve)})


def test_a_cold_ending_rings_while_the_next_track_enters_on_the_bar() -> None:
    outgoing, incoming = mix_track(1, ringing(beat_analysis(124))), mix_track(2, beat_analysis(96, first_beat=0.4))
    plan = plan_transition(outgoing, incoming, 0)
    assert plan.style == "cut" and outgoing.analysis is not None
    assert LENGTH - 2.1 <= seconds(plan.leave_at) <= outgoing.last_sound
    early = 0.005  # its fade-in
    beats = (seconds(plan.leave_at) + early - outgoing.analysis.downbeats_seconds[-1]) / (60 / 124)
    assert beats == pytest.approx(round(beats), abs=0.01)
    assert seconds(plan.enter_at) == pytest.approx(0.4 - early, abs=0.001)
    assert 0 < plan.duration - plan.hold <= samples(0.03), "only its last sound is faded out"
    assert seconds(plan.leave_at + plan.duration) == pytest.approx(outgoing.last_sound, abs=0.001)


@pytest.mark.parametrize("beatless", ["outgoing", "incoming"])
def test_a_cold_ending_without_bars_is_kept(beatless: str) -> None:
    first, second = (
        beat_analysis(124, confidence=0.1 if name == beatless else 0.9) for name in ("outgoing", "incoming")
    )
    outgoing = mix_track(1, ringing(first))
    plan = plan_transition(outgoing, mix_track(2, second), 0)
    assert plan.style == "cut" and 0 < plan.duration - plan.hold <= samples(0.03), "only its last sound is faded out"
    assert seconds(plan.leave_at) == pytest.approx(LENGTH - 2, abs=0.4)
    assert seconds(plan.leave_at + plan.duration) == pytest.approx(outgoing.last_sound, abs=0.001)


@pytest.mark.parametrize("length", [LENGTH, LENGTH + 0.1, LENGTH + 0.3, LENGTH + 0.39])
def test_a_truncated_track_has_no_ending_to_keep(length: float) -> None:
    whole = mix_track(1, beat_analysis(124, confidence=0.1, length=length), length, last_sound_seconds=length)
    assert plan_transition(whole, mix_track(2, beat_analysis(124)), 0).style == "blend"


def test_a_fade_out_is_no_ending_to_keep() -> None:
    outgoing = mix_track(1, fading(beat_analysis(124, confidence=0.1), 4))
    assert plan_transition(outgoing, mix_track(2, beat_analysis(124)), 0).style == "blend"


def test_a_quiet_beginning_is_not_skipped_for_an_ending() -> None:
    quietly = beat_analysis(124, confidence=0.1)
    curve = [-29.0] * 30 + list(quietly.momentary_lufs[30:])
    incoming = mix_track(2, quietly.model_copy(update={"momentary_lufs": tuple(curve)}))
    plan = plan_transition(mix_track(1, ringing(beat_analysis(124, confidence=0.1))), incoming, 0)
    assert plan.style == "blend" or plan.enter_at == 0


def test_a_cut_is_on_an_attack() -> None:
    early = with_attacks(beat_analysis(96, first_beat=0.4), -0.02)
    plan = plan_transition(mix_track(1, ringing(beat_analysis(124))), mix_track(2, early), 0)
    assert plan.style == "cut"
    assert 0.003 <= 0.38 - seconds(plan.enter_at) <= 0.006, "with room for the fade-in of 5 ms"


def test_a_track_is_left_before_silence() -> None:
    plan = plan_transition(mix_track(1, beat_analysis(124)), mix_track(2, beat_analysis(96, first_beat=0.4)), 0)
    assert seconds(plan.leave_at) < LENGTH - 0.5


def fading(analysis: Analysis, over: int) -> Analysis:
    """Return the analysis with a fade-out of `over` seconds."""
    curve, moments = list(analysis.momentary_lufs), int(over / 0.4)
    curve[-moments:] = [lufs - 40 * number / moments for number, lufs in enumerate(curve[-moments:], start=1)]
    return analysis.model_copy(update={"momentary_lufs": tuple(curve)})


def test_clashing_keys_overlap_only_briefly() -> None:
    outgoing = mix_track(1, fading(beat_analysis(124, key="8A", confidence=0.1), 8))
    plan = plan_transition(outgoing, mix_track(2, beat_analysis(96, key="2A", confidence=0.1)), 0)
    assert plan.style == "fade"
    assert plan.duration - plan.delay <= samples(1)
    assert plan_transition(outgoing, mix_track(2, beat_analysis(96, key="9A", confidence=0.1)), 0).style == "blend"


def test_a_track_is_left_before_a_long_quiet_tail() -> None:
    plan = plan_transition(mix_track(1, fading(beat_analysis(124, confidence=0.1), 60)), mix_track(2), 0)
    assert seconds(plan.leave_at + plan.duration) < LENGTH - 30


def test_a_plan_without_any_analysis_ends_with_the_sound() -> None:
    plan = plan_transition(mix_track(1), mix_track(2), 0)
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


def any_mix_track(number: int, drawn: tuple[float, float, float, float, str, int]) -> MixTrack:
    length, bpm, first, sure, key, quiet = drawn
    if length < 10:
        return mix_track(number, None, length)
    analysis = beat_analysis(bpm, first_beat=first, length=length, key=key, confidence=sure)
    return mix_track(number, fading(analysis, min(quiet, int(length) - 1)) if quiet else analysis, length)


@settings(max_examples=100, deadline=None)
@given(tracks, tracks, st.floats(0, 1), st.booleans())
def test_any_two_tracks_have_a_plan_inside_both(
    first: tuple[float, float, float, float, str, int],
    second: tuple[float, float, float, float, str, int],
    played: float,
    may_stretch: bool,
) -> None:
    outgoing, incoming = any_mix_track(1, first), any_mix_track(2, second)
    earliest = samples(played * outgoing.last_sound)
    plan = plan_transition(outgoing, incoming, earliest, may_stretch=may_stretch)
    assert earliest - 1 <= plan.leave_at
    assert plan.leave_at + plan.duration <= outgoing.track.duration_samples
    assert plan.enter_at >= 0
    assert position_of(plan, seconds(plan.duration)) <= incoming.track.duration_seconds
    assert 0 <= plan.delay <= plan.duration <= samples(35)
    assert abs(plan.ratio - 1) <= MAX_STRETCH and (may_stretch or not plan.needs_stretching)
    if plan.bands is not None:
        for band in (plan.bands.low, plan.bands.mid, plan.bands.high):
            assert band.offset >= 0 and band.length > 0 and band.offset + band.length <= plan.duration + 1
    assert plan == plan_transition(outgoing, incoming, earliest, may_stretch=may_stretch)


# --- commands ---------------------------------------------------------------------------------------------------------


def test_a_skip_is_on_the_next_bar() -> None:
    outgoing, incoming = mix_track(1, beat_analysis(124)), mix_track(2, beat_analysis(96, first_beat=0.4))
    assert outgoing.analysis is not None
    for earliest in (10.0, 33.3, 90.01):
        plan = plan_skip(outgoing, incoming, samples(earliest))
        expected = next(it for it in outgoing.analysis.downbeats_seconds if it >= earliest)
        assert seconds(plan.leave_at) == pytest.approx(expected, abs=0.001)
        assert seconds(plan.enter_at) == pytest.approx(0.4, abs=0.001)
        assert plan.fade_in is not None and seconds(plan.fade_in) < 0.05


def test_a_skip_is_on_the_next_beat_if_the_bar_is_far() -> None:
    outgoing = mix_track(1, beat_analysis(60))
    plan = plan_skip(outgoing, mix_track(2), samples(20.3))
    assert seconds(plan.leave_at) == pytest.approx(21.2, abs=0.001)


@pytest.mark.parametrize("earliest", [0.0, 12.345, 100.0])
def test_now_is_at_once(earliest: float) -> None:
    plan = plan_skip(mix_track(1, beat_analysis(124)), mix_track(2, beat_analysis(124)), samples(earliest), "now")
    assert plan.leave_at == samples(earliest)


def test_without_known_bars_a_skip_is_at_once() -> None:
    assert plan_skip(mix_track(1), mix_track(2), samples(30)).leave_at == samples(30)
    assert plan_skip(None, mix_track(2), samples(30)).leave_at == samples(30)


@settings(max_examples=80, deadline=None)
@given(tracks, tracks, st.floats(0, 1), st.sampled_from(["bar", "now"]))
def test_a_skip_is_within_two_and_a_half_seconds(
    first: tuple[float, float, float, float, str, int],
    second: tuple[float, float, float, float, str, int],
    played: float,
    when: str,
) -> None:
    outgoing, incoming = any_mix_track(1, first), any_mix_track(2, second)
    earliest = samples(played * outgoing.last_sound)
    plan = plan_skip(outgoing, incoming, earliest, "bar" if when == "bar" else "now")
    assert earliest <= plan.leave_at <= earliest + samples(2.2) + 1
    assert 0 <= plan.enter_at < incoming.track.duration_samples


def test_a_plan_is_a_value() -> None:
    plan = plan_transition(mix_track(1), mix_track(2), 0)
    assert replace(plan) == plan
