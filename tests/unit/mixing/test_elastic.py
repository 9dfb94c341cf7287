"""Click tracks whose tempo sways are mixed so that their clicks are heard together."""

import numpy as np
import pytest
from numpy.typing import NDArray

from rtc_drift.media import SAMPLE_RATE, Audio, samples, seconds
from rtc_drift.mixing import MixTrack, plan_transition
from rtc_drift.stretching.vocoder import MARGIN, stretch
from rtc_drift.stretching.warp import Warp
from tests.support.analyses import beat_analysis
from tests.support.measures import onset_seconds
from tests.support.mix_tracks import mix_track

LENGTH = 100.0


def swaying(bpm: float, sway: float, beats: int) -> NDArray[np.float64]:
    """Return the beats of a track whose tempo sways by a share, over `beats` beats, in seconds."""
    count = int(LENGTH * bpm / 60)
    times = 0.3 + np.cumsum(60 / bpm * (1 + sway * np.sin(2 * np.pi * np.arange(count) / beats)))
    return np.asarray(times[times < LENGTH - 2])


def clicks(times: NDArray[np.float64]) -> Audio:
    """Return short bursts of noise at some seconds."""
    audio = np.zeros((samples(LENGTH), 2), np.float32)
    burst = np.random.default_rng(1).standard_normal((480, 2)) * np.exp(-np.arange(480) / 80)[:, None]
    for time in times:
        audio[samples(time) : samples(time) + 480] += burst * 0.3
    return audio


def track(number: int, times: NDArray[np.float64]) -> MixTrack:
    beats = tuple(times.tolist())
    analysis = beat_analysis(120, length=LENGTH).model_copy(
        update={"beats_seconds": beats, "attacks_seconds": beats, "downbeats_seconds": beats[::4]}
    )
    return mix_track(number, analysis, LENGTH)


def heard(audio: Audio, start: int, warp: Warp | None, length: int) -> Audio:
    """Return a track as it is heard in an overlap."""
    if warp is None:
        return audio[start : start + length]
    first = max(0, int(warp.enters_at) - MARGIN)
    return stretch(audio[first : warp.resumes_at + MARGIN], warp, first)[:length]


@pytest.mark.parametrize(("first", "second"), [(120.0, 120.0), (120.0, 122.0), (120.0, 125.0)])
def test_clicks_that_sway_by_two_percent_are_heard_together(first: float, second: float) -> None:
    times = swaying(first, 0.01, 48), swaying(second, 0.02, 96)
    outgoing, incoming = track(1, times[0]), track(2, times[1])
    plan = plan_transition(outgoing, incoming, 0)
    assert plan.style == "beat-matched" and plan.lead_warp is not None
    sounds = (
        heard(clicks(times[0]), plan.leave_at, plan.lead_out_warp, plan.duration),
        heard(clicks(times[1]), plan.enter_at, plan.lead_warp, plan.duration),
    )
    inside = np.array([it for it in times[0] if it >= seconds(plan.leave_at) + 0.2])
    warp = plan.lead_out_warp
    at = (inside - seconds(plan.leave_at)) if warp is None else [warp.output_at(it * SAMPLE_RATE) for it in inside]
    expected = np.asarray(at) if warp is None else np.asarray(at) / SAMPLE_RATE
    expected = expected[expected < seconds(plan.duration) - 0.2]
    apart = np.abs(onset_seconds(sounds[0], expected) - onset_seconds(sounds[1], expected))
    assert np.isfinite(apart).mean() > 0.9
    assert np.nanmedian(apart) <= 0.005 and np.nanquantile(apart, 0.95) <= 0.012


@pytest.mark.parametrize("bpm", [127.3 + 0.13 * step for step in range(12)])
def test_a_stretched_ending_lasts_as_long_as_its_track_is_played(bpm: float) -> None:
    plan = plan_transition(mix_track(1, beat_analysis(124)), mix_track(2, beat_analysis(bpm)), 0)
    assert plan.lead_out_warp is not None
    assert plan.lead_out_warp.length == plan.duration, "a sample less, and its file would count as broken"
