"""Lets decks decode one after the other, the emptiest first; a slow one does not hold up the others."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

TURN_SECONDS = 0.02
"""Time after which a turn is slow: the next deck decodes beside it. Its disk may be slow, or hang."""
TRIAL_SECONDS = 0.3
"""The same for a deck on trial, during which no other deck should be decoding."""


@dataclass(eq=False, slots=True)
class _Turn:
    """A turn that a deck waits for or has."""

    samples_left: int
    is_trial: bool
    ends_at: float = 0.0
    """Time at which it stops holding up others, once it has begun."""


class Turns:
    """The order of turns among threads.

    In parallel they would compete for the interpreter at every packet. And if the decoder dies, the file that it died
    of is most likely the only one that was being decoded.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._changed = threading.Condition()
        self._waiting: list[_Turn] = []
        self._present: _Turn | None = None

    @contextmanager
    def turn(self, samples_left: int, *, is_trial: bool = False) -> Iterator[None]:
        """Wait for a turn, and have it during the block.

        The deck with the fewest `samples_left` to play comes first; before all others come decks on trial.
        """
        mine = _Turn(samples_left, is_trial)
        with self._changed:
            self._waiting.append(mine)
            while not self._may_begin(mine):
                present = self._present
                self._changed.wait(None if present is None else max(0.0, present.ends_at - self._now()))
            self._waiting.remove(mine)
            mine.ends_at = self._now() + (TRIAL_SECONDS if is_trial else TURN_SECONDS)
            self._present = mine
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                if self._present is mine:
                    self._present = None
                    self._changed.notify_all()

    def _may_begin(self, turn: _Turn) -> bool:
        is_free = self._present is None or self._now() >= self._present.ends_at
        return is_free and turn is min(self._waiting, key=lambda it: (not it.is_trial, it.samples_left))
