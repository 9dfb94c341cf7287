"""Samples of the server's processes: what the system says every few seconds, and at the quiet points."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.soak.answers import Answers
from benchmarks.soak.processes import read_all
from benchmarks.soak.server import SoakServer

SAMPLE_SECONDS = 5.0
QUIET_SAMPLES = 8
"""Samples at a quiet point, one a second. The least of each figure counts, since a request is in progress at times."""


@dataclass(frozen=True, slots=True)
class QuietPoint:
    """The server with those clients only who stay: by name, such as `control descriptors`."""

    at: float
    figures: dict[str, float]


class Sampler:
    """A task that reads all processes every `SAMPLE_SECONDS`."""

    def __init__(self, server: SoakServer, answers: Answers) -> None:
        self.samples: list[dict[str, Any]] = []
        """Readings of `processes`, each with its time `at`."""
        self._server = server
        self._answers = answers

    async def run(self) -> None:
        """Sample for ever."""
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            if self._server.is_up:
                self._read()

    async def quiet_point(self) -> QuietPoint:
        """Sample for `QUIET_SAMPLES` seconds, and return the least of each figure."""
        readings: list[dict[str, float]] = []
        for _ in range(QUIET_SAMPLES):
            await asyncio.sleep(1)
            metrics = await self._answers.metrics()
            figures = {"control tasks": metrics.get("rtc_drift_tasks", 0.0)}
            for it in self._read():
                if it["role"] != "worker":
                    names = {"descriptors": "descriptors", "threads": "threads", "memory": "memory_mb"}
                    figures |= {f"{it['role']} {name}": it[key] for name, key in names.items()}
            readings.append(figures)
        return QuietPoint(time.time(), least(readings))

    def _read(self) -> list[dict[str, Any]]:
        now = time.time()
        found = [{"at": now, **it} for it in read_all(self._server.pid)]
        self.samples += found
        return found


def least(readings: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the least value of each figure."""
    names = {name for reading in readings for name in reading}
    return {name: min(it[name] for it in readings if name in it) for name in sorted(names)}
