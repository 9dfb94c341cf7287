"""Gives each batch of listeners its place in a tick, so that a slow batch causes no jitter for the next one."""

import time
from collections.abc import Callable

SPREAD_NS = 16_000_000
"""Part of a tick (16 ms) over which batches are spread; the rest is for rendering and for control's messages."""
STEP_NS = 100
"""Step of the estimated time per listener, in each tick."""
QUANTILE = 0.9
"""Share of ticks in which a listener takes no longer than estimated."""


class Pacer:
    """Places of batches in a tick, as far apart as listeners need in nine ticks of ten, over `SPREAD_NS` at most.

    With more listeners than fit, batches follow each other without a pause.
    """

    def __init__(
        self, now_ns: Callable[[], int] = time.monotonic_ns, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._now_ns = now_ns
        self._sleep = sleep
        self.waited_ns = 0
        """Total time spent waiting."""
        self._tick: int | None = None
        self._began_ns = self._batch_began_ns = 0
        self._busy_ns = 0
        self._rows = 0
        """Listeners served in this tick so far."""
        self._row_ns = 0.0
        """Estimated time for one listener, seldom exceeded."""
        self._slot_ns = 0.0
        """Time reserved for one listener."""

    def begin(self, tick: int) -> None:
        """Wait for the place of the next batch in `tick`. The first batch starts at once."""
        now = self._now_ns()
        if tick != self._tick:
            self._update_estimate()
            self._tick, self._began_ns, self._busy_ns, self._rows = tick, now, 0, 0
        early_ns = self._began_ns + self._slot_ns * self._rows - now
        if early_ns > 0:
            self._sleep(early_ns / 1e9)
        self._batch_began_ns = self._now_ns()
        self.waited_ns += self._batch_began_ns - now

    def end(self, rows: int) -> None:
        """Note that a batch of `rows` listeners has been sent."""
        self._busy_ns += self._now_ns() - self._batch_began_ns
        self._rows += rows

    def _update_estimate(self) -> None:
        if self._rows:
            rises = self._busy_ns > self._row_ns * self._rows
            self._row_ns = max(0.0, self._row_ns + STEP_NS * (QUANTILE if rises else QUANTILE - 1))
            self._slot_ns = min(self._row_ns, SPREAD_NS / self._rows)
