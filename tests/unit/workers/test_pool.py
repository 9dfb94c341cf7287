"""The pool of worker processes: real workers, and scripts that crash, hang and write rubbish."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from rtc_drift.analysis import Analysis
from rtc_drift.library import jobs
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.media import SAMPLE_RATE
from rtc_drift.workers.job_process import waited_for_core_seconds
from rtc_drift.workers.pool import JobFailedError, WorkerError, Workers
from rtc_drift.workers.sandbox import MAX_ADDRESS_SPACE
from tests.support.audio_files import sine, write_audio
from tests.support.waiting import until

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
    if name == "starved":
        time.sleep(0.6)
    if name == "slow":
        for _ in range(4):
            print(json.dumps({"alive": True}), flush=True)
            time.sleep(0.15)
    if name == "rubbish":
        print("Segmentation fault?", flush=True)
    elif name == "error" or "number" in arguments:
        print(json.dumps({"error": "no space left on device"}), flush=True)
    else:
        reason = f"{os.getpid()} {sys.argv[1]}"
        print(json.dumps({"result": {"unplayable": {"path": arguments["path"], "reason": reason}}}), flush=True)
"""
COMMAND = (sys.executable, "-S", "-c", SCRIPT)
FAILING_AFTER_SEEK = """
import os, signal, time
from rtc_drift.library import probe
from rtc_drift.workers import process

def decode(path, start):
    {fault}

probe.decode = decode
process.main()
"""
ALLOCATING = """
from rtc_drift.workers import process

def allocate(size, alive):
    return len(bytearray(size))

process.main()
"""


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


async def test_real_workers_do_real_jobs(tmp_path: Path) -> None:
    file = write_audio(tmp_path / os.fsdecode(b"caf\xe9.flac"), sine(2))
    async with Workers(2, reads=[tmp_path]) as workers:
        good, missing = await asyncio.gather(jobs.probe(workers, file), jobs.probe(workers, tmp_path / "missing.mp3"))
        assert isinstance(good, Track)
        assert good.path == file
        assert missing == Unplayable(path=tmp_path / "missing.mp3", reason="The file does not exist.", temporary=True)
        analysis = await jobs.analyse(workers, good)
        assert isinstance(analysis, Analysis)
        assert (analysis.integrated_lufs, analysis.true_peak_dbtp) == (good.integrated_lufs, good.true_peak_dbtp)
        with pytest.raises(WorkerError, match="could not be made"):
            await jobs.write_demo(workers, 999, tmp_path)
        assert workers.crashes == 0


async def test_a_crash_fails_one_file() -> None:
    async with Workers(1, command=COMMAND) as workers:
        before = await pid(workers)
        for name in ("crash", "rubbish"):
            assert await jobs.probe(workers, Path(name)) == Unplayable(
                path=Path(name), reason="The decoder crashed on this file."
            )
        assert await pid(workers) != before
        assert workers.crashes == 2


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", ("The decoder crashed on this file.", False)),
        ("time.sleep(1000)", ("The decoder hung on this file.", True)),
    ],
)
async def test_a_file_that_failed_is_probed_with_a_seek(tmp_path: Path, fault: str, expected: tuple[str, bool]) -> None:
    file = write_audio(tmp_path / "x.flac", sine(2))
    command = (sys.executable, "-c", FAILING_AFTER_SEEK.format(fault=fault))
    async with Workers(1, command=command, reads=[tmp_path], timeout_seconds=2) as workers:
        track = await jobs.probe(workers, file)
        assert isinstance(track, Track)
        result = await jobs.probe_again(workers, track, SAMPLE_RATE)
        assert isinstance(result, Unplayable)
        assert (result.reason, result.temporary) == expected


async def test_a_file_that_takes_too_long_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PROBE_CPU_SECONDS", 1)
    file = write_audio(tmp_path / "x.flac", sine(2))
    command = (sys.executable, "-c", FAILING_AFTER_SEEK.format(fault="sum(range(1 << 60))"))
    async with Workers(1, command=command, reads=[tmp_path]) as workers:
        result = await jobs.probe(workers, file, [SAMPLE_RATE])
        assert result == Unplayable(path=file, reason="It took too long to decode this file.")


