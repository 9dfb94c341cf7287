"""How well the engine keeps its schedule, summed up once a second."""

import time

from rtc_drift.engine.protocol.messages import Health


class HealthMeter:
    """Collects a second of ticks, then gives one report."""

    def __init__(self) -> None:
        self._late_us: list[int] = []
        self._work_us: list[int] = []
        self._skipped = 0
        self._report_at_ns = 0

    def ticked(self, late_ns: int, work_ns: int, skipped: int) -> None:
        """Note one tick: how late it started, how long it took, how many after it are left out."""
        self._late_us.append(late_ns // 1_000)
        self._work_us.append(work_ns // 1_000)
        self._skipped += skipped

    def due(self, now_ns: int) -> bool:
        """Whether a second has gone by since the last report."""
        if now_ns < self._report_at_ns:
            return False
        self._report_at_ns = now_ns + 1_000_000_000
        return True

    def report(self, starved_blocks: int, dropped_messages: int) -> Health:
        """What was noted since the last report; the counters passed in are totals."""
        report = Health(
            late_us=tuple(self._late_us),
            work_us=tuple(self._work_us),
            skipped_ticks=self._skipped,
            starved_blocks=starved_blocks,
            dropped_messages=dropped_messages,
            cpu_seconds=time.process_time(),
        )
        self._late_us.clear()
        self._work_us.clear()
        self._skipped = 0
        return report
