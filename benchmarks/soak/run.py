"""A soak from its beginning to its record: who is there, which steps run when, and the two quiet points."""

import asyncio
import contextlib
import shutil
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

from benchmarks.child_process import child
from benchmarks.soak.answers import Answers
from benchmarks.soak.clients import CLIENT_ACTIONS
from benchmarks.soak.commands import COMMAND_ACTIONS
from benchmarks.soak.disturbances import DISTURBANCE_ACTIONS
from benchmarks.soak.music_folder import MusicFolder, make_originals
from benchmarks.soak.population import population, read_lines
from benchmarks.soak.report import Record
from benchmarks.soak.sampler import QUIET_SAMPLES, QuietPoint, Sampler
from benchmarks.soak.schedule import QUIET_SECONDS, Schedule, Step
from benchmarks.soak.server import soak_server
from benchmarks.soak.shifted_clock import shifted_clock
from benchmarks.soak.world import ROOMS, World
from tests.support.server_process import free_tcp_port
from tests.support.udp import free_udp_port

ACTIONS = {**COMMAND_ACTIONS, **CLIENT_ACTIONS, **DISTURBANCE_ACTIONS}
STAY = {"master": 60, "kitchen": 30, "attic": 20, "cellar": 10}
"""Number of listeners who stay, by session."""
STAY_FOLLOWING = 20
"""Number of listeners who stay with a follower of the kitchen."""
SLOTS = 320
ANALYSED_SECONDS = 180.0
SETTLE_SECONDS = 10.0
END_SECONDS = 4.0
"""Time until the last second of the listeners' reception is written down."""


async def soak(schedule: Schedule, seed: int, folder: Path) -> Record:
    """Run a soak in a folder, which gets its log, its schedule and what the listeners observe."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schedule.txt").write_text("\n".join(schedule.lines()) + "\n", encoding="utf-8")
    make_originals(folder / "originals")
    for name in ("music", "data"):
        shutil.rmtree(folder / name, ignore_errors=True)
    observed, witnessed, log = (folder / name for name in ("listeners.jsonl", "witness.jsonl", "server.log"))
    for file in (observed, witnessed, log):
        file.unlink(missing_ok=True)
    music, clock = MusicFolder(folder / "originals", folder / "music"), await shifted_clock(folder)
    environment = clock.environment() if clock is not None else {}
    ports = (free_tcp_port(), free_udp_port())
    async with soak_server(music.path, folder / "data", ports, log, environment) as server:
        answers = Answers(server.url, lambda: server.is_up)
        async with (
            contextlib.aclosing(answers),
            child(sys.executable, "-m", "benchmarks.soak.witness", str(witnessed)),
            population(observed, SLOTS, seed) as listeners,
        ):
            world = World(server, answers, listeners, music, clock, Random(seed))
            if clock is None:
                world.log("no C compiler: the clock of the day stays as it is")
            await _open(world)
            sampler = Sampler(server, answers)
            async with _running(sampler):
                began, last_half, quiet = await _run_steps(world, schedule, sampler)
            ended = time.time()
            await asyncio.sleep(END_SECONDS)
            status = await listeners.status()
            await world.note_restarts()
            seen = listeners.observed() + read_lines(witnessed)
        stop_seconds = await server.end()
    return Record(
        began=began,
        ended=ended,
        last_half=last_half,
        observed=seen,
        status=status,
        events=world.events,
        restarts=world.restarts,
        slow_ticks=world.slow_ticks,
        samples=sampler.samples,
        quiet=quiet,
        answers=answers.counts,
        unanswered=answers.unanswered,
        slowest_answer_seconds=answers.slowest_seconds,
        log=server.lines,
        failed_steps=world.failed_steps,
        stop_seconds=stop_seconds,
    )


async def _open(world: World) -> None:
    """Create the sessions that stay, wait for the analyses, and let the listeners join who stay."""
    await world.answers.until_ready(ANALYSED_SECONDS)
    async with asyncio.timeout(ANALYSED_SECONDS):
        while True:
            status = await world.answers.get("/api/library")
            if status is not None and not _is_busy(status):
                break
            await asyncio.sleep(1)
    world.log(f"{status['tracks']} tracks analysed")
    for room in ROOMS:
        await world.answers.send("POST", "/api/session/create", {"sessionName": room})
    _, made = await world.answers.send("POST", "/api/session/follow", {"sessionName": "kitchen"})
    world.followers.append(made["sessionId"])
    for session, count in (*STAY.items(), (world.followers[0], STAY_FOLLOWING)):
        await world.population.stay(f"{world.server.url}/whep/{session}", count)
    await world.population.until_there(sum(STAY.values()) + STAY_FOLLOWING)
    await world.visitors()
    await asyncio.sleep(SETTLE_SECONDS)


def _is_busy(status: dict[str, int]) -> bool:
    return bool(status["scanning"]) or not status["tracks"] or status["analysed"] < status["tracks"]


@contextlib.asynccontextmanager
async def _running(sampler: Sampler) -> AsyncIterator[None]:
    task = asyncio.create_task(sampler.run(), name="sampler")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _run_steps(
    world: World, schedule: Schedule, sampler: Sampler
) -> tuple[float, tuple[float, float], list[QuietPoint]]:
    """Run all steps at their times. Return the beginning, the last half, and the quiet points."""
    began, loop = time.time(), asyncio.get_running_loop()
    start = loop.time()
    quiet_points: list[QuietPoint] = []
    quiet = [Step(at, "quiet", 0) for at in (schedule.first_quiet, schedule.second_quiet)]
    for step in sorted([*schedule.steps, *quiet]):
        await asyncio.sleep(max(0.0, start + step.at - loop.time()))
        if step.action == "quiet":
            await _calm(world)
            await asyncio.sleep(max(0.0, start + step.at + QUIET_SECONDS - QUIET_SAMPLES - loop.time()))
            quiet_points.append(await sampler.quiet_point())
            if step.at == schedule.first_quiet:
                world.log("the last half begins")
                await world.visitors()
        else:
            world.begin(ACTIONS[step.action](world, Random(step.seed)), step.action)
    last_half = (began + schedule.first_quiet + QUIET_SECONDS, began + schedule.second_quiet)
    return began, last_half, quiet_points


async def _calm(world: World) -> None:
    """End all that comes and goes, and mend all that is harmed, so that two quiet points are alike."""
    world.log("quiet")
    for task in list(world.tasks):
        task.cancel()
    await asyncio.gather(*world.tasks, return_exceptions=True)
    await world.population.visitors(0, [])
    while world.passing:
        await world.answers.send("DELETE", f"/api/session/{world.passing.pop()}")
    for leader in world.leaders:
        await world.answers.send("POST", f"/session/{leader}/resume", {})
    world.music.put_back_all(world.random)
