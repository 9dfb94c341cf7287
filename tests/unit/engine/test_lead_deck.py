"""Decks with a stretched intro: the joint with the track is inaudible."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.engine.deck import Ending
from rtc_drift.engine.lead_deck import OPEN_AHEAD, LeadDeck
from rtc_drift.engine.mixer import Mixer
from rtc_drift.engine.protocol.plays import Lead, Play
from rtc_drift.media import SAMPLE_RATE, Audio
from tests.support.array_deck import ArrayDeck
from tests.support.music import steady_music

TRACK = steady_music(20, seed=1)
STRETCHED = steady_music(12, seed=2)
LEAD = Lead("stretched", len(STRETCHED), 11 * SAMPLE_RATE)
BEGINS = LEAD.resumes_at - LEAD.length
"""A second before the beginning of the track: the stretched intro is slower."""


class DeckOpener:
    """Opens decks and records them by path."""

    def __init__(self, lead_ending: Ending | None = None) -> None:
        self.opened = dict[str, ArrayDeck]()
        self.starts = dict[str, int]()
        self._lead_ending = lead_ending

    def __call__(self, path: str, start: int) -> ArrayDeck:
        deck = ArrayDeck(STRETCHED, self._lead_ending) if path == "stretched" else ArrayDeck(TRACK)
        self.opened[path], self.starts[path] = deck, start
        return deck


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 90_000), min_size=1, max_size=30), st.integers(0, 12 * SAMPLE_RATE))
def test_the_lead_continues_in_the_track_to_the_sample(sizes: list[int], begins: int) -> None:
    deck = LeadDeck(DeckOpener(), "track", LEAD, BEGINS + begins)
    position, parts = BEGINS + begins, list[Audio]()
    for size in sizes:
        parts.append(deck.read(position, size))
        position += len(parts[-1])
    whole = np.concatenate((STRETCHED, TRACK[LEAD.resumes_at :]))
    played = np.concatenate(parts)
    assert np.array_equal(played, whole[begins : begins + len(played)])
    assert len(played) == min(sum(sizes), len(whole) - begins)


def test_the_track_is_opened_shortly_before_the_lead_ends() -> None:
    opener = DeckOpener()
    deck = LeadDeck(opener, "track", LEAD, BEGINS)
    deck.read(BEGINS, 960)
    assert list(opener.opened) == ["stretched"] and deck.ready
    deck.read(LEAD.resumes_at - OPEN_AHEAD, 960)
    assert opener.starts["track"] == LEAD.resumes_at and not opener.opened["stretched"].closed
    deck.read(LEAD.resumes_at, 960)
    assert opener.opened["stretched"].closed
    deck.close()
    assert opener.opened["track"].closed


def test_after_a_restart_within_the_track_the_lead_is_not_opened() -> None:
    opener = DeckOpener()
    deck = LeadDeck(opener, "track", LEAD, LEAD.resumes_at + 500)
    assert np.array_equal(deck.read(LEAD.resumes_at + 500, 100), TRACK[LEAD.resumes_at + 500 :][:100])
    assert list(opener.opened) == ["track"]


def test_a_lead_that_breaks_off_is_followed_by_the_track() -> None:
    opener = DeckOpener(Ending(100_000, "It broke off."))
    deck = LeadDeck(opener, "track", LEAD, BEGINS)
    at = BEGINS + 100_000
    assert deck.lead_failure == Ending(at, "It broke off.") and deck.ending is None
    assert opener.starts["track"] == at
    played = np.concatenate([deck.read(position, 960) for position in range(BEGINS, at + 9_600, 960)])
    whole = np.concatenate((STRETCHED[:100_000], TRACK[at:]))[: len(played)]
    joint = slice(100_000 - 240, 100_000 + 240)
    assert np.array_equal(np.delete(played, joint, axis=0), np.delete(whole, joint, axis=0))
    assert np.abs(played[99_995:100_005]).max() < 0.03, "through silence"
    assert opener.opened["stretched"].closed


def test_a_lead_that_breaks_off_early_is_silent_until_the_track_begins() -> None:
    opener = DeckOpener(Ending(0, "It is gone."))
    deck = LeadDeck(opener, "track", LEAD, BEGINS)
    played = np.concatenate([deck.read(position, 960) for position in range(BEGINS, SAMPLE_RATE, 960)])
    assert not played[:-BEGINS].any()
    assert np.array_equal(played[-BEGINS:], TRACK[: len(played) + BEGINS]) and len(played) >= 2 * SAMPLE_RATE


def test_a_whole_lead_is_no_failure() -> None:
    whole = LeadDeck(DeckOpener(Ending(LEAD.length, None)), "track", LEAD, BEGINS)
    assert whole.ending is None and whole.lead_failure is None


def test_the_mixer_changes_decks_when_a_lead_is_added() -> None:
    opener = DeckOpener()
    mixer = Mixer(opener)
    plain = Play(1, "t", "track", 1_000, 0, 10**6, 1.0, 0, None)
    stretched = Play(1, "t", "track", 1_000, BEGINS, 10**6, 1.0, 0, None, lead=LEAD)
    mixer.set_plays([plain], 0)
    mixer.set_plays([stretched], 0)
    mixed = mixer.mix(0, 14 * SAMPLE_RATE)
    whole = np.concatenate((STRETCHED, TRACK[LEAD.resumes_at :]))
    assert np.allclose(mixed[1_000:], whole[: len(mixed) - 1_000])
