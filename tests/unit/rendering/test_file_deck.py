"""Decks that decode when they are read: exact positions from anywhere, and failures in a sentence."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.media import SAMPLE_RATE, Audio, samples
from rtc_drift.rendering.file_deck import FileDeck
from tests.support.audio_checks import correlation, lag_of
from tests.support.audio_files import write_audio
from tests.support.music import steady_music

MUSIC = steady_music(12, seed=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("decks")


@pytest.fixture
def decks() -> Iterator[list[FileDeck]]:
    opened: list[FileDeck] = []
    yield opened
    for deck in opened:
        deck.close()


def read_all(deck: FileDeck, position: int, count: int) -> Audio:
    """Read in blocks."""
    blocks = [deck.read(at, 960) for at in range(position, position + count, 960)]
    return np.concatenate(blocks)[:count]


@pytest.mark.parametrize("start", [0, 1_234, samples(7)])
def test_a_lossless_file_is_exact_from_any_position(folder: Path, decks: list[FileDeck], start: int) -> None:
    path = write_audio(folder / "exact.flac", MUSIC)
    decks.append(deck := FileDeck(str(path), start))
    assert np.allclose(read_all(deck, start, samples(3)), MUSIC[start : start + samples(3)], atol=1e-4)


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".opus", ".m4a", ".wav"])
def test_lossy_formats_are_nearly_exact_from_any_position(folder: Path, decks: list[FileDeck], suffix: str) -> None:
    path = write_audio(folder / f"near{suffix}", MUSIC)
    start = samples(5)
    decks.append(deck := FileDeck(str(path), start))
    audio = read_all(deck, start, samples(2))
    lag = lag_of(audio, MUSIC)
    assert abs(lag - start) <= samples(0.06)
    assert min(correlation(audio, MUSIC[lag : lag + len(audio)])) > 0.9


def test_other_rates_and_mono_become_48_khz_stereo(folder: Path, decks: list[FileDeck]) -> None:
    path = write_audio(folder / "rate.wav", MUSIC[: 44_100 * 2], rate=44_100)
    decks.append(deck := FileDeck(str(path), 0))
    assert len(read_all(deck, 0, samples(2))) == samples(2)


def test_the_end_is_known_ahead_and_reads_stop_there(folder: Path, decks: list[FileDeck]) -> None:
    path = write_audio(folder / "short.flac", MUSIC[: samples(1)])
    decks.append(deck := FileDeck(str(path), 0))
    read_all(deck, 0, samples(0.5))
    assert len(deck.read(samples(0.9), samples(1))) == samples(0.1)
    assert deck.ending is not None
    assert (deck.ending.position, deck.ending.reason) == (SAMPLE_RATE, None)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.mp3", None, "can't be read"),
        ("empty.flac", b"", "holds no audio"),
        ("noise.ogg", b"OggS but not really" * 500, "can't be decoded"),
    ],
)
def test_an_unplayable_file_ends_with_a_reason(
    folder: Path, decks: list[FileDeck], name: str, content: bytes | None, said: str
) -> None:
    path = folder / name
    if content is not None:
        path.write_bytes(content)
    decks.append(deck := FileDeck(str(path), 0))
    assert len(deck.read(0, 960)) == 0
    assert deck.ending is not None
    assert deck.ending.reason is not None
    assert said in deck.ending.reason
    assert deck.ending.reason.endswith(".")


def test_the_last_samples_of_a_file_of_any_length_are_read(folder: Path, decks: list[FileDeck]) -> None:
    path = write_audio(folder / "odd.wav", MUSIC[: samples(0.6) + 123])
    decks.append(deck := FileDeck(str(path), 0))
    assert len(deck.read(0, samples(1))) == samples(0.6) + 123
