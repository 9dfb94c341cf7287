"""The precedence of a job over everything else that computes on the machine: by who waits for it."""

import contextlib
import os
import time
from enum import IntEnum
from pathlib import Path

AUTOGROUPS_ENABLED = Path("/proc/sys/kernel/sched_autogroup_enabled")
AUTOGROUP = Path("/proc/self/autogroup")
AUTOGROUP_TRIES = 5
"""Linux lets processes without privileges write their autogroup ten times a second, all of them together."""


class Precedence(IntEnum):
    """The precedence of a job; the smallest value comes first. A process can't raise its own, so it keeps one."""

    URGENT = 0
    """Somebody waits for it: as any other program."""
    SOON = 1
    """Within a minute: after all who play, but never without a share of a busy core (about a tenth)."""
    BACKGROUND = 2
    """Some time: when a core has nothing else to do."""


NICENESS = {Precedence.URGENT: 0, Precedence.SOON: 10, Precedence.BACKGROUND: 19}


def take(precedence: Precedence) -> None:
    """Give this process a precedence, as far as the system allows it."""
    # An absolute value: the parent may run at a raised priority.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS[precedence])
    has_groups = has_autogroups()
    if has_groups:
        _set_autogroup(NICENESS[precedence])
    if hasattr(os, "sched_setscheduler") and precedence is not Precedence.URGENT:
        # Linux gives a core whose only work is SCHED_IDLE to a thread that wakes, and then lets that wait for some
        # milliseconds if it belongs to another session (measured on 6.18). Beside SCHED_BATCH it gets another core.
        is_idle = precedence is Precedence.BACKGROUND and not has_groups
        _set_policy(*((os.SCHED_IDLE, os.SCHED_BATCH) if is_idle else (os.SCHED_BATCH,)))


def _set_policy(*policies: int) -> None:
    """Take the first scheduling policy that the system allows."""
    for policy in policies:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, policy, os.sched_param(0))
            return


def has_autogroups() -> bool:
    """Return True if Linux shares cores among process sessions before it looks at processes."""
    try:
        return AUTOGROUPS_ENABLED.read_text().strip() == "1"
    except OSError:
        return False


def _set_autogroup(niceness: int) -> None:
    """Set the niceness of this process session: without it that of the process means nothing to other sessions."""
    for _ in range(AUTOGROUP_TRIES):
        try:
            AUTOGROUP.write_text(str(niceness))
        except BlockingIOError:
            time.sleep(0.1)
        except OSError:
            return
        else:
            return
