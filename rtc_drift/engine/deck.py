"""A deck: a file decoded ahead by a thread of its own. The audio path asks and gets what is there, never waits."""

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
"""How far decoding may run ahead of what was read, in samples."""
REFILL = SAMPLE_RATE // 4
"""The thread sleeps until this much may be decoded at once: a few wake-ups a second."""
TURN_SECONDS = 0.02
"""A deck waits at most this long for another one to finish a chunk, then decodes beside it: its disk may stall."""

NICENESS = 7
"""What decoders are nicer than the thread that ticks: they have seconds, it has milliseconds."""

_turn = threading.Lock()
"""Decks decode one after the other: side by side they would wrest the interpreter from each other for each packet."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a deck's sound ends (the file's sample at 48 kHz), and why if it should not have."""

    position: int
    reason: str | None


class DeckReader(Protocol):
    """What the mixer needs of a deck."""

    @property
    def ready(self) -> bool: ...
    @property
    def ending(self) -> Ending | None: ...
    def read(self, position: int, count: int) -> Audio: ...
    def close(self) -> None: ...


class Deck:
    """Random access for a reader that goes forward: `read` gives the samples from a position on, as far as decoded.

    With `patient=True` whoever asks waits until the decoder is as far ahead as it goes: what is told then depends on
    what was read before, and not on the time. For rendering faster than real time, never on the air.
    """

    def __init__(self, path: str, start: int, *, patient: bool = False) -> None:
        self._path = path
        self._start = start
        self._patient = patient
        self._changed = threading.Condition()
        self._chunks: deque[tuple[int, Audio]] = deque()
        self._read_up_to = start
        self._decoded_up_to = start
        self._ending: Ending | None = None
        self._resting = False
        """The decoder is far enough ahead and waits for the reader."""
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"deck {path}", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether its first samples are decoded."""
        self._be_patient()
        return self._has_sound

    @property
    def ending(self) -> Ending | None:
        """Where its sound ends, as soon as the decoder knows."""
        self._be_patient()
        return self._ending

    def read(self, position: int, count: int) -> Audio:
        """Up to `count` samples from the file's sample `position` on: `(n, 2) float32`, `n <= count`, fewer if late.

        What lies before `position` is given up; a position that was given up already reads as nothing.
        """
        with self._changed:
            self._read_up_to = position + count
            if self._resting and self._decoded_up_to - self._read_up_to <= AHEAD - REFILL:
                self._resting = False
                self._changed.notify_all()
            self._be_patient()
            return self._take(position, count)

    def close(self) -> None:
        """Let the thread go; it ends by itself after the packet it is decoding. Idempotent."""
        with self._changed:
            self._closed = True
            self._chunks.clear()
            self._changed.notify_all()

    def join(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for the thread to have ended."""
        self._thread.join(timeout)

    @property
    def _has_sound(self) -> bool:
        return self._decoded_up_to > self._start

    def _be_patient(self) -> None:
        if self._patient:
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
        if not self._patient:
            _give_way()
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
            # One that has nothing to give yet does not wait.
            is_its_turn = _turn.acquire(timeout=TURN_SECONDS if self._has_sound else 0)
            try:
                chunk = next(chunks, None)
            finally:
                if is_its_turn:
                    _turn.release()
            if chunk is None:
                return
            yield chunk

    def _append(self, position: int, audio: Audio) -> bool:
        """Take decoded audio; blocks while far enough ahead; False when the deck was closed."""
        with self._changed:
            if position + len(audio) > self._read_up_to or self._patient:
                self._chunks.append((position, audio))
            self._decoded_up_to = max(self._decoded_up_to, position + len(audio))
            if self._decoded_up_to - self._read_up_to > AHEAD:
                self._resting = True
                self._changed.notify_all()
                self._changed.wait_for(lambda: not self._resting or self._closed)
            return not self._closed


def _give_way() -> None:
    """Let the other threads of the process go first; only Linux has priorities of threads."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)
