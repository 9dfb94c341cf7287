"""Where in a tick each batch of listeners has its place, so that a slow one is not heard as jitter by the next."""

import time
from collections.abc import Callable

SPREAD_NS = 16_000_000
"""Within so much of a tick all are served; the rest is for rendering and for what control says."""
STEP_NS = 100
"""How far the estimate of a listener's time moves in a tick."""
QUANTILE = 0.9


class Pacer:
    """Spaces batches by what a listener takes in nine ticks of ten, up to `SPREAD_NS` in all.

    With more listeners than fit, nobody is waited for: they are served as fast as it goes.
    """

    def __init__(
        self, now_ns: Callable[[], int] = time.monotonic_ns, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._now_ns = now_ns
        self._sleep = sleep
        self.waited_ns = 0
        """In all."""
        self._tick: int | None = None
        self._began_ns = self._batch_began_ns = 0
        self._busy_ns = 0
        self._rows = 0
        """Served in this tick so far."""
        self._row_ns = 0.0
        """What a listener takes, seldom more."""
        self._slot_ns = 0.0
        """What a listener is given."""

    def begin(self, tick: int) -> None:
        """Wait for the next batch's place in a tick; the first batch is at once."""
        now = self._now_ns()
        if tick != self._tick:
            self._learn()
            self._tick, self._began_ns, self._busy_ns, self._rows = tick, now, 0, 0
        early_ns = self._began_ns + self._slot_ns * self._rows - now
        if early_ns > 0:
            self._sleep(early_ns / 1e9)
        self._batch_began_ns = self._now_ns()
        self.waited_ns += self._batch_began_ns - now

    def end(self, rows: int) -> None:
        """A batch of so many listeners has been sent."""
        self._busy_ns += self._now_ns() - self._batch_began_ns
        self._rows += rows

    def _learn(self) -> None:
        if self._rows:
            rises = self._busy_ns > self._row_ns * self._rows
            self._row_ns = max(0.0, self._row_ns + STEP_NS * (QUANTILE if rises else QUANTILE - 1))
            self._slot_ns = min(self._row_ns, SPREAD_NS / self._rows)
