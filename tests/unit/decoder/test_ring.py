"""The ring: what one side writes the other reads, in order, once, whoever dies in between."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.decoder.ring import AHEAD, CAPACITY, Ending, Ring
from rtc_drift.media import Audio


def numbered(first: int, count: int) -> Audio:
    """Samples that tell their position."""
    positions = np.arange(first, first + count, dtype=np.float32)
    return np.stack((positions, -positions), axis=1)


def another_end(ring: Ring) -> Ring:
    return Ring(os.dup(ring.fd))


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 3 * CAPACITY),
    st.lists(st.tuples(st.sampled_from(["write", "read", "skip", "other writer"]), st.integers(1, AHEAD)), max_size=40),
)
def test_every_sample_is_read_once_and_in_its_place(start: int, steps: list[tuple[str, int]]) -> None:
    reader = Ring.create(start)
    writer, position = another_end(reader), start
    for step, count in steps:
        if step == "write":
            before = writer.written
            taken = writer.write(numbered(before, count))
            assert writer.written == reader.written == before + taken
            assert reader.written - reader.wanted <= AHEAD
        elif step == "read":
            expected = max(0, min(count, reader.written - position))
            assert np.array_equal(reader.read(position, count), numbered(position, expected))
            position += count
        elif step == "skip":  # the reader jumps ahead
            position += count
        else:  # the writer died, and another one goes on
            writer.close()
            writer = another_end(reader)
            assert writer.skip_late() >= reader.wanted
    reader.close()
    writer.close()


def test_a_view_stays_as_it_was_while_the_writer_goes_on() -> None:
    ring = Ring.create(0)
    ring.write(numbered(0, AHEAD))
    view = ring.read(0, 3_840)
    while ring.write(numbered(ring.written, 12_000)):
        pass
    assert np.array_equal(view, numbered(0, 3_840))
    ring.close()


def test_samples_before_the_last_read_are_gone() -> None:
    ring = Ring.create(100)
    ring.write(numbered(100, 1_000))
    assert len(ring.read(100, 960)) == 960
    assert len(ring.read(100, 960)) == 0
    assert len(ring.read(1_060, 960)) == 40, "the rest is late"
    ring.close()


@pytest.mark.parametrize("reason", [None, "The file breaks off.", "ä" * 4_000])
def test_the_end_and_its_reason_reach_the_reader(reason: str | None) -> None:
    ring = Ring.create(5)
    other = another_end(ring)
    assert ring.ending is None
    other.write(numbered(5, 10))
    other.end(reason)
    ending = ring.ending
    assert isinstance(ending, Ending)
    assert ending.position == 15
    assert (ending.reason or "")[:20] == (reason or "")[:20]
    assert len((ending.reason or "").encode()) < 1_000
    ring.close()
    other.close()


def test_a_ring_tells_what_was_going_on_when_its_writer_died() -> None:
    ring, other = Ring.create(0), None
    other = another_end(ring)
    other.note_decoding(True)
    other.close()
    del other
    assert ring.is_being_decoded
    ring.note_decoding(False)
    assert not ring.is_being_decoded
    ring.close()


def test_a_ring_knows_its_file_again(tmp_path: os.PathLike[str]) -> None:
    first, second = (os.path.join(tmp_path, name) for name in ("first", "second"))  # noqa: PTH118
    for path in (first, second):
        with open(path, "w") as file:  # noqa: PTH123
            file.write(path)
    ring = Ring.create(0)
    assert ring.is_same_file(os.stat(first))  # noqa: PTH116
    assert ring.is_same_file(os.stat(first))  # noqa: PTH116
    assert not ring.is_same_file(os.stat(second))  # noqa: PTH116
    ring.close()


def test_its_memory_has_no_name_and_goes_with_its_last_user() -> None:
    def rings() -> int:
        maps = open("/proc/self/maps").read()  # noqa: PTH123, SIM115
        return maps.count("memfd:ring")

    before = rings()
    ring = Ring.create(0)
    assert rings() == before + 1
    ring.close()
    ring.close()
    del ring
    assert rings() == before
