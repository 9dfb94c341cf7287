"""Lets decks decode one after the other, the emptiest first; a slow one does not hold up the others."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TURN_SECONDS = 0.02
"""Time after which a turn is slow: the next deck decodes beside it. Its disk may be slow, or hang."""
TRIAL_SECONDS = 0.8
"""The same for a deck on trial, during which no other deck should be decoding: taking all memory may take so long."""


class _Turn:
    """A turn that a deck waits for or has."""

    def __init__(self, samples_left: int, is_trial: bool) -> None:
        self.rank = (not is_trial, samples_left)
        self.seconds = TRIAL_SECONDS if is_trial else TURN_SECONDS
        self.ends_at = 0.0
        """Time at which it stops holding up others, once it has begun."""
        self.wake = threading.Lock()
        """Released to wake the thread that waits."""
        self.wake.acquire()


class Turns:
    """The order of turns among threads.

    In parallel they would compete for the interpreter at every packet. And if the decoder dies, the file that it died
    of is most likely the only one that was being decoded.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._waiting: list[_Turn] = []
        self._present: _Turn | None = None

    @contextmanager
    def turn(self, samples_left: int, *, is_trial: bool = False) -> Iterator[None]:
        """Wait for a turn, and have it during the block.

        The deck with the fewest `samples_left` to play comes first; before all others come decks on trial.
        """
        mine = _Turn(samples_left, is_trial)
        with self._lock:
            self._waiting.append(mine)
            self._pass_on()
        while mine.ends_at == 0:
            mine.wake.acquire(timeout=self._patience(mine))
            with self._lock:
                self._pass_on()
        try:
            yield
        finally:
            with self._lock:
                if self._present is mine:
                    self._present = None
                self._pass_on()

    def _pass_on(self) -> None:
        """Begin the next turn if the present one has ended or is slow, and wake its thread and the one after it."""
        if not self._waiting or (self._present is not None and self._now() < self._present.ends_at):
            return
        turn = self._present = self._next()
        self._waiting.remove(turn)
        turn.ends_at = self._now() + turn.seconds
        for woken in (turn, self._next() if self._waiting else turn):
            if woken.wake.locked():
                woken.wake.release()

    def _next(self) -> _Turn:
        return min(self._waiting, key=lambda it: it.rank)

    def _patience(self, turn: _Turn) -> float:
        """Return the seconds until a waiting thread looks by itself; −1 if that is for another one to do."""
        with self._lock:
            if self._present is None or not self._waiting or self._next() is not turn:
                return -1
            return max(0.0, self._present.ends_at - self._now())
