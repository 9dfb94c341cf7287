"""Decodes one file into the ring of a deck, in a thread of its own, as far ahead as the ring takes."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtc_drift.audio.decoding import TooMuchMemoryError
from rtc_drift.audio.seeking import DecodeError, decode
from rtc_drift.decoder.limits import give_way
from rtc_drift.decoder.ring import Ring
from rtc_drift.decoder.turns import Turns
from rtc_drift.media import SAMPLE_RATE, Audio

logger = logging.getLogger(__name__)

REFILL = SAMPLE_RATE // 4
"""Samples (250 ms) that must be read before a resting thread goes on. Decoding more at a time would hold up others."""
STARVED = SAMPLE_RATE * 3 // 2
"""Samples (1.5 s) left, below which a thread that was far ahead gets too little of the machine."""
READING_SECONDS = 0.08
"""Time between two reads of a playing deck."""
LONGEST_REST_SECONDS = 1.5
"""Longest time until a resting thread looks again: nobody tells it that a station that stood still plays again."""
OUT_OF_MEMORY = 77
"""Exit status of a decoder that has reached its limit of memory."""


class DeckWriter:
    """The decoding of one deck. A read that hangs stalls this thread only."""

    def __init__(
        self, path: str, ring: Ring, turns: Turns, *, is_suspect: bool = False, gives_way: bool = False
    ) -> None:
        """Decode from where the ring stands.

        A suspect is tried alone until it has given samples. A thread that `gives_way` does so once it is far ahead.
        """
        self._path = path
        self._ring = ring
        self._turns = turns
        self._is_suspect = is_suspect
        self._gives_way = gives_way
        self._was_ahead = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"deck {path}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Have the thread end after the packet that it is decoding. Idempotent."""
        self._closed.set()

    @property
    def thread_id(self) -> int | None:
        """Id of the thread by the system's count, or None before it runs."""
        return self._thread.native_id

    @property
    def is_starved(self) -> bool:
        """True if it was far ahead and is not any more, though the file has not ended."""
        return self._was_ahead and self._ring.written - self._ring.wanted < STARVED and self._ring.ending is None

    def join(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the thread to end. Return True if it has."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._decode()
        except Exception as error:
            logger.exception("Decoding %s failed unexpectedly", self._path)
            self._ring.end(f"The file can't be decoded ({error}).")
        finally:
            self._ring.close()

    def _decode(self) -> None:
        ring, reason = self._ring, None
        first = ring.skip_late()
        try:
            for position, audio in self._chunks(first):
                self._write(audio[max(0, ring.written - position) :])
            if self._closed.is_set():
                return
        except OSError as error:
            reason = f"The file can't be read ({error.strerror or error})."
        except DecodeError as error:
            reason = str(error)
        if reason is None and first == ring.written == 0:
            reason = "The file holds no audio."
        ring.end(reason)

    def _chunks(self, first: int) -> Iterator[tuple[int, Audio]]:
        """Yield what `decode` yields from the position on; all of its work is done in turns."""
        with self._turn():
            if not self._ring.is_same_file(Path(self._path).stat()):
                raise DecodeError("The file was replaced while it was playing.")
            chunks = decode(self._path, first)
        try:
            while True:
                with self._turn():
                    chunk = None if self._closed.is_set() else next(chunks, None)
                if chunk is None:
                    return
                yield chunk
        finally:
            with self._turn():
                chunks.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for a turn. If the process dies during the block, the ring tells that it was at this file."""
        ring = self._ring
        with self._turns.turn(ring.written - ring.wanted, is_trial=self._is_suspect):
            ring.note_decoding(True)
            try:
                yield
            except (MemoryError, TooMuchMemoryError):
                # Some file takes all of it, perhaps not this one. The next decoder finds out which.
                logger.error("The decoder has reached its limit of memory at %s", self._path)
                os._exit(OUT_OF_MEMORY)
            finally:
                ring.note_decoding(False)

    def _write(self, audio: Audio) -> None:
        """Write samples as soon as there is room, unless the deck is closed."""
        while len(audio) and not self._closed.is_set():
            audio = audio[self._ring.write(audio) :]
            self._is_suspect = False
            if len(audio):
                self._rest()

    def _rest(self) -> None:
        """Wait until there is room for a quarter of a second of samples, or the deck is closed."""
        if not self._was_ahead:
            self._was_ahead = True
            if self._gives_way:
                give_way()
        ring, wanted, pause = self._ring, self._ring.wanted, 0.0
        while ring.room < REFILL:
            is_read = ring.wanted != wanted
            wanted = ring.wanted
            until_room = (REFILL - ring.room) / SAMPLE_RATE + READING_SECONDS
            pause = until_room if is_read else min(LONGEST_REST_SECONDS, max(2 * pause, until_room / 4))
            if self._closed.wait(pause):
                return
