"""Bounds what the decoder takes from the machine: time that the engine needs, and memory that others need."""

import os
import sys
from contextlib import suppress
from pathlib import Path

NICENESS = 10
"""Niceness: decks have seconds of time, the engine has milliseconds."""
MOST_MEMORY = 2 << 30
"""Upper limit (2 GiB) of the memory of all decks; on smaller machines half of what there is."""
FIRST_TO_GO = 800
"""If the machine runs out of memory, the system ends this process before others: nobody hears it. −1000 to 1000."""


def lower_priority() -> None:
    """Let the engine and control go first. Control's niceness is inherited, and may be raised."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)


def limit_memory() -> None:
    """Have a file that makes ffmpeg allocate without end fail, or end this process before others."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_GO), encoding="ascii")
    if sys.platform == "linux":
        import resource

        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        most = min(MOST_MEMORY, physical // 2)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))
