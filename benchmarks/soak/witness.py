"""A witness of the machine: a process on the server's core that goes before all others and only looks at the clock.

`python -m benchmarks.soak.witness FILE` appends a line of JSON for each second: how late it woke up at worst. If it was
late, the machine stood still (its hypervisor gave the core to others, say), and the server can't be blamed.
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

PERIOD_NS = 5_000_000
PRIORITY = 50
"""Real-time priority, above the engine's."""


def main() -> None:
    """Watch until the process is ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {0})
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    with Path(sys.argv[1]).open("a", encoding="utf-8") as file:
        due, second, worst_ns = time.monotonic_ns(), int(time.time()), 0
        while True:
            due += PERIOD_NS
            time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
            now_ns = time.monotonic_ns()
            worst_ns = max(worst_ns, now_ns - due)
            due = max(due, now_ns - PERIOD_NS)
            if (now := int(time.time())) != second:
                file.write(json.dumps({"stalled": second, "ms": round(worst_ns / 1e6, 3)}) + "\n")
                file.flush()
                second, worst_ns = now, 0


if __name__ == "__main__":
    main()
