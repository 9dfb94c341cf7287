"""Decks on real files: exact positions from anywhere, and failures in a sentence."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.audio.seeking import decode
from rtc_drift.engine.deck import AHEAD, Deck
from rtc_drift.media import SAMPLE_RATE, Audio, samples
from tests.support.audio_checks import correlation, lag_of
from tests.support.audio_files import write_audio
from tests.support.music import steady_music

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
def test_a_lossless_file_is_exact_from_any_position(folder: Path, decks: list[Deck], start: int) -> None:
    path = write_audio(folder / "exact.flac", MUSIC)
    decks.append(deck := Deck(str(path), start, blocking=True))
    assert np.allclose(read_all(deck, start, samples(3)), MUSIC[start : start + samples(3)], atol=1e-4)


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".opus", ".m4a", ".wav"])
def test_lossy_formats_are_nearly_exact_from_any_position(folder: Path, decks: list[Deck], suffix: str) -> None:
    path = write_audio(folder / f"near{suffix}", MUSIC)
    start = samples(5)
    decks.append(deck := Deck(str(path), start, blocking=True))
    audio = read_all(deck, start, samples(2))
    lag = lag_of(audio, MUSIC)
    assert abs(lag - start) <= samples(0.06)
    assert min(correlation(audio, MUSIC[lag : lag + len(audio)])) > 0.9


def test_other_rates_and_mono_become_48_khz_stereo(folder: Path, decks: list[Deck]) -> None:
    path = write_audio(folder / "rate.wav", MUSIC[: 44_100 * 2], rate=44_100)
    decks.append(deck := Deck(str(path), 0, blocking=True))
    assert len(read_all(deck, 0, samples(2))) == samples(2)


def test_the_end_is_known_ahead_and_reads_stop_there(folder: Path, decks: list[Deck]) -> None:
    path = write_audio(folder / "short.flac", MUSIC[: samples(1)])
    decks.append(deck := Deck(str(path), 0, blocking=True))
    read_all(deck, 0, samples(0.5))
    assert len(deck.read(samples(0.9), samples(1))) == samples(0.1)
    assert deck.ending is not None
    assert (deck.ending.position, deck.ending.reason) == (SAMPLE_RATE, None)


def test_decoding_runs_ahead_up_to_its_limit(folder: Path, decks: list[Deck]) -> None:
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
def test_an_unplayable_file_ends_with_a_reason(
    folder: Path, decks: list[Deck], name: str, content: bytes | None, said: str
) -> None:
    path = folder / name
    if content is not None:
        path.write_bytes(content)
    decks.append(deck := Deck(str(path), 0, blocking=True))
    assert len(deck.read(0, 960)) == 0
    assert deck.ending is not None
    assert deck.ending.reason is not None
    assert said in deck.ending.reason
    assert deck.ending.reason.endswith(".")


def test_a_closed_deck_ends_its_thread(folder: Path) -> None:
    deck = Deck(str(write_audio(folder / "closing.flac", MUSIC)), 0)
    deck.close()
    deck.close()
    deck.join(5)
    assert not deck._thread.is_alive()


def test_a_stalled_file_does_not_block_other_decks(
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
    decks.append(deck := Deck(str(path), 0, blocking=True))
    assert len(read_all(deck, 0, samples(3))) == samples(3)
    goes_on.set()


def test_the_last_samples_of_a_file_of_any_length_are_read(folder: Path, decks: list[Deck]) -> None:
    path = write_audio(folder / "odd.wav", MUSIC[: samples(0.6) + 123])
    decks.append(deck := Deck(str(path), 0, blocking=True))
    assert len(deck.read(0, samples(1))) == samples(0.6) + 123
