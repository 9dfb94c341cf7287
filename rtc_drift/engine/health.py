"""How well the engine keeps its schedule, summed up once a second."""

import time

import numpy as np

from rtc_drift.engine.messages import Health
from rtc_drift.media import BLOCKS_PER_SECOND


class HealthMeter:
    """Collects a second of ticks, then gives one report."""

    def __init__(self) -> None:
        self._late_ns: list[int] = []
        self._work_ns: list[int] = []
        self._skipped = 0

    def ticked(self, late_ns: int, work_ns: int, skipped: int) -> None:
        """Note one tick: how late it started, how long it took, how many after it are left out."""
        self._late_ns.append(late_ns)
        self._work_ns.append(work_ns)
        self._skipped += skipped

    def report(self, starved_blocks: int, dropped_messages: int) -> Health | None:
        """The report, when a second of ticks is full; the counters passed in are totals."""
        if len(self._late_ns) < BLOCKS_PER_SECOND:
            return None
        late = np.percentile(self._late_ns, (50, 99, 100)) / 1e6
        report = Health(
            ticks=len(self._late_ns),
            skipped_ticks=self._skipped,
            late_p50_ms=float(late[0]),
            late_p99_ms=float(late[1]),
            late_max_ms=float(late[2]),
            work_p99_ms=float(np.percentile(self._work_ns, 99)) / 1e6,
            starved_blocks=starved_blocks,
            dropped_messages=dropped_messages,
            cpu_seconds=time.process_time(),
        )
        self._late_ns.clear()
        self._work_ns.clear()
        self._skipped = 0
        return report
