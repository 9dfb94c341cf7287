"""The mixer on decks that are arrays: every sample is where the plan says."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.engine.deck import Ending
from rtc_drift.engine.fades import envelope
from rtc_drift.engine.mixer import STALLED, Failure, Mixer
from rtc_drift.engine.protocol.plays import Fade, Play
from rtc_drift.media import BLOCK_SAMPLES
from tests.support.array_deck import ArrayDeck
from tests.support.music import steady_music

FILES = {name: steady_music(4, seed=number) for number, name in enumerate(("a", "b", "c"))}
LENGTH = len(FILES["a"])


class DeckOpener:
    """Opens decks and records them."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, int]] = []
        self.decks: list[ArrayDeck] = []

    def __call__(self, path: str, start: int) -> ArrayDeck:
        self.opened.append((path, start))
        self.decks.append(ArrayDeck(FILES[path]))
        return self.decks[-1]


def play(number: int, path: str, start: int, **changes: object) -> Play:
    base = Play(number, path, path, start, 0, start + LENGTH, 1.0, 0, None)
    return replace(base, **changes)  # type: ignore[arg-type]


def test_a_play_is_mixed_to_the_sample() -> None:
    mixer = Mixer(DeckOpener())
    mixer.set_plays([play(1, "a", 500, offset=1_000, gain=0.5, end=40_000)], 0)
    mixed = mixer.mix(0, 48_000)
    assert not mixed[:500].any()
    assert np.allclose(mixed[500:40_000], 0.5 * FILES["a"][1_000:40_500])
    assert not mixed[40_000:].any()


def test_a_crossfade_keeps_the_power() -> None:
    fade = Fade(48_000, 48_000)
    out, incoming = play(1, "a", 0, fade_out=fade, end=fade.end), play(2, "b", 48_000, fade_in=48_000)
    power = envelope(out, 48_000, 48_000) ** 2 + envelope(incoming, 48_000, 48_000) ** 2
    assert np.allclose(power, 1, atol=1e-5)
    mixer = Mixer(DeckOpener())
    mixer.set_plays([out, incoming], 0)
    mixed = mixer.mix(0, 144_000)
    level = [float(np.sqrt(np.mean(mixed[at : at + 9_600] ** 2))) for at in range(0, 144_000, 9_600)]
    assert max(level) / min(level) < 1.15


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=20))
def test_any_block_size_gives_the_same_samples(sizes: list[int]) -> None:
    plays = [
        play(1, "a", 0, fade_out=Fade(20_000, 9_000), end=29_000),
        play(2, "b", 20_000, fade_in=9_000, gain=0.7),
    ]
    whole, pieces = Mixer(DeckOpener()), Mixer(DeckOpener())
    whole.set_plays(plays, 0)
    pieces.set_plays(plays, 0)
    mixed, at = [], 0
    for size in [*sizes, 48_000]:
        mixed.append(pieces.mix(at, size))
        at += size
    assert np.allclose(np.concatenate(mixed), whole.mix(0, at), atol=1e-6)


def test_new_plays_keep_their_decks_and_others_are_closed() -> None:
    opener = DeckOpener()
    mixer = Mixer(opener)
    mixer.set_plays([play(1, "a", 0), play(2, "b", 90_000)], 0)
    mixer.set_plays([play(1, "a", 0, end=50_000), play(2, "b", 48_000), play(3, "c", 96_000)], 0)
    assert [path for path, _ in opener.opened] == ["a", "b", "c"]
    mixer.set_plays([play(3, "c", 96_000)], 0)
    assert [deck.closed for deck in opener.decks] == [True, True, False]


def test_after_a_restart_a_play_starts_at_its_present_position() -> None:
    opener = DeckOpener()
    mixer = Mixer(opener)
    mixer.set_plays([play(1, "a", 10_000, offset=700)], 30_000)
    assert opener.opened == [("a", 20_700)]
    assert np.allclose(mixer.mix(30_000, 960)[240:], FILES["a"][20_940:21_660])


def test_unplanned_starts_and_stops_are_ramped() -> None:
    opener = DeckOpener()
    mixer = Mixer(opener)
    mixer.set_plays([play(1, "a", 0, end=LENGTH)], 0)
    opener.decks[0].audio = np.full((LENGTH, 2), 0.5, np.float32)
    opener.decks[0].available = 10_000
    blocks = [mixer.mix(at, BLOCK_SAMPLES) for at in range(0, 14_400, BLOCK_SAMPLES)]
    opener.decks[0].available = LENGTH
    blocks += [mixer.mix(at, BLOCK_SAMPLES) for at in range(14_400, 28_800, BLOCK_SAMPLES)]
    mixed = np.concatenate(blocks)[:, 0]
    assert mixer.starved_samples == 14_400 - 10_000
    assert np.abs(np.diff(mixed[100:])).max() < 0.01
    assert mixed[-1] == 0.5


def test_a_broken_file_is_reported_ahead_and_faded() -> None:
    opener = DeckOpener()
    mixer = Mixer(opener)
    mixer.set_plays([play(1, "a", 0)], 0)
    deck = opener.decks[0]
    deck.audio = np.full((LENGTH, 2), 0.5, np.float32)
    deck.available, deck.ending = 48_000, Ending(48_000, "It broke.")
    mixed = mixer.mix(0, 96_000)[:, 0]
    assert mixer.failures == [Failure(1, 48_000, "It broke.", stalled=False)]
    assert np.abs(np.diff(mixed)).max() < 0.01
    assert mixed[30_000] == 0.5
    assert not mixed[48_000:].any()


def test_a_file_that_ends_as_planned_is_no_failure() -> None:
    opener = DeckOpener()
    mixer = Mixer(opener)
    mixer.set_plays([play(1, "a", 0, fade_out=Fade(150_000, 20_000), end=170_000)], 0)
    opener.decks[0].ending = Ending(LENGTH, None)
    for at in range(0, 192_000, 9_600):
        mixer.mix(at, 9_600)
    assert mixer.failures == []
    assert mixer.starved_samples == 0


def test_a_deck_without_samples_fails_as_stalled() -> None:
    opener = DeckOpener()
    mixer = Mixer(opener)
    mixer.set_plays([play(1, "a", 0)], 0)
    opener.decks[0].available = 0
    for at in range(0, STALLED + 4_800, 4_800):
        assert mixer.failures == []
        mixer.mix(at, 4_800)
    assert [(failure.play, failure.stalled) for failure in mixer.failures] == [(1, True)]


def test_a_slow_deck_does_not_fail() -> None:
    opener = DeckOpener()
    mixer = Mixer(opener)
    mixer.set_plays([play(1, "a", 0)], 0)
    for at in range(0, 3 * STALLED, 4_800):
        opener.decks[0].available = at + 4_000
        mixer.mix(at, 4_800)
    assert mixer.failures == []


@pytest.mark.parametrize("length", [0, 1, 48_000])
def test_fades_of_any_length_are_bounded(length: int) -> None:
    gain = envelope(play(1, "a", 100, fade_in=length, fade_out=Fade(60_000, length)), 0, 120_000)[:, 0]
    assert gain.min() >= 0
    assert gain.max() <= 1
    assert gain[59_999] == pytest.approx(1, abs=1e-3)
    assert gain[60_000 + length] == 0
