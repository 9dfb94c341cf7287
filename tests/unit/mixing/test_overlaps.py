"""Overlaps are searched over many bars, begin on bars, prefer phrases, keep endings, and give little music away."""

import numpy as np
import pytest

from rtc_drift.analysis.model import Analysis
from rtc_drift.media import samples, seconds
from rtc_drift.mixing import MixTrack, plan_transition
from rtc_drift.mixing.overlaps import MAX_SHARE, find_overlaps
from tests.support.analyses import beat_analysis
from tests.support.mix_tracks import LENGTH, mix_track

BPM = 120.0
BAR = 2.0


def with_phrases(analysis: Analysis, bars: int, first_bar: int = 0) -> Analysis:
    """Return the analysis with phrases of some bars."""
    starts = analysis.downbeats_seconds[first_bar::bars]
    return analysis.model_copy(update={"phrases_seconds": starts, "phrases_confidence": 0.9})


def struck(analysis: Analysis, first: float, last: float) -> Analysis:
    """Return the analysis with attacks only between two seconds."""
    attacks = tuple(it for it in analysis.attacks_seconds if first <= it <= last)
    return analysis.model_copy(update={"attacks_seconds": attacks})


def test_phrases_meet() -> None:
    outgoing = mix_track(1, with_phrases(beat_analysis(BPM), 8, 3))
    incoming = mix_track(2, with_phrases(beat_analysis(BPM), 8, 2))
    plan = plan_transition(outgoing, incoming, samples(20))
    assert outgoing.analysis is not None and incoming.analysis is not None and plan.style == "beat-matched"
    assert min(abs(seconds(plan.leave_at) - it) for it in outgoing.analysis.phrases_seconds) < 0.001
    assert min(abs(seconds(plan.enter_at) - it) for it in incoming.analysis.phrases_seconds) < 0.001


def test_uncertain_phrases_do_not_matter() -> None:
    sure, unsure = (with_phrases(beat_analysis(BPM), 8, 3) for _ in range(2))
    unsure = unsure.model_copy(update={"phrases_confidence": 0.1})
    plans = [plan_transition(mix_track(1, it), mix_track(2, beat_analysis(BPM)), 0) for it in (sure, unsure)]
    assert plans[0].leave_at != plans[1].leave_at
    assert plans[1] == plan_transition(mix_track(1, beat_analysis(BPM)), mix_track(2, beat_analysis(BPM)), 0)


def test_an_overlap_is_found_far_from_an_ending_without_attacks() -> None:
    early = struck(beat_analysis(BPM), 0, LENGTH - 25)
    plan = plan_transition(mix_track(1, early), mix_track(2, beat_analysis(BPM)), 0)
    assert plan.style == "beat-matched"
    assert seconds(plan.leave_at) > LENGTH / 2 and seconds(plan.leave_at + plan.duration) < LENGTH - 15


def test_an_overlap_is_found_behind_an_intro_without_attacks() -> None:
    late = struck(beat_analysis(BPM), 20, LENGTH)
    plan = plan_transition(mix_track(1, beat_analysis(BPM)), mix_track(2, late), 0)
    assert plan.style == "beat-matched" and 10 < seconds(plan.enter_at) < 30


def test_nothing_is_matched_where_it_gave_away_more_than_a_third() -> None:
    early = struck(beat_analysis(BPM), 0, LENGTH / 2)
    assert plan_transition(mix_track(1, early), mix_track(2, beat_analysis(BPM)), 0).style != "beat-matched"


def test_a_cold_ending_is_kept() -> None:
    analysis = beat_analysis(BPM)
    curve = [*analysis.momentary_lufs[:-5], -34.0, -40.0, -46.0, -52.0, -58.0]
    outgoing = mix_track(1, analysis.model_copy(update={"momentary_lufs": tuple(curve)}))
    assert outgoing.level.stops()
    for overlaps in find_overlaps(outgoing, mix_track(2, beat_analysis(BPM)), 0):
        assert overlaps.given_out.max() < BAR


