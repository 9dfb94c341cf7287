"""A deck whose file the decoder process decodes: the engine reads memory, and nothing else."""

from collections.abc import Callable

import numpy as np

from rtc_drift.decoder.ring import Ending, Ring
from rtc_drift.media import SAMPLE_RATE, Audio

CRASHED = "The decoder crashed on this file."
RESCUE = SAMPLE_RATE // 2
"""Samples (0.5 s) that another track needs to come in: a suspect that has no more left is not waited for."""


class RingDeck:
    """The engine's end of a ring. `Decks` opens it."""

    def __init__(self, path: str, ring: Ring, start: int, on_close: Callable[[], None]) -> None:
        self.path = path
        self.ring = ring
        self._start = start
        self._on_close = on_close
        self._is_read = False
        self._failure: Ending | None = None
        self.is_suspect = False
        """True if a decoder has crashed at this file."""

    @property
    def ready(self) -> bool:
        """True if its first samples are decoded."""
        return self.ring.written > self._start

    @property
    def ending(self) -> Ending | None:
        """End of its sound, or None if the decoder has not reached it.

        A suspect that is being played ends with what is decoded, if that won't last until the next decoder has tried.
        """
        ending = self._failure or self.ring.ending
        if ending is None and self.is_suspect and self._is_read and self.ring.written - self.ring.wanted < RESCUE:
            self.give_up()
        return ending or self._failure

    def read(self, position: int, count: int) -> Audio:
        """Read up to `count` samples from the file's sample `position` on: `(n, 2) float32`, fewer if they are late.

        Samples are read once: a later read from before `position + count` gives nothing.
        """
        self._is_read = True
        return self.ring.read(position, count)

    def give_up(self) -> None:
        """Let its sound end with what is decoded, because decoders crash at this file."""
        self._failure = Ending(self.ring.written, CRASHED)

    def close(self) -> None:
        """Have the decoder stop. Idempotent."""
        self._on_close()
        self.ring.close()


class FailedDeck:
    """A deck that could not be opened, because the system has no descriptor or no memory left."""

    def __init__(self, start: int, reason: str) -> None:
        self.ready = False
        self.ending = Ending(start, reason)

    def read(self, position: int, count: int) -> Audio:
        """Return no samples."""
        return np.empty((0, 2), np.float32)

    def close(self) -> None:
        """Do nothing."""
