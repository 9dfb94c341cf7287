"""Bounds what the decoder takes from the machine: time that the engine needs, and memory that others need."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from rtc_drift.workers.precedence import has_autogroups
from rtc_drift.workers.sandbox import limit_address_space

NICENESS = 2
"""Niceness relative to control's, while decks are not far ahead: somebody may be waiting for the first samples."""
MEMORY = 512 << 20
"""Address space (bytes) for decoding, besides that of decks and modules: taken within a fraction of a second.

With the modules that is less than 1 GiB. With more, a file that takes all of it would be at it for longer than its
turn, and others would be decoded and blamed with it.
"""
MEMORY_PER_DECK = 16 << 20
"""Address space (bytes) for one more deck. Most use three to six million, two of them for the ring."""
FIRST_TO_GO = 800
"""Rank, −1000 to 1000, by which the system chooses a process to end if the machine runs out of memory."""


def lower_priority() -> None:
    """Let the engine and control go first. The niceness of control is inherited."""
    with suppress(OSError):
        os.nice(NICENESS)


def give_way() -> None:
    """Have this thread run only while a core has nothing else to do, where other programs can't take all cores so.

    With autogroups Linux shares cores among sessions first, and control, engine and decoder are in one: only they go
    before this thread in it. A niceness is not enough: the engine's tick would wait for up to 3 ms.
    """
    if hasattr(os, "SCHED_IDLE") and has_autogroups():
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def take_share(threads: Iterable[int]) -> bool:
    """Give threads their share of a busy core back. Return False if that takes rights which this process has not."""
    try:
        for thread in threads:
            if hasattr(os, "sched_setscheduler"):
                with suppress(ProcessLookupError):
                    os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
    except PermissionError:
        return False
    return True


def limit_memory(decks: int) -> None:
    """Let a file that makes ffmpeg allocate without end fail early, while the other decks are far ahead."""
    limit_address_space(MEMORY + decks * MEMORY_PER_DECK)


def go_first() -> None:
    """Have the system end this process before others if the machine runs out of memory: nobody hears it."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_GO), encoding="ascii")
