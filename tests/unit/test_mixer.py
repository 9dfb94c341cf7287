"""The mixer on decks that are plain arrays: every sample is where the plan says."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.engine.deck import Ending
from rtc_drift.engine.fades import envelope
from rtc_drift.engine.mixer import STALLED, Failure, Mixer
from rtc_drift.engine.protocol.plays import Fade, Play
from rtc_drift.media import BLOCK_SAMPLES, Audio
from tests.music import steady_music

FILES = {name: steady_music(4, seed=number) for number, name in enumerate(("a", "b", "c"))}
LENGTH = len(FILES["a"])


class ArrayDeck:
    """A deck whose file is an array. `available` and `ending` may be set to what a decoder could have come to."""

    def __init__(self, audio: Audio) -> None:
        self.audio = audio
        self.available = len(audio)
        self.ending: Ending | None = None
        self.ready = True
        self.closed = False

    def read(self, position: int, count: int) -> Audio:
        return self.audio[position : min(position + count, self.available)].copy()

    def close(self) -> None:
        self.closed = True


class Rack:
    """Opens decks and keeps them in sight."""

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


def test_a_play_is_heard_to_the_sample() -> None:
    mixer = Mixer(Rack())
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
    mixer = Mixer(Rack())
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
    whole, pieces = Mixer(Rack()), Mixer(Rack())
    whole.set_plays(plays, 0)
    pieces.set_plays(plays, 0)
    mixed, at = [], 0
    for size in [*sizes, 48_000]:
        mixed.append(pieces.mix(at, size))
        at += size
    assert np.allclose(np.concatenate(mixed), whole.mix(0, at), atol=1e-6)


def test_a_new_schedule_keeps_the_decks_of_its_plays_and_closes_the_others() -> None:
    rack = Rack()
    mixer = Mixer(rack)
    mixer.set_plays([play(1, "a", 0), play(2, "b", 90_000)], 0)
    mixer.set_plays([play(1, "a", 0, end=50_000), play(2, "b", 48_000), play(3, "c", 96_000)], 0)
    assert [path for path, _ in rack.opened] == ["a", "b", "c"]
    mixer.set_plays([play(3, "c", 96_000)], 0)
    assert [deck.closed for deck in rack.decks] == [True, True, False]


def test_after_a_restart_a_play_enters_where_it_would_be() -> None:
    rack = Rack()
    mixer = Mixer(rack)
    mixer.set_plays([play(1, "a", 10_000, offset=700)], 30_000)
    assert rack.opened == [("a", 20_700)]
    assert np.allclose(mixer.mix(30_000, 960)[240:], FILES["a"][20_940:21_660])


def test_sound_that_starts_or_stops_unplanned_is_ramped() -> None:
    rack = Rack()
    mixer = Mixer(rack)
    mixer.set_plays([play(1, "a", 0, end=LENGTH)], 0)
    rack.decks[0].audio = np.full((LENGTH, 2), 0.5, np.float32)
    rack.decks[0].available = 10_000
    blocks = [mixer.mix(at, BLOCK_SAMPLES) for at in range(0, 14_400, BLOCK_SAMPLES)]
    rack.decks[0].available = LENGTH
    blocks += [mixer.mix(at, BLOCK_SAMPLES) for at in range(14_400, 28_800, BLOCK_SAMPLES)]
    mixed = np.concatenate(blocks)[:, 0]
    assert mixer.starved_samples == 14_400 - 10_000
    assert np.abs(np.diff(mixed[100:])).max() < 0.01
    assert mixed[-1] == 0.5


def test_a_file_that_breaks_off_is_told_ahead_and_faded() -> None:
    rack = Rack()
    mixer = Mixer(rack)
    mixer.set_plays([play(1, "a", 0)], 0)
    deck = rack.decks[0]
    deck.audio = np.full((LENGTH, 2), 0.5, np.float32)
    deck.available, deck.ending = 48_000, Ending(48_000, "It broke.")
    mixed = mixer.mix(0, 96_000)[:, 0]
    assert mixer.failures == [Failure(1, 48_000, "It broke.", stalled=False)]
    assert np.abs(np.diff(mixed)).max() < 0.01
    assert mixed[30_000] == 0.5
    assert not mixed[48_000:].any()


def test_a_file_that_ends_where_its_plan_ends_is_no_failure() -> None:
    rack = Rack()
    mixer = Mixer(rack)
    mixer.set_plays([play(1, "a", 0, fade_out=Fade(150_000, 20_000), end=170_000)], 0)
    rack.decks[0].ending = Ending(LENGTH, None)
    for at in range(0, 192_000, 9_600):
        mixer.mix(at, 9_600)
    assert mixer.failures == []
    assert mixer.starved_samples == 0


def test_a_deck_that_gives_nothing_is_given_up() -> None:
    rack = Rack()
    mixer = Mixer(rack)
    mixer.set_plays([play(1, "a", 0)], 0)
    rack.decks[0].available = 0
    for at in range(0, STALLED + 4_800, 4_800):
        assert mixer.failures == []
        mixer.mix(at, 4_800)
    assert [(failure.play, failure.stalled) for failure in mixer.failures] == [(1, True)]


def test_a_deck_that_is_only_slow_is_not_given_up() -> None:
    rack = Rack()
    mixer = Mixer(rack)
    mixer.set_plays([play(1, "a", 0)], 0)
    for at in range(0, 3 * STALLED, 4_800):
        rack.decks[0].available = at + 4_000
        mixer.mix(at, 4_800)
    assert mixer.failures == []


@pytest.mark.parametrize("length", [0, 1, 48_000])
def test_fades_of_any_length_are_bounded(length: int) -> None:
    gain = envelope(play(1, "a", 100, fade_in=length, fade_out=Fade(60_000, length)), 0, 120_000)[:, 0]
    assert gain.min() >= 0
    assert gain.max() <= 1
    assert gain[59_999] == pytest.approx(1, abs=1e-3)
    assert gain[60_000 + length] == 0
