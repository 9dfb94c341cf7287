"""Whatever two tracks are like, what the mixer makes of their plan does not click and keeps within bounds."""

from dataclasses import dataclass

import numpy as np
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from rtc_drift.engine.mixer import Mixer
from rtc_drift.engine.protocol.plays import Lead
from rtc_drift.media import Audio, samples
from rtc_drift.mixing import MixTrack, plan_transition
from rtc_drift.mixing.model import warp_of
from rtc_drift.selection.choice import Choice
from rtc_drift.station import programme as steps
from rtc_drift.station.programme import Entry, Programme
from tests.measures import clicks, same_samples, sources_of
from tests.music import steady_music
from tests.theatre import File, FileDeck
from tests.unit.test_mixing import beating, side

LENGTH = 60.0
_AROUND = samples(1.5)
_BLOCK = 4_800
_MUSIC = {number: steady_music(LENGTH, seed=number) for number in (1, 2)}
_BENT = steady_music(70, seed=9)
_ENTERED = samples(0.1)
"""A deck that is entered in its middle is faded in."""


@dataclass(frozen=True)
class Sound:
    """A track, and its samples: none before its first sound and behind its last."""

    side: MixTrack
    audio: Audio


@st.composite
def sounds(draw: st.DrawFn, number: int) -> Sound:
    """With a beat or without, sure or not, in any key, starting and ending anywhere, at any level."""
    first = draw(st.floats(0, 6))
    last = draw(st.floats(45, LENGTH))
    heard = None
    if draw(st.integers(0, 4)):
        heard = beating(
            draw(st.sampled_from((124.0, 127.0, 121.0, 130.0, 96.0))),
            first=first + draw(st.floats(0, 1)),
            length=last + 2,
            key=draw(st.sampled_from(("8A", "9A", "2B"))),
            sure=draw(st.sampled_from((0.1, 0.6, 0.9))),
        )
    changes = {
        "first_sound_seconds": first,
        "last_sound_seconds": last,
        "integrated_lufs": draw(st.floats(-24, -8)),
    }
    audio = _MUSIC[number].copy()
    audio[: samples(first)] = 0
    audio[samples(last) :] = 0
    return Sound(side(number, heard, LENGTH, **changes), audio)


def planned(outgoing: MixTrack, incoming: MixTrack) -> tuple[Entry, Entry]:
    """As the conductor plans it, with the lead if it needs one."""
    begun = steps.begin(Programme(), Choice(outgoing.track, ""), 0)
    transition = plan_transition(outgoing, incoming, begun.plays[0].offset + 2)
    warp = warp_of(transition) if transition.needs_lead else None
    lead = Lead("lead", warp.length, warp.resumes_at) if warp is not None else None
    first, second = steps.plan_next(begun, Choice(incoming.track, ""), 1, 2, transition, lead).entries
    return first, second


def lead_audio(entry: Entry, own: Audio) -> Audio:
    """Other music that ends as the file goes on."""
    assert entry.play.lead is not None
    audio, joint = _BENT[: entry.play.lead.length].copy(), samples(0.02)
    share = np.linspace(0, 1, joint, dtype=np.float32)[:, None]
    resumes = entry.play.lead.resumes_at
    audio[-joint:] = audio[-joint:] * (1 - share) + own[resumes - joint : resumes] * share
    return audio


def power_db(audio: Audio) -> float:
    """The loudest 100 ms."""
    whole = audio[: len(audio) // _BLOCK * _BLOCK].reshape(-1, _BLOCK * 2)
    return float(10 * np.log10(np.square(whole).mean(axis=1).max(initial=0) + 1e-12))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(sounds(1), sounds(2))
def test_any_plan_is_carried_out_without_a_click_and_within_bounds(outgoing: Sound, incoming: Sound) -> None:
    first, second = planned(outgoing.side, incoming.side)
    plan, plays = second.transition, (first.play, second.play)
    event(f"{plan.style}{' with a lead' if second.play.lead else ''}")
    files = {first.play.path: File(outgoing.audio), second.play.path: File(incoming.audio)}
    if second.play.lead is not None:
        files["lead"] = File(lead_audio(second, incoming.audio))

    def open_deck(path: str, start: int) -> FileDeck:
        return FileDeck(files[path], start)

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
    # Equal power: no louder than the louder one, and no sample beyond both at once.
    alone = [part.audio for part in parts]
    assert power_db(mix) <= max(power_db(it) for it in alone) + 1.5
    assert np.abs(mix).max() <= 1.05 * sum(np.abs(it).max(initial=0) for it in alone)
    # Outside, one is there alone, as its file has it.
    before = mix[: leaves - begin]
    source = outgoing.audio[first.play.position_at(begin) :][: len(before)]
    assert same_samples(before, source, first.play.gain) <= 1e-6
    if second.play.lead is None:
        after = mix[ends - begin :]
        source = incoming.audio[second.play.position_at(ends) :][: len(after)]
        assert same_samples(after, source, second.play.gain) <= 1e-6
