"""The pool of worker processes: real workers, and scripts that crash, hang and talk rubbish."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from rtc_drift.analysis import Analysis
from rtc_drift.library import jobs
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.workers.pool import WorkerError, Workers
from tests.audio_files import sine, write_audio

SCRIPT = """
import json, os, signal, sys, time
for line in sys.stdin:
    job = json.loads(line)
    arguments = job["arguments"]
    name = os.path.basename(arguments.get("path", "demo"))
    if name == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "hang":
        time.sleep(1000)
    if name == "slow":
        for _ in range(4):
            print(json.dumps({"alive": True}), flush=True)
            time.sleep(0.15)
    if name == "rubbish":
        print("Segmentation fault?", flush=True)
    elif name == "error" or "number" in arguments:
        print(json.dumps({"error": "no space left on device"}), flush=True)
    else:
        reason = f"{os.getpid()} {sys.argv[2]}"
        print(json.dumps({"result": {"unplayable": {"path": arguments["path"], "reason": reason}}}), flush=True)
"""
COMMAND = (sys.executable, "-S", "-c", SCRIPT)


@pytest.fixture(autouse=True)
async def _nothing_is_left() -> AsyncIterator[None]:
    yield
    assert psutil.Process().children() == []
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def pid(workers: Workers, name: str = "x") -> int:
    result = await jobs.probe(workers, Path(name))
    assert isinstance(result, Unplayable)
    return int(result.reason.split()[0])


async def until_a_child_runs() -> psutil.Process:
    while not (children := psutil.Process().children()):
        await asyncio.sleep(0)
    return children[0]


async def test_real_workers(tmp_path: Path) -> None:
    file = write_audio(tmp_path / os.fsdecode(b"caf\xe9.flac"), sine(2))
    async with Workers(2) as workers:
        good, missing = await asyncio.gather(jobs.probe(workers, file), jobs.probe(workers, tmp_path / "missing.mp3"))
        assert isinstance(good, Track)
        assert good.path == file
        assert missing == Unplayable(path=tmp_path / "missing.mp3", reason="The file does not exist.", passing=True)
        heard = await jobs.analyse(workers, good)
        assert isinstance(heard, Analysis)
        assert (heard.integrated_lufs, heard.true_peak_dbtp) == (good.integrated_lufs, good.true_peak_dbtp)
        with pytest.raises(WorkerError, match="could not be made"):
            await jobs.write_demo(workers, 999, tmp_path)
        assert {child.nice() for child in psutil.Process().children()} == {15}
        assert workers.crashes == 0


async def test_a_crash_costs_one_file() -> None:
    async with Workers(1, command=COMMAND) as workers:
        before = await pid(workers)
        for name in ("crash", "rubbish"):
            assert await jobs.probe(workers, Path(name)) == Unplayable(
                path=Path(name), reason="The decoder crashed on this file."
            )
        assert await pid(workers) != before
        assert workers.crashes == 2


async def test_a_hang_is_killed_but_not_what_is_slow() -> None:
    async with Workers(2, command=COMMAND, timeout_seconds=0.4) as workers:
        hung, slow = await asyncio.gather(jobs.probe(workers, Path("hang")), jobs.probe(workers, Path("slow")))
        assert isinstance(hung, Unplayable)
        assert hung.reason == "The decoder hung on this file."
        assert hung.passing, "it may have been the disk"
        assert isinstance(slow, Unplayable)
        assert slow.reason[0].isdigit()
        assert workers.crashes == 1


async def test_killed_from_outside_in_the_middle_of_a_job() -> None:
    async with Workers(1, command=COMMAND) as workers:
        job = asyncio.create_task(jobs.probe(workers, Path("hang")))
        (await until_a_child_runs()).kill()
        assert await job == Unplayable(path=Path("hang"), reason="The decoder crashed on this file.")
        assert await pid(workers)


async def test_killed_while_idle_costs_nothing_but_that_process() -> None:
    async with Workers(1, command=COMMAND) as workers:
        psutil.Process(first := await pid(workers)).kill()
        await asyncio.sleep(0.05)  # asyncio has to notice
        assert await pid(workers) != first
        assert workers.crashes == 0


async def test_never_more_processes_than_allowed_and_they_are_used_again() -> None:
    async with Workers(2, command=COMMAND) as workers:
        pids = await asyncio.gather(*(pid(workers) for _ in range(20)))
        assert 1 <= len(set(pids)) <= 2


async def test_a_cancelled_caller_takes_only_its_own_job_along() -> None:
    async with Workers(1, command=COMMAND) as workers:
        job = asyncio.create_task(jobs.probe(workers, Path("hang")))
        hanging = await until_a_child_runs()
        waiting = asyncio.create_task(pid(workers))
        await asyncio.sleep(0)
        job.cancel()
        assert await waiting != hanging.pid
        assert job.cancelled()
        assert workers.crashes == 0


async def test_idle_workers_are_ended() -> None:
    async with Workers(1, command=COMMAND, idle_seconds=0) as workers:
        await pid(workers)
        while psutil.Process().children():
            await asyncio.sleep(0.01)
        assert await pid(workers)


async def test_an_urgent_job_does_not_give_way() -> None:
    async with Workers(1, command=COMMAND, nice=15) as workers:
        with pytest.raises(WorkerError, match=r"could not be made \(no space left on device\)"):
            await jobs.write_demo(workers, 1, Path("/x"), urgent=True)
        result = await jobs.probe(workers, Path("x"))
        assert isinstance(result, Unplayable)
        assert result.reason.endswith(" 15")
        assert len([c for c in psutil.Process().children() if c.status() != psutil.STATUS_ZOMBIE]) <= 2


async def test_a_failed_job_says_so() -> None:
    async with Workers(1, command=COMMAND) as workers:
        assert await jobs.probe(workers, Path("error")) == Unplayable(
            path=Path("error"), reason="This file could not be examined."
        )
        assert workers.crashes == 0


async def test_closing_fails_what_goes_on_and_is_idempotent() -> None:
    workers = Workers(1, command=COMMAND)
    job = asyncio.create_task(jobs.probe(workers, Path("hang")))
    queued = asyncio.create_task(jobs.probe(workers, Path("x")))
    await until_a_child_runs()
    await asyncio.gather(workers.close(), workers.close())
    for task in (job, queued):
        with pytest.raises(WorkerError):
            await task
    await workers.close()
    with pytest.raises(WorkerError):
        await jobs.probe(workers, Path("x"))


async def test_a_worker_that_can_not_be_started() -> None:
    async with Workers(1, command=["/nonexistent"]) as workers:
        with pytest.raises(WorkerError, match="can't be started"):
            await jobs.probe(workers, Path("x"))
