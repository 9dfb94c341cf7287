"""A deck whose file the decoder process decodes: the engine reads memory, and nothing else."""

from collections.abc import Callable

import numpy as np

from rtc_drift.decoder.ring import Ending, Ring
from rtc_drift.media import Audio


class RingDeck:
    """The engine's end of a ring. `Decks` opens it."""

    def __init__(self, path: str, ring: Ring, start: int, on_close: Callable[[], None]) -> None:
        self.path = path
        self.ring = ring
        self._start = start
        self._on_close = on_close
        self._failure: Ending | None = None

    @property
    def ready(self) -> bool:
        """True if its first samples are decoded."""
        return self.ring.written > self._start

    @property
    def ending(self) -> Ending | None:
        """End of its sound, or None if the decoder has not reached it."""
        return self._failure or self.ring.ending

    def read(self, position: int, count: int) -> Audio:
        """Read up to `count` samples from the file's sample `position` on: `(n, 2) float32`, fewer if they are late.

        Samples are read once: a later read from before `position + count` gives nothing.
        """
        return self.ring.read(position, count)

    def give_up(self, reason: str) -> None:
        """Let its sound end with what is decoded."""
        self._failure = Ending(self.ring.written, reason)

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
