"""LeadSource leads: one job for one request, files within bounds, and nothing but cancelling gets to the caller."""

import asyncio
import contextlib
import logging
import sys
from pathlib import Path

import psutil
import pytest

from rtc_drift.stretching.lead_cache import LeadCache, WorkerLeadRenderer
from rtc_drift.stretching.warp import Warp
from rtc_drift.workers.pool import WorkerError, Workers
from tests.audio_files import write_audio
from tests.music import steady_music
from tests.waiting import until

WARP = Warp.matched(0, 1.02, 10_000, 10_000)
OTHER = Warp.matched(0, 1.03, 10_000, 10_000)
SIZE = WARP.length * 8 + 1_024


class Renderer:
    """Writes files at once, or when it may; or fails."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Path, Warp]] = []
        self.may = asyncio.Event()
        self.may.set()
        self.error: Exception | None = None
        self.cancelled = 0

    async def write_lead(self, path: Path, warp: Warp, destination: Path) -> None:
        self.jobs.append((path, warp))
        try:
            await self.may.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            destination.with_name(f".{destination.name}.1.part").touch()
            raise
        if self.error is not None:
            raise self.error
        destination.write_bytes(bytes(warp.length * 8))


@pytest.fixture
async def renderer(leaks_nothing: None) -> Renderer:
    return Renderer()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "leads"


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_the_same_request_shares_a_job_and_a_file(renderer: Renderer, folder: Path) -> None:
    preparer = LeadCache(renderer, folder)
    one, two = await asyncio.gather(*(preparer.prepare(Path("/a"), WARP) for _ in range(2)))
    again = await preparer.prepare(Path("/a"), WARP)
    assert one is not None
    assert one == two == again
    assert one.parent == folder
    assert one.stat().st_size == WARP.length * 8
    other = await preparer.prepare(Path("/a"), OTHER)
    assert other != one
    assert renderer.jobs == [(Path("/a"), WARP), (Path("/a"), OTHER)]
    assert preparer.failures == 0
    await preparer.close()


async def test_what_was_left_by_an_earlier_life_is_removed(renderer: Renderer, folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (folder / "1.wav").touch()
    (folder / ".2.wav.77.part").touch()
    (folder / "link.wav").symlink_to(tmp_path)
    LeadCache(renderer, folder)
    assert files(folder) == []
    assert tmp_path.is_dir()


async def test_a_failure_is_told_once_and_may_be_tried_again(
    renderer: Renderer, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    preparer = LeadCache(renderer, folder)
    renderer.error = WorkerError("The file holds no audio.")
    with caplog.at_level(logging.WARNING):
        assert await asyncio.gather(*(preparer.prepare(Path("/a.mp3"), WARP) for _ in range(3))) == [None] * 3
        assert preparer.failures == 1
        assert await preparer.prepare(Path("/a.mp3"), WARP) is None
    assert preparer.failures == 2
    assert [record.message for record in caplog.records] == [
        "The lead of a.mp3 could not be rendered: The file holds no audio."
    ]
    renderer.error = RuntimeError("a fault of ours")
    assert await preparer.prepare(Path("/a.mp3"), WARP) is None
    renderer.error = None
    assert await preparer.prepare(Path("/a.mp3"), WARP) is not None
    assert len(files(folder)) == 1
    await preparer.close()


async def test_the_oldest_that_nobody_uses_go_first(renderer: Renderer, folder: Path) -> None:
    preparer = LeadCache(renderer, folder, most_bytes=3 * SIZE)
    a, b, c = [await preparer.prepare(Path(name), WARP) for name in "abc"]
    assert a and b and c
    preparer.release(c)
    preparer.release(b)
    d = await preparer.prepare(Path("d"), WARP)
    assert d
    assert (a.exists(), b.exists(), c.exists(), d.exists()) == (True, False, True, True)
    assert await preparer.prepare(Path("c"), WARP) == c, "what is still there is used again"
    assert len(renderer.jobs) == 4
    assert await preparer.prepare(Path("e"), WARP) is None, "all are in use"
    assert preparer.failures == 1
    preparer.release(a)
    preparer.release(a)
    preparer.release(Path("/unknown"))
    assert await preparer.prepare(Path("e"), WARP)
    assert not a.exists()
    assert len(files(folder)) == 3
    await preparer.close()


async def test_a_file_in_use_by_two_is_let_go_by_both(renderer: Renderer, folder: Path) -> None:
    preparer = LeadCache(renderer, folder, most_bytes=SIZE)
    a, _ = [await preparer.prepare(Path("a"), WARP) for _ in range(2)]
    assert a
    preparer.release(a)
    assert await preparer.prepare(Path("b"), WARP) is None
    assert a.exists()
    preparer.release(a)
    assert await preparer.prepare(Path("b"), WARP)
    assert not a.exists()
    await preparer.close()


async def test_a_file_that_vanished_is_rendered_again(renderer: Renderer, folder: Path) -> None:
    preparer = LeadCache(renderer, folder)
    a = await preparer.prepare(Path("a"), WARP)
    assert a
    a.unlink()
    again = await preparer.prepare(Path("a"), WARP)
    assert again
    assert again.exists()
    await preparer.close()


async def test_a_file_that_breaks_off_is_rendered_again(renderer: Renderer, folder: Path) -> None:
    preparer = LeadCache(renderer, folder)
    a = await preparer.prepare(Path("a"), WARP)
    assert a
    a.write_bytes(a.read_bytes()[:-8])
    again = await preparer.prepare(Path("a"), WARP)
    assert again
    assert again.stat().st_size == WARP.length * 8
    await preparer.close()


async def test_the_job_goes_on_until_the_last_who_waits_is_cancelled(renderer: Renderer, folder: Path) -> None:
    preparer = LeadCache(renderer, folder)
    renderer.may.clear()
    one, two = (asyncio.create_task(preparer.prepare(Path("a"), WARP)) for _ in range(2))
    await until(lambda: bool(renderer.jobs))
    one.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await one
    assert one.cancelled()
    assert renderer.cancelled == 0
    two.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await two
    await until(lambda: renderer.cancelled == 1)
    await until(lambda: files(folder) == [])
    assert preparer.failures == 0
    renderer.may.set()
    assert await preparer.prepare(Path("a"), WARP)
    assert len(renderer.jobs) == 2
    await preparer.close()


async def test_closing_ends_the_jobs_and_tells_who_waits(renderer: Renderer, folder: Path) -> None:
    preparer = LeadCache(renderer, folder)
    renderer.may.clear()
    waiting = asyncio.create_task(preparer.prepare(Path("a"), WARP))
    at_once = asyncio.create_task(preparer.prepare(Path("b"), WARP))
    await until(lambda: len(renderer.jobs) == 2)
    await asyncio.gather(preparer.close(), preparer.close())
    assert await waiting is None
    assert await at_once is None
    assert renderer.cancelled == 2
    assert await preparer.prepare(Path("c"), WARP) is None
    assert preparer.failures == 0
    await preparer.close()


async def test_a_folder_that_can_not_be_used(
    renderer: Renderer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    preparer = LeadCache(renderer, tmp_path / "file")
    assert preparer.failures == 1
    assert await preparer.prepare(Path("a"), WARP) is None
    assert preparer.failures == 2
    await preparer.close()


async def test_with_real_workers(leaks_nothing: None, tmp_path: Path, folder: Path) -> None:
    music = steady_music(3, seed=1)
    file = write_audio(tmp_path / "music.opus", music)
    async with Workers(1) as workers:
        preparer = LeadCache(WorkerLeadRenderer(workers), folder)
        lead = await preparer.prepare(file, WARP)
        assert lead is not None
        assert await preparer.prepare(tmp_path / "missing.opus", WARP) is None
        assert preparer.failures == 1
        assert files(folder) == [lead.name]
        await preparer.close()


async def test_a_killed_worker_costs_that_lead_only(leaks_nothing: None, folder: Path) -> None:
    hanging = (sys.executable, "-S", "-c", "import time; time.sleep(1000)")
    async with Workers(1, command=hanging) as workers:
        preparer = LeadCache(WorkerLeadRenderer(workers), folder)
        job = asyncio.create_task(preparer.prepare(Path("a"), WARP))
        await until(lambda: bool(psutil.Process().children()))
        psutil.Process().children()[0].kill()
        assert await job is None
        assert preparer.failures == 1
        await preparer.close()
