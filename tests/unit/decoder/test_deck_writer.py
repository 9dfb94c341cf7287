"""Writing a file into a ring: exact, ahead of the reader, from where another decoder stopped, with endings in words."""

import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.audio.seeking import decode
from rtc_drift.decoder import deck_writer, limits
from rtc_drift.decoder.deck_writer import REFILL, STARVED, DeckWriter
from rtc_drift.decoder.ring import AHEAD, Ring
from rtc_drift.decoder.turns import Turns
from rtc_drift.media import Audio, samples
from tests.support.audio_files import write_audio
from tests.support.music import steady_music

MUSIC = steady_music(12, seed=5)
BLOCK = 3_840


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_audio(tmp_path_factory.mktemp("writers") / "music.flac", MUSIC))


Write = Callable[..., DeckWriter]


@pytest.fixture
def write() -> Iterator[Write]:
    """Start a writer of a ring; all are ended after the test."""
    writers: list[DeckWriter] = []
    turns = Turns()

    def start(path: str, ring: Ring, **options: bool) -> DeckWriter:
        writers.append(writer := DeckWriter(path, Ring(os.dup(ring.fd)), turns, **options))
        writer.start()
        return writer

    yield start
    for writer in writers:
        writer.close()
        assert writer.join(10)


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def is_written(ring: Ring, position: int) -> bool:
    return ring.written >= position or ring.ending is not None


def read(ring: Ring, position: int, count: int) -> Audio:
    """Read in blocks, each as soon as it is written."""
    blocks = []
    for at in range(position, position + count, BLOCK):
        size = min(BLOCK, position + count - at)
        wait_for(partial(is_written, ring, at + size))
        blocks.append(ring.read(at, size).copy())
    return np.concatenate(blocks)


@pytest.mark.parametrize("start", [0, 1_234, samples(7)])
def test_a_file_is_exact_from_any_position(path: str, write: Write, start: int) -> None:
    ring = Ring.create(start)
    write(path, ring)
    assert np.allclose(read(ring, start, samples(4)), MUSIC[start : start + samples(4)], atol=1e-4)


def test_it_runs_ahead_up_to_its_limit_and_goes_on_when_enough_was_read(path: str, write: Write) -> None:
    ring = Ring.create(0)
    write(path, ring)
    wait_for(lambda: ring.written == AHEAD)
    assert len(ring.read(0, REFILL // 2)) == REFILL // 2
    assert ring.written == AHEAD, "it rests"
    ring.read(REFILL // 2, REFILL // 2)
    wait_for(lambda: ring.written == AHEAD + REFILL)


def test_the_end_is_known_ahead(path: str, write: Write) -> None:
    ring = Ring.create(samples(10))
    write(path, ring)
    wait_for(lambda: ring.ending is not None)
    assert ring.ending is not None
    assert (ring.ending.position, ring.ending.reason) == (len(MUSIC), None)


def test_another_writer_goes_on_sample_for_sample(path: str, write: Write) -> None:
    ring, parts = Ring.create(0), list[Audio]()
    for at in range(0, samples(8), samples(2)):
        writer = write(path, ring)
        parts.append(read(ring, at, samples(2)))
        writer.close()
        assert writer.join(10)
    assert np.array_equal(np.concatenate(parts), read_alone(path, samples(8)))


def read_alone(path: str, count: int) -> Audio:
    return np.concatenate([audio for _, audio in decode(path, 0)])[:count]


def test_a_late_writer_leaves_out_what_nobody_wants_any_more(path: str, write: Write) -> None:
    ring = Ring.create(0)
    assert len(ring.read(0, samples(3))) == 0
    write(path, ring)
    assert np.allclose(read(ring, samples(3), samples(1)), MUSIC[samples(3) : samples(4)], atol=1e-4)


def test_a_file_replaced_since_the_last_writer_is_not_played_on(tmp_path: Path, write: Write) -> None:
    path, ring = tmp_path / "changing.flac", Ring.create(0)
    write_audio(path, MUSIC)
    writer = write(str(path), ring)
    wait_for(lambda: ring.written == AHEAD)
    writer.close()
    assert writer.join(10)
    other = write_audio(tmp_path / "other.flac", steady_music(12, seed=9))
    other.replace(path)
    write(str(path), ring)
    wait_for(lambda: ring.ending is not None)
    assert ring.ending is not None
    assert ring.ending.position == AHEAD
    assert ring.ending.reason is not None
    assert "was replaced" in ring.ending.reason
    assert np.allclose(read(ring, 0, AHEAD), MUSIC[:AHEAD], atol=1e-4), "what was decoded is heard"


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "can't be read"), (b"", "can't be decoded"), (b"OggS, but no" * 99, "can't be decoded")],
)
def test_an_unplayable_file_ends_with_a_sentence(
    tmp_path: Path, write: Write, content: bytes | None, said: str
) -> None:
    path, ring = tmp_path / "file.ogg", Ring.create(0)
    if content is not None:
        path.write_bytes(content)
    write(str(path), ring)
    wait_for(lambda: ring.ending is not None)
    assert ring.ending is not None
    assert ring.ending.reason is not None
    assert said in ring.ending.reason
    assert ring.ending.reason.endswith(".")
    assert not ring.is_being_decoded


def test_a_read_that_hangs_stalls_only_its_deck(path: str, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    stalled, goes_on = threading.Event(), threading.Event()

    def decode_or_hang(name: str, start: int) -> Generator[tuple[int, Audio], None, None]:
        if Path(name).suffix == ".fifo":
            stalled.set()
            goes_on.wait(30)
        yield from decode(path, start)

    monkeypatch.setattr(deck_writer, "decode", decode_or_hang)
    hanging = Path(path).with_suffix(".fifo")
    hanging.touch()
    write(str(hanging), first := Ring.create(0), is_suspect=True)
    assert stalled.wait(5)
    write(path, second := Ring.create(0))
    wait_for(lambda: second.written == AHEAD)
    assert first.is_being_decoded, "and it would be blamed if the decoder died now"
    assert not second.is_being_decoded
    goes_on.set()


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="only Linux has SCHED_IDLE")
def test_a_thread_that_is_far_ahead_gives_way_and_takes_its_share_back_when_it_starves(
    path: str, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()

    def decode_and_stall(name: str, start: int) -> Generator[tuple[int, Audio], None, None]:
        yield start, np.zeros((AHEAD + 1, 2), np.float32)
        goes_on.wait(30)

    monkeypatch.setattr(limits, "has_autogroups", lambda: True)
    monkeypatch.setattr(deck_writer, "decode", decode_and_stall)
    ring = Ring.create(0)
    writer = write(path, ring, gives_way=True)
    wait_for(lambda: ring.written == AHEAD)
    thread = writer.thread_id
    assert thread is not None
    wait_for(lambda: os.sched_getscheduler(thread) == os.SCHED_IDLE)
    assert not writer.is_starved
    ring.read(0, AHEAD - STARVED + 2)
    wait_for(lambda: writer.is_starved)
    if limits.take_share([thread]):  # not everybody may
        assert os.sched_getscheduler(thread) == os.SCHED_OTHER
    goes_on.set()
