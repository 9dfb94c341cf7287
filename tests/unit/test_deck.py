"""Decks and decoders on real files: exact positions, from anywhere, with what breaks said in a sentence."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.audio.seeking import decode
from rtc_drift.engine.deck import AHEAD, Deck
from rtc_drift.media import SAMPLE_RATE, Audio, samples
from tests.audio_files import write_audio
from tests.listening import correlation, lag_of
from tests.music import steady_music

MUSIC = steady_music(12, seed=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("decks")


@pytest.fixture
def decks() -> Iterator[list[Deck]]:
    opened: list[Deck] = []
    yield opened
    for deck in opened:
        deck.close()
        deck.join(5)


def read_all(deck: Deck, position: int, count: int) -> Audio:
    """Read in blocks, waiting for the decoder (the deck is patient)."""
    blocks = [deck.read(at, 960) for at in range(position, position + count, 960)]
    return np.concatenate(blocks)[:count]


@pytest.mark.parametrize("start", [0, 1_234, samples(7)])
def test_a_lossless_file_is_read_to_the_sample_from_anywhere(folder: Path, decks: list[Deck], start: int) -> None:
    path = write_audio(folder / "exact.flac", MUSIC)
    decks.append(deck := Deck(str(path), start, patient=True))
    assert np.allclose(read_all(deck, start, samples(3)), MUSIC[start : start + samples(3)], atol=1e-4)


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".opus", ".m4a", ".wav"])
def test_other_formats_are_read_from_nearly_the_right_place(folder: Path, decks: list[Deck], suffix: str) -> None:
    path = write_audio(folder / f"near{suffix}", MUSIC)
    start = samples(5)
    decks.append(deck := Deck(str(path), start, patient=True))
    heard = read_all(deck, start, samples(2))
    lag = lag_of(heard, MUSIC)
    assert abs(lag - start) <= samples(0.06)
    assert min(correlation(heard, MUSIC[lag : lag + len(heard)])) > 0.9


def test_other_rates_and_mono_become_48_khz_stereo(folder: Path, decks: list[Deck]) -> None:
    path = write_audio(folder / "rate.wav", MUSIC[: 44_100 * 2], rate=44_100)
    decks.append(deck := Deck(str(path), 0, patient=True))
    assert len(read_all(deck, 0, samples(2))) == samples(2)


def test_the_end_is_known_ahead_and_reads_run_dry_there(folder: Path, decks: list[Deck]) -> None:
    path = write_audio(folder / "short.flac", MUSIC[: samples(1)])
    decks.append(deck := Deck(str(path), 0, patient=True))
    read_all(deck, 0, samples(0.5))
    assert len(deck.read(samples(0.9), samples(1))) == samples(0.1)
    assert deck.ending is not None
    assert (deck.ending.position, deck.ending.reason) == (SAMPLE_RATE, None)


def test_decoding_runs_ahead_and_no_further(folder: Path, decks: list[Deck]) -> None:
    path = write_audio(folder / "long.flac", MUSIC)
    decks.append(deck := Deck(str(path), 0))
    while not deck.ready or deck._decoded_up_to < AHEAD:
        deck.join(0.01)
    deck.join(0.1)
    assert deck.ending is None
    assert deck._decoded_up_to <= AHEAD + samples(0.5)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.mp3", None, "can't be read"),
        ("empty.flac", b"", "holds no audio"),
        ("noise.ogg", b"OggS but not really" * 500, "can't be decoded"),
    ],
)
def test_what_cannot_be_played_is_said(
    folder: Path, decks: list[Deck], name: str, content: bytes | None, said: str
) -> None:
    path = folder / name
    if content is not None:
        path.write_bytes(content)
    decks.append(deck := Deck(str(path), 0, patient=True))
    assert len(deck.read(0, 960)) == 0
    assert deck.ending is not None
    assert deck.ending.reason is not None
    assert said in deck.ending.reason
    assert deck.ending.reason.endswith(".")


def test_a_closed_deck_lets_its_thread_go(folder: Path) -> None:
    deck = Deck(str(write_audio(folder / "closing.flac", MUSIC)), 0)
    deck.close()
    deck.close()
    deck.join(5)
    assert not deck._thread.is_alive()


def test_a_deck_whose_file_stalls_does_not_hold_up_the_others(
    folder: Path, decks: list[Deck], monkeypatch: pytest.MonkeyPatch
) -> None:
    stalled, goes_on = threading.Event(), threading.Event()

    def decode_or_stall(path: str, start: int) -> Iterator[tuple[int, Audio]]:
        if path == "stalls":
            stalled.set()
            goes_on.wait(30)
            return
        yield from decode(path, start)

    monkeypatch.setattr("rtc_drift.engine.deck.decode", decode_or_stall)
    path = write_audio(folder / "beside.flac", MUSIC)
    decks.append(Deck("stalls", 0))
    assert stalled.wait(5)
    decks.append(deck := Deck(str(path), 0, patient=True))
    assert len(read_all(deck, 0, samples(3))) == samples(3)
    goes_on.set()


def test_the_last_samples_of_a_file_are_given_whatever_its_length(folder: Path, decks: list[Deck]) -> None:
    path = write_audio(folder / "odd.wav", MUSIC[: samples(0.6) + 123])
    decks.append(deck := Deck(str(path), 0, patient=True))
    assert len(deck.read(0, samples(1))) == samples(0.6) + 123
