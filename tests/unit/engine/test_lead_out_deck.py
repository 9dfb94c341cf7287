"""Decks with a stretched ending: the joint is exact to the sample, and the ending may be taken back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.decoder.ring import AHEAD
from rtc_drift.engine.deck import Ending
from rtc_drift.engine.lead_deck import OPEN_AHEAD, STALLED, LeadDeck
from rtc_drift.engine.lead_out_deck import LeadOutDeck
from rtc_drift.engine.mixer import Mixer
from rtc_drift.engine.protocol.plays import Lead, LeadOut, Play
from rtc_drift.media import SAMPLE_RATE, Audio
from tests.support.array_deck import ArrayDeck
from tests.support.music import steady_music

TRACK = steady_music(20, seed=1)
STRETCHED = steady_music(12, seed=2)
LEAD_OUT = LeadOut("stretched", 14 * SAMPLE_RATE, len(STRETCHED))
WHOLE = np.concatenate((TRACK[: LEAD_OUT.begins_at], STRETCHED))


class DeckOpener:
    """Opens decks and records them by path."""

    def __init__(self, ending: Ending | None = None) -> None:
        self.opened = dict[str, ArrayDeck]()
        self.ending = ending

    def __call__(self, path: str, start: int) -> ArrayDeck:
        deck = ArrayDeck(STRETCHED, self.ending) if path == "stretched" else ArrayDeck(TRACK, Ending(len(TRACK), None))
        self.opened[path] = deck
        return deck


def deck_of(opener: DeckOpener, lead_out: LeadOut | None = LEAD_OUT) -> LeadOutDeck:
    deck = LeadOutDeck(opener, opener("track", 0))
    deck.set_lead_out(lead_out)
    return deck


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=30), st.integers(0, 20 * SAMPLE_RATE))
def test_the_track_continues_in_the_ending_to_the_sample(sizes: list[int], begins: int) -> None:
    deck, position, parts = deck_of(DeckOpener()), begins, list[Audio]()
    for size in sizes:
        parts.append(deck.read(position, size))
        position += len(parts[-1])
    played = np.concatenate(parts)
    assert np.array_equal(played, WHOLE[begins : begins + len(played)])
    assert len(played) == min(sum(sizes), len(WHOLE) - begins)


def test_the_ending_is_opened_shortly_before_and_is_the_end_of_the_sound() -> None:
    opener = DeckOpener()
    deck = deck_of(opener)
    deck.read(LEAD_OUT.begins_at - OPEN_AHEAD - 960, 960)
    assert list(opener.opened) == ["track"] and deck.ending == Ending(len(WHOLE), None)
    deck.read(LEAD_OUT.begins_at - OPEN_AHEAD, 960)
    assert list(opener.opened) == ["track", "stretched"]
    deck.close()
    assert all(it.closed for it in opener.opened.values())


def test_an_ending_that_is_taken_back_leaves_the_track_as_it_is() -> None:
    opener = DeckOpener()
    deck = deck_of(opener)
    deck.read(LEAD_OUT.begins_at - 9_600, 4_800)
    deck.set_lead_out(None)
    assert opener.opened["stretched"].closed and deck.ending == Ending(len(TRACK), None)
    at = LEAD_OUT.begins_at - 4_800
    assert np.array_equal(deck.read(at, 20_000), TRACK[at : at + 20_000])


@pytest.mark.parametrize("left", [0, 100_000])
def test_an_ending_that_breaks_off_is_followed_by_the_track(left: int) -> None:
    deck, at = deck_of(DeckOpener(Ending(left, "It broke off."))), LEAD_OUT.begins_at + left
    begin = LEAD_OUT.begins_at - 960
    played = np.concatenate([deck.read(position, 960) for position in range(begin, at + 9_600, 960)])
    assert deck.lead_failure == Ending(at, "It broke off.")
    whole = np.concatenate((WHOLE[begin:at], TRACK[at:]))[: len(played)]
    joint = slice(at - begin - 240, at - begin + 240)
    assert np.array_equal(np.delete(played, joint, axis=0), np.delete(whole, joint, axis=0))
    assert deck.ending == Ending(len(TRACK), None)


class ForwardDeck(ArrayDeck):
    """A deck that holds seconds, as a ring does: what lies further behind the last read is not decoded yet."""

    def __init__(self, audio: Audio) -> None:
        super().__init__(audio)
        self._wanted = 0

    def read(self, position: int, count: int) -> Audio:
        self.available, self._wanted = min(len(self.audio), self._wanted + AHEAD), position + count
        return super().read(position, count)


def test_the_track_is_at_hand_where_an_ending_breaks_off_late() -> None:
    left = 5 * SAMPLE_RATE
    assert left > AHEAD
    at = LEAD_OUT.begins_at + left
    deck = LeadOutDeck(DeckOpener(Ending(left, "It broke off.")), ForwardDeck(TRACK))
    deck.set_lead_out(LEAD_OUT)
    for position in range(0, at + 9_600, 960):
        played = deck.read(position, 960)
        assert len(played) == 960, f"nothing is missing at {position}"
    assert np.array_equal(played, TRACK[position : position + 960])


@pytest.mark.parametrize(("first", "second"), [(LEAD_OUT, None), (None, LEAD_OUT)])
def test_what_already_sounds_is_not_disturbed(first: LeadOut | None, second: LeadOut | None) -> None:
    deck = deck_of(DeckOpener(), first)
    sounding = TRACK if first is None else WHOLE
    begin = LEAD_OUT.begins_at - 960
    parts = [deck.read(begin, 1_920)]
    deck.set_lead_out(second)
    parts.append(deck.read(begin + 1_920, 960))
    assert np.array_equal(np.concatenate(parts), sounding[begin : begin + 2_880])


def test_an_ending_that_failed_may_be_followed_by_another() -> None:
    opener = DeckOpener(Ending(0, "It is gone."))
    deck = deck_of(opener, LeadOut("stretched", 10 * SAMPLE_RATE, len(STRETCHED)))
    deck.read(10 * SAMPLE_RATE - 960, 1_920)
    assert deck.lead_failure is not None
    opener.ending = None
    deck.set_lead_out(LEAD_OUT)
    at = LEAD_OUT.begins_at - 960
    assert np.array_equal(deck.read(at, 1_920), WHOLE[at : at + 1_920]) and deck.lead_failure is None


def test_an_ending_that_stalls_is_given_up() -> None:
    class Late(DeckOpener):
        def __call__(self, path: str, start: int) -> ArrayDeck:
            deck = super().__call__(path, start)
            if path == "stretched":
                deck.read = lambda position, count: STRETCHED[:0]  # type: ignore[method-assign]
            return deck

    deck, position = deck_of(Late()), LEAD_OUT.begins_at
    while deck.lead_failure is None:
        assert len(deck.read(position, 960)) == 0
        position += 960
    assert position <= LEAD_OUT.begins_at + STALLED + 960
    assert np.array_equal(deck.read(position + 960, 960), TRACK[position + 960 :][:960])


def test_an_ending_is_played_after_an_intro_that_broke_off() -> None:
    lead = Lead("stretched", len(STRETCHED), len(STRETCHED))
    track = LeadDeck(DeckOpener(Ending(9_600, "It broke off.")), "track", lead, 0)
    deck = LeadOutDeck(DeckOpener(), track)
    deck.set_lead_out(LEAD_OUT)
    for at in range(0, LEAD_OUT.begins_at, 48_000):
        deck.read(at, 48_000)
    assert deck.lead_failure == Ending(9_600, "It broke off.")
    assert np.array_equal(deck.read(LEAD_OUT.begins_at, 960), STRETCHED[:960])


def test_after_the_ending_there_is_nothing_and_nothing_has_failed() -> None:
    deck = deck_of(DeckOpener())
    deck.read(LEAD_OUT.begins_at, 960)
    for at in range(len(WHOLE), len(WHOLE) + 2 * STALLED, 960):
        assert len(deck.read(at, 960)) == 0
    assert deck.lead_failure is None


def test_the_mixer_sets_and_takes_back_an_ending_without_a_new_deck() -> None:
    opener = DeckOpener()
    play = Play(1, "a", "track", 0, 0, len(TRACK), 1.0, 0, None)
    ending = Play(1, "a", "track", 0, 0, len(WHOLE), 1.0, 0, None, lead_out=LEAD_OUT)
    mixer, parts = Mixer(opener), list[Audio]()
    for number, at in enumerate(range(0, len(WHOLE) - 48_000, 48_000)):
        mixer.set_plays([ending if number % 3 or at >= LEAD_OUT.begins_at - 96_000 else play], at)
        parts.append(mixer.mix(at, 48_000))
    mixed = np.concatenate(parts)
    assert np.abs(mixed - WHOLE[: len(mixed)]).max() == 0
    assert list(opener.opened) == ["track", "stretched"] and mixer.failures == []
