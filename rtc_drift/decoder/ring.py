"""Seconds of a file's sound in memory that a deck shares with the thread that decodes for it.

One side writes, the other reads; neither takes a lock or waits. Each counter has one writer, which sets it after the
samples. If the writer dies, the reader keeps what is written, and a new writer goes on where the counter stands.
"""

import mmap
import os
import sys
import tempfile
from dataclasses import dataclass
from typing import Self

import numpy as np

from rtc_drift.media import SAMPLE_RATE, Audio

AHEAD = 4 * SAMPLE_RATE
"""Samples (4 s) by which writing may run ahead of reading."""
CAPACITY = AHEAD + SAMPLE_RATE // 2
"""Samples that a ring holds. What was read last stays for another half second, so a reader needs no copy of it."""

_HEAD_BYTES = 1_024
_REASON_AT = 128
_BYTES_PER_SAMPLE = 8
_SIZE = _HEAD_BYTES + CAPACITY * _BYTES_PER_SAMPLE
# The places of the 64-bit counters.
_WRITTEN, _DECODED, _WANTED, _ENDED, _REASON_LENGTH, _DECODING, _FILE = range(7)
_NOT_ENDED = -1
_FILE_VALUES = 4


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a file's sound (its sample at 48 kHz), and the reason if it came too early."""

    position: int
    reason: str | None


class Ring:
    """The samples of one file from a position on, in shared memory without a name.

    Positions are the file's samples at 48 kHz. The memory is gone with the last process that holds it.
    """

    def __init__(self, fd: int) -> None:
        """Take over a descriptor that `create` made, also in another process."""
        self.fd = fd
        memory = mmap.mmap(fd, _SIZE)
        self._memory = memory
        self._counters = memoryview(memory)[:_REASON_AT].cast("q")
        self._samples = np.frombuffer(memory, np.float32, CAPACITY * 2, _HEAD_BYTES).reshape(CAPACITY, 2)

    @classmethod
    def create(cls, start: int) -> Self:
        """Make an empty ring for the samples from `start` on. Raises OSError."""
        fd = _memory_without_name()
        try:
            os.ftruncate(fd, _SIZE)
            ring = cls(fd)
        except BaseException:
            os.close(fd)
            raise
        ring._counters[_WRITTEN] = ring._counters[_WANTED] = start
        ring._counters[_ENDED] = _NOT_ENDED
        return ring

    @property
    def written(self) -> int:
        """Position up to which samples are written."""
        return self._counters[_WRITTEN]

    @property
    def decoded(self) -> int:
        """Number of samples that all writers together have decoded; what they skipped is not counted."""
        return self._counters[_DECODED]

    @property
    def wanted(self) -> int:
        """Position from which on samples are still wanted: up to there they were read, or came too late."""
        return self._counters[_WANTED]

    @property
    def ending(self) -> Ending | None:
        """End of the file's sound, or None if it is not known yet."""
        position = self._counters[_ENDED]
        if position == _NOT_ENDED:
            return None
        text = self._memory[_REASON_AT : _REASON_AT + self._counters[_REASON_LENGTH]]
        return Ending(position, text.decode("utf-8", "replace") or None)

    @property
    def is_being_decoded(self) -> bool:
        """True while the decoder works on this file; true for good if it died of that."""
        return bool(self._counters[_DECODING])

    def close(self) -> None:
        """Give back the descriptor. The memory goes with the last view of it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    # --- the reader ---------------------------------------------------------------------------------------------------

    def read(self, position: int, count: int) -> Audio:
        """Read up to `count` samples from `position` on: `(n, 2) float32`, fewer if they are not written yet.

        Samples are read once: what lies before `position + count` is given up. The array is valid for half a second
        of further reading.
        """
        written, wanted = self.written, self.wanted
        self._counters[_WANTED] = max(wanted, position + count)
        count = min(count, written - position)
        if count <= 0 or position < wanted:
            return np.empty((0, 2), np.float32)
        at = position % CAPACITY
        if at + count <= CAPACITY:
            return self._samples[at : at + count]
        return np.concatenate((self._samples[at:], self._samples[: at + count - CAPACITY]))

    # --- the writer ---------------------------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """Number of samples that may be written now."""
        return max(0, self.wanted + AHEAD - self.written)

    def write(self, audio: Audio) -> int:
        """Write samples as far as there is room: `(n, 2) float32`, from `written` on. Return how many were taken."""
        written, wanted = self.written, self.wanted
        count = min(len(audio), max(0, wanted + AHEAD - written))
        late = min(count, max(0, wanted - written))  # nobody wants these any more
        audio, at = audio[late:count], (written + late) % CAPACITY
        first = min(len(audio), CAPACITY - at)
        # numpy takes locks around copies of this size, so other cores see the samples before the counter.
        self._samples[at : at + first] = audio[:first]
        self._samples[: len(audio) - first] = audio[first:]
        self._counters[_WRITTEN] = written + count
        self._counters[_DECODED] += count
        return count

    def skip_late(self) -> int:
        """Give up what nobody wants any more, before writing begins. Return the position to write from."""
        self._counters[_WRITTEN] = max(self.written, self.wanted)
        return self.written

    def end(self, reason: str | None) -> None:
        """Note that the file has no sound after what is written, and why if that is too early."""
        text = (reason or "").encode("utf-8", "replace")[: _HEAD_BYTES - _REASON_AT]
        self._memory[_REASON_AT : _REASON_AT + len(text)] = text
        self._counters[_REASON_LENGTH] = len(text)
        self._counters[_ENDED] = self.written

    def note_decoding(self, busy: bool) -> None:
        """Note that decoding this file has begun, or that the decoder has survived it."""
        self._counters[_DECODING] = busy

    def is_same_file(self, status: os.stat_result) -> bool:
        """Note which file is decoded. Return False if another decoder before this one had another file."""
        seen = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        places = range(_FILE, _FILE + _FILE_VALUES)
        values = [value & 0x7FFF_FFFF_FFFF_FFFF for value in seen]
        known = [self._counters[place] for place in places]
        for place, value in zip(places, values, strict=True):
            self._counters[place] = value
        return not any(known) or known == values


def _memory_without_name() -> int:
    """Return a descriptor of memory that no folder lists: nothing stays when its last user is killed."""
    if sys.platform == "linux":
        return os.memfd_create("ring", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
