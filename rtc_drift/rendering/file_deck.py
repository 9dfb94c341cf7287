"""A deck that decodes when it is read, in the same thread: for rendering faster than real time."""

import logging
from collections import deque

import numpy as np

from rtc_drift.audio.seeking import DecodeError, decode
from rtc_drift.decoder.ring import AHEAD, Ending
from rtc_drift.media import Audio

logger = logging.getLogger(__name__)


class FileDeck:
    """A file read forward from any position. It is decoded as far ahead as on a live station, so endings are known."""

    def __init__(self, path: str, start: int) -> None:
        """Open a file; decoding begins with the first read."""
        self._path = path
        self._start = start
        self._source = decode(path, start)
        self._chunks: deque[tuple[int, Audio]] = deque()
        self._read_up_to = start
        self._decoded_up_to = start
        self._ending: Ending | None = None

    @property
    def ready(self) -> bool:
        """True if it has sound."""
        self._decode_ahead()
        return self._decoded_up_to > self._start

    @property
    def ending(self) -> Ending | None:
        """End of its sound, or None if that is more than four seconds ahead."""
        self._decode_ahead()
        return self._ending

    def read(self, position: int, count: int) -> Audio:
        """Read `count` samples from the file's sample `position` on: `(n, 2) float32`, fewer at its end.

        Samples before `position` are dropped; a later read gives nothing for them.
        """
        self._read_up_to = max(self._read_up_to, position + count)
        self._decode_ahead()
        return self._take(position, count)

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._source.close()
        self._chunks.clear()

    def _decode_ahead(self) -> None:
        while self._ending is None and self._decoded_up_to - self._read_up_to <= AHEAD:
            reason: str | None = None
            try:
                chunk = next(self._source, None)
            except DecodeError as error:
                chunk, reason = None, str(error)
            except Exception as error:
                logger.exception("Decoding %s failed unexpectedly", self._path)
                chunk, reason = None, f"The file can't be decoded ({error})."
            if chunk is None:
                if reason is None and self._decoded_up_to == self._start == 0:
                    reason = "The file holds no audio."
                self._ending = Ending(self._decoded_up_to, reason)
            else:
                self._chunks.append(chunk)
                self._decoded_up_to = max(self._decoded_up_to, chunk[0] + len(chunk[1]))

    def _take(self, position: int, count: int) -> Audio:
        parts: list[Audio] = []
        while self._chunks and count:
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
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, 2), np.float32)
