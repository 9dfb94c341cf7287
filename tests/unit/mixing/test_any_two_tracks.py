"""For any two tracks, the mixed plan does not click and stays within bounds."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from rtc_drift.engine.mixer import Mixer
from rtc_drift.engine.protocol.plays import Lead
from rtc_drift.media import Audio, samples
from rtc_drift.mixing import MixTrack, plan_transition
from rtc_drift.selection.choice import Choice
from rtc_drift.station import programme as steps
from rtc_drift.station.entry import Entry
from rtc_drift.station.programme import Programme
from tests.support.analyses import beat_analysis
from tests.support.measures import clicks, greatest_difference, sources_of
from tests.support.mix_tracks import mix_track
from tests.support.music import steady_music
from tests.support.simulated_station import SimulatedDeck, SimulatedFile

LENGTH = 60.0
_AROUND = samples(1.5)
_BLOCK = 4_800
_ENTERED = samples(0.1)
"""Samples in which a deck that starts in the middle of its file is faded in."""


@cache
def music(seconds: float, seed: int) -> Audio:
    """Return music that must not be changed."""
    return steady_music(seconds, seed=seed)


@dataclass(frozen=True)
class Sound:
    """A track and its samples: silent before the first sound and after the last."""

    track: MixTrack
    audio: Audio


@st.composite
def sounds(draw: st.DrawFn, number: int) -> Sound:
    """Draw a track with or without a beat, certain or not, in any key, with any first and last sound and level."""
    first = draw(st.floats(0, 6))
    last = draw(st.floats(45, LENGTH))
    analysis = None
    if draw(st.integers(0, 4)):
        analysis = beat_analysis(
            draw(st.sampled_from((124.0, 127.0, 121.0, 130.0, 96.0))),
            first_beat=first + draw(st.floats(0, 1)),
            length=last + 2,
            key=draw(st.sampled_from(("8A", "9A", "2B"))),
            confidence=draw(st.sampled_from((0.1, 0.6, 0.9))),
        )
    changes = {
        "first_sound_seconds": first,
        "last_sound_seconds": last,
        "integrated_lufs": draw(st.floats(-24, -8)),
    }
    audio = music(LENGTH, number).copy()
    audio[: samples(first)] = 0
    audio[samples(last) :] = 0
    return Sound(mix_track(number, analysis, LENGTH, **changes), audio)


def planned(outgoing: MixTrack, incoming: MixTrack) -> tuple[Entry, Entry]:
    """Plan a transition as the DJ does, with a stretched intro if needed."""
    begun = steps.begin(Programme(), Choice(outgoing.track, ""), 0)
    transition = plan_transition(outgoing, incoming, begun.plays[0].offset + 2)
    warp = transition.lead_warp
    lead = Lead("lead", warp.length, warp.resumes_at) if warp is not None else None
    first, second = steps.plan_next(begun, Choice(incoming.track, ""), 1, 2, transition, lead).entries
    return first, second


def lead_audio(entry: Entry, own: Audio) -> Audio:
    """Make a stretched intro: other music whose end continues in the file."""
    assert entry.play.lead is not None
    audio, joint = music(70, 9)[: entry.play.lead.length].copy(), samples(0.02)
    share = np.linspace(0, 1, joint, dtype=np.float32)[:, None]
    resumes = entry.play.lead.resumes_at
    audio[-joint:] = audio[-joint:] * (1 - share) + own[resumes - joint : resumes] * share
    return audio


def power_db(audio: Audio) -> float:
    """Return the power of the loudest 100 ms."""
    whole = audio[: len(audio) // _BLOCK * _BLOCK].reshape(-1, _BLOCK * 2)
    return float(10 * np.log10(np.square(whole).mean(axis=1).max(initial=0) + 1e-12))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(sounds(1), sounds(2))
def test_any_plan_is_mixed_without_a_click_and_within_bounds(outgoing: Sound, incoming: Sound) -> None:
    first, second = planned(outgoing.track, incoming.track)
    plan, plays = second.transition, (first.play, second.play)
    event(f"{plan.style}{' with a lead' if second.play.lead else ''}")
    files = {first.play.path: SimulatedFile(outgoing.audio), second.play.path: SimulatedFile(incoming.audio)}
    if second.play.lead is not None:
        files["lead"] = SimulatedFile(lead_audio(second, incoming.audio))

    def open_deck(path: str, start: int) -> SimulatedDeck:
        return SimulatedDeck(files[path], start)

    leaves = min(second.play.start, first.play.end) - plan.delay
    ends = max(first.play.end, second.play.start + second.play.fade_in)
    begin, end = max(0, leaves - _AROUND), ends + _AROUND
    mixer = Mixer(open_deck)
    mixer.set_plays(plays, begin)
    mix = np.concatenate([mixer.mix(at, _BLOCK) for at in range(begin, end, _BLOCK)])[_ENTERED:]
    begin += _ENTERED
    assert mixer.failures == [] and mixer.starved_samples == 0

    parts = sources_of(plays, open_deck, begin, len(mix))
    assert clicks(mix, parts) == []
    # Equal power: not louder than the louder track, and no sample exceeds the sum of both.
    alone = [part.audio for part in parts]
    assert power_db(mix) <= max(power_db(it) for it in alone) + 1.5
    assert np.abs(mix).max() <= 1.05 * sum(np.abs(it).max(initial=0) for it in alone)
    # Outside of the overlap, one track plays alone, unchanged.
    before = mix[: leaves - begin]
    source = outgoing.audio[first.play.position_at(begin) :][: len(before)]
    assert greatest_difference(before, source, first.play.gain) <= 1e-6
    if second.play.lead is None:
        after = mix[ends - begin :]
        source = incoming.audio[second.play.position_at(ends) :][: len(after)]
        assert greatest_difference(after, source, second.play.gain) <= 1e-6
