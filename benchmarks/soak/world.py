"""The things that steps act upon, and the record of what was done."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from benchmarks.soak.answers import Answers
from benchmarks.soak.music_folder import MusicFolder
from benchmarks.soak.population import Population
from benchmarks.soak.server import SoakServer
from benchmarks.soak.shifted_clock import ShiftedClock

ROOMS = ("kitchen", "attic", "cellar")
"""Named sessions that stay until the end, as the master does."""
VISITORS = 60
"""Number of visitors at a time."""


@dataclass(slots=True)
class Event:
    """Something that was done to the server, by which gaps are explained."""

    what: str
    at: float
    """Seconds since the epoch."""
    over: float | None = None
    """The end of it, where it has one."""


@dataclass(slots=True)
class World:
    """A soak in progress."""

    server: SoakServer
    answers: Answers
    population: Population
    music: MusicFolder
    clock: ShiftedClock | None
    random: Random
    leaders: list[str] = field(default_factory=lambda: ["master", *ROOMS])
    followers: list[str] = field(default_factory=list)
    """Followers that stay until the end."""
    passing: list[str] = field(default_factory=list)
    """Rooms and followers that steps have made and will end."""
    events: list[Event] = field(default_factory=list)
    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("engine", "decoder", "worker"), 0))
    """Deaths caused since control was started last, by role."""
    restarts: list[tuple[str, int, int]] = field(default_factory=list)
    """Role, deaths caused and restarts counted, for each life of control."""
    slow_ticks: Counter[str] = field(default_factory=Counter)
    """Ticks of the engine that began late or worked long, over all lives of control."""
    rooms_made: int = 0
    failed_steps: int = 0
    """Number of steps that ended with an error of the soak's own."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    """Steps in progress, readers among them."""

    def note(self, what: str) -> Event:
        """Record something that is done now."""
        event = Event(what, time.time())
        self.events.append(event)
        self.log(what)
        return event

    def log(self, text: str) -> None:
        """Print a line of progress to standard error."""
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

    def begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do something beside everything else. An error in it is printed and counted."""
        task = asyncio.create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed_steps += 1
            self.log(f"step {task.get_name()} failed: {type(error).__name__}: {error}")

    async def visitors(self) -> None:
        """Let visitors come and go in all sessions."""
        urls = [f"{self.server.url}/whep/{it}" for it in (*self.leaders, *self.followers, *self.passing)]
        await self.population.visitors(VISITORS, urls)

    async def note_restarts(self) -> None:
        """Compare the restarts that the server has counted with the deaths caused since it was started."""
        metrics = await self.answers.metrics()
        self.slow_ticks += slow_ticks(metrics)
        for role in ("engine", "decoder"):
            counted = int(metrics.get(f"rtc_drift_{role}_restarts_total", -1))
            self.restarts.append((role, self.kills[role], counted))
        self.kills = dict.fromkeys(self.kills, 0)


def slow_ticks(metrics: Mapping[str, float]) -> Counter[str]:
    """Return how many ticks began more than 20 ms late, worked for more than 20 ms, or were left out."""
    counts = Counter[str]()
    for text, name in (("began more than 20 ms late", "late"), ("worked for more than 20 ms", "work")):
        name = f"rtc_drift_engine_tick_{name}_seconds"
        counts[text] = int(metrics.get(f"{name}_count", 0) - metrics.get(f'{name}_bucket{{le="0.02"}}', 0))
    counts["were left out"] = int(metrics.get("rtc_drift_engine_skipped_ticks_total", 0))
    return counts


Action = Callable[[World, Random], Coroutine[Any, Any, None]]
"""Carries out a step; its choices come from the step's own seed."""