async def test_a_worker_gets_no_more_memory_than_its_limit() -> None:
    async with Workers(1, command=(sys.executable, "-c", ALLOCATING)) as workers:
        with pytest.raises(JobFailedError, match="MemoryError"):
            await workers.run("__main__:allocate", size=2 * MAX_ADDRESS_SPACE)
        assert await workers.run("__main__:allocate", size=MAX_ADDRESS_SPACE // 2) == MAX_ADDRESS_SPACE // 2
        assert workers.crashes == 0


async def test_a_hanging_worker_is_killed_but_not_a_slow_one() -> None:
    async with Workers(2, command=COMMAND, timeout_seconds=0.4) as workers:
        hung, slow = await asyncio.gather(jobs.probe(workers, Path("hang")), jobs.probe(workers, Path("slow")))
        assert isinstance(hung, Unplayable)
        assert hung.reason == "The decoder hung on this file."
        assert hung.temporary, "it may have been the disk"
        assert isinstance(slow, Unplayable)
        assert slow.reason[0].isdigit()
        assert workers.crashes == 1


async def test_time_without_a_core_is_no_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtc_drift.workers.job_process.waited_for_core_seconds", lambda pid: time.monotonic())
    async with Workers(1, command=COMMAND, timeout_seconds=0.2) as workers:
        assert await pid(workers, "starved")
        monkeypatch.setattr("rtc_drift.workers.job_process.waited_for_core_seconds", lambda pid: 0.0)
        starved = await jobs.probe(workers, Path("starved"))
        assert isinstance(starved, Unplayable)
        assert starved.reason == "The decoder hung on this file."


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it")
def test_the_system_tells_how_long_a_process_had_no_core() -> None:
    before = waited_for_core_seconds(os.getpid())
    assert 0 <= before <= waited_for_core_seconds(os.getpid())
    assert waited_for_core_seconds(2**22 + 1) == 0.0


async def test_a_worker_killed_within_a_job_fails_that_job() -> None:
    async with Workers(1, command=COMMAND) as workers:
        job = asyncio.create_task(jobs.probe(workers, Path("hang")))
        (await until_a_child_runs()).kill()
        assert await job == Unplayable(path=Path("hang"), reason="The decoder crashed on this file.")
        assert await pid(workers)


async def test_an_idle_worker_that_is_killed_is_replaced() -> None:
    async with Workers(1, command=COMMAND) as workers:
        psutil.Process(first := await pid(workers)).kill()
        await asyncio.sleep(0.05)  # asyncio has to notice
        assert await pid(workers) != first
        assert workers.crashes == 0


async def test_processes_are_limited_and_reused() -> None:
    async with Workers(2, command=COMMAND) as workers:
        pids = await asyncio.gather(*(pid(workers) for _ in range(20)))
        assert 1 <= len(set(pids)) <= 2


async def test_a_cancelled_caller_cancels_only_its_own_job() -> None:
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


async def test_an_urgent_job_gets_a_process_of_its_precedence() -> None:
    async with Workers(1, command=COMMAND) as workers:
        with pytest.raises(WorkerError, match=r"could not be made \(no space left on device\)"):
            await jobs.write_demo(workers, 1, Path("/x"), urgent=True)
        result = await jobs.probe(workers, Path("x"))
        assert isinstance(result, Unplayable)
        assert result.reason.endswith(" background")
        assert len([c for c in psutil.Process().children() if c.status() != psutil.STATUS_ZOMBIE]) <= 2


async def test_a_failed_job_has_a_reason() -> None:
    async with Workers(1, command=COMMAND) as workers:
        assert await jobs.probe(workers, Path("error")) == Unplayable(
            path=Path("error"), reason="This file could not be probed."
        )
        assert workers.crashes == 0


async def test_closing_fails_running_jobs_and_is_idempotent() -> None:
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


async def test_a_worker_that_cannot_be_started_raises() -> None:
    async with Workers(1, command=["/nonexistent"]) as workers:
        with pytest.raises(WorkerError, match="can't be started"):
            await jobs.probe(workers, Path("x"))


async def test_processes_that_can_not_be_killed_hold_up_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As those that wait in the system for a disk that is gone."""
    monkeypatch.setattr("rtc_drift.workers.pool.CLOSE_SECONDS", 0.05)
    monkeypatch.setattr("rtc_drift.workers.pool.MAX_ENDING", 1)
    monkeypatch.setattr("rtc_drift.workers.job_process.JobProcess.kill", lambda _: None)
    pool = Workers(1, command=COMMAND)
    hanging = asyncio.create_task(pool.run(jobs.PROBE, path="hang"))
    await until(lambda: bool(pool.pids))
    (pid,) = pool.pids
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    assert pool.pids == []
    with pytest.raises(WorkerError, match="Too many"):
        await pool.run(jobs.PROBE, path="good")
    await pool.close()
    assert f"end of worker {pid}" in caplog.text
    psutil.Process(pid).kill()
    await until(lambda: not psutil.pid_exists(pid))
