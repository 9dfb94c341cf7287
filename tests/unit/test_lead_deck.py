"""A track whose first part was rendered ahead: the joint is not to be heard."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.engine.bass_filter import BassCut
from rtc_drift.engine.deck import Ending
from rtc_drift.engine.lead_deck import OPEN_AHEAD, LeadDeck
from rtc_drift.engine.mixer import Mixer
from rtc_drift.engine.protocol.plays import Fade, Lead, Play
from rtc_drift.media import BASS_CROSSOVER_HZ, SAMPLE_RATE, Audio
from tests.music import steady_music

TRACK = steady_music(20, seed=1)
BENT = steady_music(12, seed=2)
LEAD = Lead("bent", len(BENT), 11 * SAMPLE_RATE)
BEGINS = LEAD.resumes_at - LEAD.length
"""A second before the track itself: the lead is slower."""


class Tape:
    """A deck whose file is an array."""

    def __init__(self, audio: Audio, ending: Ending | None = None) -> None:
        self.audio, self.ending, self.ready, self.closed = audio, ending, True, False

    def read(self, position: int, count: int) -> Audio:
        assert position >= 0
        return self.audio[position : position + count].copy()

    def close(self) -> None:
        self.closed = True


class Shop:
    def __init__(self, lead_ending: Ending | None = None) -> None:
        self.opened = dict[str, Tape]()
        self.starts = dict[str, int]()
        self._lead_ending = lead_ending

    def __call__(self, path: str, start: int) -> Tape:
        tape = Tape(BENT, self._lead_ending) if path == "bent" else Tape(TRACK)
        self.opened[path], self.starts[path] = tape, start
        return tape


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 90_000), min_size=1, max_size=30), st.integers(0, 12 * SAMPLE_RATE))
def test_the_lead_is_followed_by_the_track_to_the_sample(sizes: list[int], begins: int) -> None:
    deck = LeadDeck(Shop(), "track", LEAD, BEGINS + begins)
    position, parts = BEGINS + begins, list[Audio]()
    for size in sizes:
        parts.append(deck.read(position, size))
        position += len(parts[-1])
    whole = np.concatenate((BENT, TRACK[LEAD.resumes_at :]))
    heard = np.concatenate(parts)
    assert np.array_equal(heard, whole[begins : begins + len(heard)])
    assert len(heard) == min(sum(sizes), len(whole) - begins)


def test_the_track_is_opened_when_its_turn_comes_near() -> None:
    shop = Shop()
    deck = LeadDeck(shop, "track", LEAD, BEGINS)
    deck.read(BEGINS, 960)
    assert list(shop.opened) == ["bent"] and deck.ready
    deck.read(LEAD.resumes_at - OPEN_AHEAD, 960)
    assert shop.starts["track"] == LEAD.resumes_at and not shop.opened["bent"].closed
    deck.read(LEAD.resumes_at, 960)
    assert shop.opened["bent"].closed
    deck.close()
    assert shop.opened["track"].closed


def test_after_a_restart_in_the_track_the_lead_is_not_needed() -> None:
    shop = Shop()
    deck = LeadDeck(shop, "track", LEAD, LEAD.resumes_at + 500)
    assert np.array_equal(deck.read(LEAD.resumes_at + 500, 100), TRACK[LEAD.resumes_at + 500 :][:100])
    assert list(shop.opened) == ["track"]


def test_a_lead_that_breaks_off_gives_way_to_the_track() -> None:
    shop = Shop(Ending(100_000, "It broke off."))
    deck = LeadDeck(shop, "track", LEAD, BEGINS)
    at = BEGINS + 100_000
    assert deck.lead_failure == Ending(at, "It broke off.") and deck.ending is None
    assert shop.starts["track"] == at
    heard = np.concatenate([deck.read(position, 960) for position in range(BEGINS, at + 9_600, 960)])
    whole = np.concatenate((BENT[:100_000], TRACK[at:]))[: len(heard)]
    joint = slice(100_000 - 240, 100_000 + 240)
    assert np.array_equal(np.delete(heard, joint, axis=0), np.delete(whole, joint, axis=0))
    assert np.abs(heard[99_995:100_005]).max() < 0.03, "through silence"
    assert shop.opened["bent"].closed


def test_one_that_breaks_off_before_the_track_begins_is_silent_until_then() -> None:
    shop = Shop(Ending(0, "It is gone."))
    deck = LeadDeck(shop, "track", LEAD, BEGINS)
    heard = np.concatenate([deck.read(position, 960) for position in range(BEGINS, SAMPLE_RATE, 960)])
    assert not heard[:-BEGINS].any()
    assert np.array_equal(heard[-BEGINS:], TRACK[: len(heard) + BEGINS]) and len(heard) >= 2 * SAMPLE_RATE


def test_a_whole_lead_is_no_failure() -> None:
    whole = LeadDeck(Shop(Ending(LEAD.length, None)), "track", LEAD, BEGINS)
    assert whole.ending is None and whole.lead_failure is None


def test_the_mixer_plays_it_and_changes_decks_when_the_lead_comes() -> None:
    shop = Shop()
    mixer = Mixer(shop)
    plain = Play(1, "t", "track", 1_000, 0, 10**6, 1.0, 0, None)
    bent = Play(1, "t", "track", 1_000, BEGINS, 10**6, 1.0, 0, None, lead=LEAD)
    mixer.set_plays([plain], 0)
    mixer.set_plays([bent], 0)
    mixed = mixer.mix(0, 14 * SAMPLE_RATE)
    whole = np.concatenate((BENT, TRACK[LEAD.resumes_at :]))
    assert np.allclose(mixed[1_000:], whole[: len(mixed) - 1_000])


# --- the bass ---------------------------------------------------------------------------------------------------------


def tone(hertz: float, seconds: float = 2.0) -> Audio:
    wave = np.sin(2 * np.pi * hertz * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE) * 0.5
    return np.stack((wave, wave), axis=1).astype(np.float32)


def level(audio: Audio) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(audio[len(audio) // 2 :] ** 2)) + 1e-9))


@pytest.mark.parametrize(
    ("hertz", "change"), [(45, -48), (90, -24.4), (BASS_CROSSOVER_HZ, -6), (720, -0.1), (5_000, 0)]
)
def test_only_the_bass_is_taken(hertz: float, change: float) -> None:
    wave = tone(hertz)
    assert level(BassCut().process(wave)) - level(wave) == pytest.approx(change, abs=3 if change < -10 else 0.5)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=12))
def test_any_blocks_are_filtered_alike(sizes: list[int]) -> None:
    audio, cut, parts = steady_music(1.5, seed=3), BassCut(), list[Audio]()
    for size in sizes:
        parts.append(cut.process(audio[sum(map(len, parts)) :][:size]))
        if not len(audio[sum(map(len, parts)) :]):
            break
    together = np.concatenate(parts)
    assert np.allclose(together, BassCut().process(audio)[: len(together)], atol=1e-6)


def test_one_bass_at_a_time() -> None:
    """Two low tones: each is there where it should be, the sum never both; a high tone is always there."""

    class Tones:
        def __call__(self, path: str, start: int) -> Tape:
            return Tape(tone(50 if path == "a" else 70, 20) + tone(3_000, 20) * 0.1)

    swap = Fade(8 * SAMPLE_RATE, SAMPLE_RATE // 2)
    plays = [
        Play(1, "a", "a", 0, 0, 12 * SAMPLE_RATE, 1.0, 0, None, bass_out=swap),
        Play(2, "b", "b", 4 * SAMPLE_RATE, 0, 20 * SAMPLE_RATE, 1.0, 0, None, bass_in=swap),
    ]
    mixer = Mixer(Tones())
    mixer.set_plays(plays, 0)
    mixed = np.concatenate([mixer.mix(at, 960) for at in range(0, 16 * SAMPLE_RATE, 960)])

    def share(hertz: float, second: float) -> float:
        part = mixed[int(second * SAMPLE_RATE) :][:SAMPLE_RATE, 0]
        return float(2 * np.abs(np.mean(part * np.exp(-2j * np.pi * hertz * np.arange(len(part)) / SAMPLE_RATE))))

    for second in (2, 5, 6.8):
        assert share(50, second) == pytest.approx(0.5, rel=0.02) and share(70, second) < 0.02
    for second in (8.7, 10, 13):
        assert share(70, second) == pytest.approx(0.5, rel=0.02) and share(50, second) < 0.01
    assert share(3_000, 2) == pytest.approx(0.05, rel=0.05) and share(3_000, 10) == pytest.approx(0.1, rel=0.1)
    step = np.abs(np.diff(mixed[:, 0]))
    assert step[int(7.9 * SAMPLE_RATE) : int(8.6 * SAMPLE_RATE)].max() < 0.048, "no click"
