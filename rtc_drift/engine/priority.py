"""Gives the tick thread priority over everything else on its core, as long as it leaves some of the core to others."""

import contextlib
import os
import time
from collections.abc import Callable

REAL_TIME_PRIORITY = 5
"""Real-time priority (1 to 99), where the system allows it: a tick interrupts anything else on the core."""
NICENESS = -11
"""Niceness where real-time priority is not allowed, or while the thread needs more than its share."""
TOO_BUSY = 0.92
"""Share of a core above which the thread gives up real-time priority: otherwise control could starve."""
CALM = 0.8
"""Share of a core below which the thread takes real-time priority again."""


class TickPriority:
    """The priority of the thread that creates it. Threads started later inherit it, and decoders give it back."""

    def __init__(
        self,
        set_real_time: Callable[[bool], None] | None = None,
        cpu_ns: Callable[[], int] = time.thread_time_ns,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Raise the priority. `set_real_time` raises OSError where that is not allowed."""
        self._set = set_real_time or _set_real_time
        self._cpu_ns, self._now_ns = cpu_ns, now_ns
        self._before = cpu_ns(), now_ns()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
        self.is_real_time: bool | None = self._try(True) or None
        """True while the thread has real-time priority; None if this system does not allow it."""

    def adjust(self) -> None:
        """Give up real-time priority if the thread is too busy, take it back when it is calm. Call once a second."""
        (cpu, now), before = (self._cpu_ns(), self._now_ns()), self._before
        self._before = cpu, now
        share = (cpu - before[0]) / max(1, now - before[1])
        if self.is_real_time and share > TOO_BUSY:
            self.is_real_time = not self._try(False)
        elif self.is_real_time is False and share < CALM:
            self.is_real_time = self._try(True)

    def _try(self, real_time: bool) -> bool:
        try:
            self._set(real_time)
        except OSError:
            return False
        return True


def _set_real_time(real_time: bool) -> None:
    if not hasattr(os, "sched_setscheduler"):
        raise OSError("only Linux has thread priorities")
    if real_time:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(REAL_TIME_PRIORITY))
    else:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
