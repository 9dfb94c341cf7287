"""A deck: a file decoded ahead by a thread of its own. Reading never waits: it gives what is decoded by then."""

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rtc_drift.audio.seeking import DecodeError, decode
from rtc_drift.media import SAMPLE_RATE, Audio

logger = logging.getLogger(__name__)

AHEAD = 4 * SAMPLE_RATE
"""Samples (4 s) by which decoding may run ahead of reading."""
REFILL = SAMPLE_RATE // 4
"""Samples (250 ms) that must be read before a resting thread goes on, so that it wakes up only a few times a second."""
TURN_SECONDS = 0.02
"""Longest time a deck waits while another one decodes a chunk. Then both decode: the other's disk may be slow."""

NICENESS = 7
"""Niceness of decoders relative to the tick thread: they have seconds of time, it has milliseconds."""

_turn = threading.Lock()
"""Makes decks decode one after the other. In parallel they would compete for the interpreter at every packet."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a deck's sound (the file's sample at 48 kHz), and the reason if it came too early."""

    position: int
    reason: str | None


class DeckReader(Protocol):
    """The part of a deck that the mixer uses."""

    @property
    def ready(self) -> bool:
        """True if its first samples are decoded."""

    @property
    def ending(self) -> Ending | None:
        """End of its sound, or None if it is not known yet."""

    def read(self, position: int, count: int) -> Audio:
        """Read up to `count` samples from `position` on: `(n, 2) float32`, fewer if they are late."""

    def close(self) -> None:
        """Stop decoding. Idempotent."""


class Deck:
    """A file open for reading forward from any position. `read` gives what is decoded so far.

    With `blocking=True` every call waits until the decoder is as far ahead as it may be. The result then depends on
    earlier reads and not on time: for rendering faster than real time, never for live stations.
    """

    def __init__(self, path: str, start: int, *, blocking: bool = False) -> None:
        self._path = path
        self._start = start
        self._blocking = blocking
        self._changed = threading.Condition()
        self._chunks: deque[tuple[int, Audio]] = deque()
        self._read_up_to = start
        self._decoded_up_to = start
        self._ending: Ending | None = None
        self._resting = False
        """True while the decoder is far enough ahead and waits for the reader."""
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"deck {path}", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """True if its first samples are decoded."""
        self._wait_if_blocking()
        return self._has_sound

    @property
    def ending(self) -> Ending | None:
        """End of its sound, or None if the decoder has not reached it."""
        self._wait_if_blocking()
        return self._ending

    def read(self, position: int, count: int) -> Audio:
        """Read up to `count` samples from the file's sample `position` on: `(n, 2) float32`, fewer if they are late.

        Samples before `position` are dropped; a later read gives nothing for them.
        """
        with self._changed:
            self._read_up_to = position + count
            if self._resting and self._decoded_up_to - self._read_up_to <= AHEAD - REFILL:
                self._resting = False
                self._changed.notify_all()
            self._wait_if_blocking()
            return self._take(position, count)

    def close(self) -> None:
        """Stop the thread, which ends after the packet it is decoding. Idempotent."""
        with self._changed:
            self._closed = True
            self._chunks.clear()
            self._changed.notify_all()

    def join(self, timeout: float) -> None:
        """Wait up to `timeout` seconds until the thread has ended."""
        self._thread.join(timeout)

    @property
    def _has_sound(self) -> bool:
        return self._decoded_up_to > self._start

    def _wait_if_blocking(self) -> None:
        if self._blocking:
            with self._changed:
                self._changed.wait_for(lambda: self._resting or self._closed or self._ending is not None)

    def _take(self, position: int, count: int) -> Audio:
        parts: list[Audio] = []
        while self._chunks:
            first, chunk = self._chunks[0]
            if first + len(chunk) <= position:
                self._chunks.popleft()
                continue
            if first > position:
                break
            part = chunk[position - first : position - first + count]
            parts.append(part)
            position += len(part)
            count -= len(part)
            if count == 0:
                break
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, 2), np.float32)

    def _run(self) -> None:
        if not self._blocking:
            _lower_priority()
        reason: str | None = None
        try:
            for position, audio in self._decode_in_turn():
                if not self._append(position, audio):
                    return
        except DecodeError as error:
            reason = str(error)
        except Exception as error:
            logger.exception("Decoding %s failed unexpectedly", self._path)
            reason = f"The file can't be decoded ({error})."
        with self._changed:
            if not self._has_sound and reason is None:
                reason = "The file holds no audio."
            self._ending = Ending(self._decoded_up_to, reason)
            self._changed.notify_all()

    def _decode_in_turn(self) -> Iterator[tuple[int, Audio]]:
        chunks = decode(self._path, self._start)
        while True:
            # A deck without any sound yet does not wait for its turn.
            has_turn = _turn.acquire(timeout=TURN_SECONDS if self._has_sound else 0)
            try:
                chunk = next(chunks, None)
            finally:
                if has_turn:
                    _turn.release()
            if chunk is None:
                return
            yield chunk

    def _append(self, position: int, audio: Audio) -> bool:
        """Take decoded audio, then wait while far enough ahead. Return False if the deck is closed."""
        with self._changed:
            if position + len(audio) > self._read_up_to or self._blocking:
                self._chunks.append((position, audio))
            self._decoded_up_to = max(self._decoded_up_to, position + len(audio))
            if self._decoded_up_to - self._read_up_to > AHEAD:
                self._resting = True
                self._changed.notify_all()
                self._changed.wait_for(lambda: not self._resting or self._closed)
            return not self._closed


def _lower_priority() -> None:
    """Let the other threads of the process go first. Only Linux has thread priorities."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)
