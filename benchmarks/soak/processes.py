"""The processes of a server by what they are, and what the system says of each (Linux)."""

import contextlib
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

MODULES = {"rtc_drift.engine": "engine", "rtc_drift.decoder": "decoder", "rtc_drift.workers.process": "worker"}


@dataclass(frozen=True, slots=True)
class Reading:
    """A process at one moment."""

    role: str
    """`control`, `engine`, `decoder` or `worker`."""
    pid: int
    memory_mb: float
    """Its own memory: anonymous, and its share of the rings. Files that are mapped don't count."""
    descriptors: int
    threads: int


def children(control: int) -> dict[str, list[int]]:
    """Return the ids of the processes that control has started, by role."""
    found: dict[str, list[int]] = {}
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(control).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                role = next((MODULES[word] for word in process.cmdline() if word in MODULES), None)
                if role is not None and process.status() != psutil.STATUS_ZOMBIE:
                    found.setdefault(role, []).append(process.pid)
    return found


def read_all(control: int) -> list[dict[str, Any]]:
    """Read all processes of a server; those that end meanwhile are left out."""
    pids = [("control", control), *((role, pid) for role, pids in children(control).items() for pid in pids)]
    readings = []
    for role, pid in pids:
        with contextlib.suppress(OSError, psutil.Error):
            process = psutil.Process(pid)
            readings.append(Reading(role, pid, _memory_mb(pid), process.num_fds(), process.num_threads()))
    return [asdict(reading) for reading in readings]


def _memory_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    kilobytes = sum(int(number) for number in re.findall(r"^Pss_(?:Anon|Shmem):\s+(\d+) kB", text, re.MULTILINE))
    return round(kilobytes * 1024 / 1e6, 3)