@pytest.mark.parametrize("earliest", [0.0, 60.0, 120.0])
def test_every_overlap_is_within_bounds(earliest: float) -> None:
    outgoing, incoming = mix_track(1, beat_analysis(118)), mix_track(2, beat_analysis(124, first_beat=0.9))
    found = list(find_overlaps(outgoing, incoming, earliest))
    assert found
    for it in found:
        assert (it.out_times[:, 0] >= earliest).all()
        assert (outgoing.level.fades_at() - it.out_times[:, 0] <= LENGTH * MAX_SHARE).all()
        assert (it.given_out <= (LENGTH - earliest) * MAX_SHARE).all()
        assert (it.in_times[:, -1] <= LENGTH * MAX_SHARE + 1).all()
        assert it.out_times.shape == it.in_times.shape == (len(it), it.bars + 1)
        assert (np.diff(it.out_times) > 0).all() and (np.diff(it.in_times) > 0).all()


def breathing(sway: float, phase: float) -> MixTrack:
    """Make a track whose tempo sways by a share, within 24 beats."""
    even = beat_analysis(BPM)
    beats = 0.2 + np.cumsum(0.5 * (1 + sway * np.sin(2 * np.pi * np.arange(len(even.beats_seconds)) / 24 + phase)))
    beats = beats[beats < LENGTH - 2]
    update = {"beats_seconds": beats, "attacks_seconds": beats, "downbeats_seconds": beats[::4]}
    return mix_track(1, even.model_copy(update={name: tuple(it.tolist()) for name, it in update.items()}))


def test_a_breathing_beat_is_followed_bar_by_bar() -> None:
    outgoing, incoming = breathing(0.01, 0.0), mix_track(2, beat_analysis(BPM))
    plan = plan_transition(outgoing, incoming, 0)
    assert plan.style == "beat-matched" and plan.lead_warp is not None and outgoing.grid is not None
    lines = outgoing.grid.smooth.times[::4]
    assert incoming.analysis is not None
    for line in lines[(lines >= seconds(plan.leave_at)) & (lines <= seconds(plan.leave_at + plan.duration))]:
        heard = plan.lead_warp.position_at((float(line) - seconds(plan.leave_at)) * 48_000) / 48_000
        assert min(abs(heard - it) for it in incoming.analysis.downbeats_seconds) < 0.002


def test_a_beat_that_breathes_too_much_is_not_matched() -> None:
    outgoing = breathing(0.08, 0.0)
    assert plan_transition(outgoing, mix_track(2, beat_analysis(BPM)), 0).style != "beat-matched"


def softly_beside(seconds: float, first: float, last: float) -> MixTrack:
    """Make a track of which, between two seconds, every second beat is soft and counted so late or early by turns."""
    even = beat_analysis(BPM)
    beats = np.array(even.beats_seconds)
    is_soft = (np.arange(len(beats)) % 2 == 1) & (beats >= first) & (beats <= last)
    counted = beats + seconds * is_soft * np.where(np.arange(len(beats)) % 4 == 1, 1, -1)
    update = {"beats_seconds": tuple(counted.tolist()), "attacks_seconds": tuple(beats[~is_soft].tolist())}
    return mix_track(2, even.model_copy(update=update))


def test_a_passage_whose_soft_sounds_lie_beside_the_beat_is_left_out() -> None:
    outgoing = mix_track(1, beat_analysis(BPM))
    tight, loose = (plan_transition(outgoing, softly_beside(it, 0, 20), 0) for it in (0.001, 0.018))
    assert tight.style == loose.style == "beat-matched"
    assert seconds(tight.enter_at) < 5 and seconds(loose.enter_at) > 18
    assert plan_transition(outgoing, softly_beside(0.018, 0, LENGTH), 0).style != "beat-matched"
