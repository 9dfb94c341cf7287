"""Sums up once a second how punctual the engine's ticks are."""

import time

from rtc_drift.engine.protocol.messages import Health

REPORT_NS = 900_000_000
"""Least time between two reports: a second, less what a tick may be early."""


class HealthMeter:
    """Figures of the ticks since the last report."""

    def __init__(self) -> None:
        self._late_us: list[int] = []
        self._work_us: list[int] = []
        self._skipped = 0
        self._report_at_ns = 0

    def record(self, late_ns: int, work_ns: int, skipped: int) -> None:
        """Record one tick: how late it started, how long it took, how many ticks after it are left out."""
        self._late_us.append(late_ns // 1_000)
        self._work_us.append(work_ns // 1_000)
        self._skipped += skipped

    def is_due(self, now_ns: int) -> bool:
        """Return True if a second has passed since the last report; the next second begins now."""
        if now_ns < self._report_at_ns:
            return False
        self._report_at_ns = now_ns + REPORT_NS
        return True

    def report(self, tick: int, starved_blocks: int, dropped_messages: int) -> Health:
        """Return what was recorded since the last report, up to `tick`. The counters passed in are totals."""
        report = Health(
            late_us=tuple(self._late_us),
            work_us=tuple(self._work_us),
            skipped_ticks=self._skipped,
            starved_blocks=starved_blocks,
            dropped_messages=dropped_messages,
            cpu_seconds=time.process_time(),
            tick=tick,
        )
        self._late_us.clear()
        self._work_us.clear()
        self._skipped = 0
        return report
