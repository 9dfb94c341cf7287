"""The lead cache: equal requests share a job, files stay within bounds, and callers see no error but cancelling."""

import asyncio
import contextlib
import logging
import sys
import threading
from pathlib import Path

import psutil
import pytest

from rtc_drift.stretching.lead_cache import LeadCache, WorkerLeadRenderer
from rtc_drift.stretching.warp import Warp
from rtc_drift.workers.pool import WorkerError, Workers
from rtc_drift.workers.threads import Threads
from tests.support.audio_files import write_audio
from tests.support.music import steady_music
from tests.support.waiting import until

WARP = Warp.matched(0, 1.02, 10_000, 10_000)
OTHER = Warp.matched(0, 1.03, 10_000, 10_000)
SIZE = WARP.length * 8 + 1_024


class FakeRenderer:
    """A renderer that writes files at once, or when `may` is set, or raises `error`."""

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
async def renderer(no_leaks: None) -> FakeRenderer:
    return FakeRenderer()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "leads"


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_equal_requests_share_a_job_and_a_file(renderer: FakeRenderer, folder: Path) -> None:
    cache = LeadCache(renderer, folder)
    one, two = await asyncio.gather(*(cache.prepare(Path("/a"), WARP) for _ in range(2)))
    again = await cache.prepare(Path("/a"), WARP)
    assert one is not None
    assert one == two == again
    assert one.parent == folder
    assert one.stat().st_size == WARP.length * 8
    other = await cache.prepare(Path("/a"), OTHER)
    assert other != one
    assert renderer.jobs == [(Path("/a"), WARP), (Path("/a"), OTHER)]
    assert cache.failures == 0
    await cache.close()


async def test_files_of_an_earlier_run_are_removed(renderer: FakeRenderer, folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (folder / "1.wav").touch()
    (folder / ".2.wav.77.part").touch()
    (folder / "link.wav").symlink_to(tmp_path)
    LeadCache(renderer, folder)
    assert files(folder) == []
    assert tmp_path.is_dir()


async def test_a_failure_is_logged_once_and_may_be_retried(
    renderer: FakeRenderer, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = LeadCache(renderer, folder)
    renderer.error = WorkerError("The file holds no audio.")
    with caplog.at_level(logging.WARNING):
        assert await asyncio.gather(*(cache.prepare(Path("/a.mp3"), WARP) for _ in range(3))) == [None] * 3
        assert cache.failures == 1
        assert await cache.prepare(Path("/a.mp3"), WARP) is None
    assert cache.failures == 2
    assert [record.message for record in caplog.records] == [
        "A stretched end of a.mp3 could not be rendered: The file holds no audio."
    ]
    renderer.error = RuntimeError("a fault of ours")
    assert await cache.prepare(Path("/a.mp3"), WARP) is None
    renderer.error = None
    assert await cache.prepare(Path("/a.mp3"), WARP) is not None
    assert len(files(folder)) == 1
    await cache.close()


async def test_a_full_disk_is_one_sentence_for_all_tracks(
    renderer: FakeRenderer, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = LeadCache(renderer, folder)
    renderer.error = WorkerError("The worker reported: no space left on device.")
    for number in range(20):
        assert await cache.prepare(Path(f"/{number}.mp3"), WARP) is None
    assert (cache.failures, len(caplog.records)) == (20, 1)
    assert files(folder) == []
    renderer.error = None
    assert await cache.prepare(Path("/1.mp3"), WARP) is not None
    await cache.close()


async def test_the_oldest_unused_files_are_deleted_first(renderer: FakeRenderer, folder: Path) -> None:
    cache = LeadCache(renderer, folder, max_bytes=3 * SIZE)
    a, b, c = [await cache.prepare(Path(name), WARP) for name in "abc"]
    assert a and b and c
    cache.release(c)
    cache.release(b)
    d = await cache.prepare(Path("d"), WARP)
    assert d
    assert (a.exists(), b.exists(), c.exists(), d.exists()) == (True, False, True, True)
    assert await cache.prepare(Path("c"), WARP) == c, "a cached file is used again"
    assert len(renderer.jobs) == 4
    assert await cache.prepare(Path("e"), WARP) is None, "all files are in use"
    assert cache.failures == 1
    cache.release(a)
    cache.release(a)
    cache.release(Path("/unknown"))
    assert await cache.prepare(Path("e"), WARP)
    assert not a.exists()
    assert len(files(folder)) == 3
    await cache.close()


async def test_a_file_used_twice_is_kept_until_both_release_it(renderer: FakeRenderer, folder: Path) -> None:
    cache = LeadCache(renderer, folder, max_bytes=SIZE)
    a, _ = [await cache.prepare(Path("a"), WARP) for _ in range(2)]
    assert a
    cache.release(a)
    assert await cache.prepare(Path("b"), WARP) is None
    assert a.exists()
    cache.release(a)
    assert await cache.prepare(Path("b"), WARP)
    assert not a.exists()
    await cache.close()


async def test_a_file_that_vanished_is_rendered_again(renderer: FakeRenderer, folder: Path) -> None:
    cache = LeadCache(renderer, folder)
    a = await cache.prepare(Path("a"), WARP)
    assert a
    a.unlink()
    again = await cache.prepare(Path("a"), WARP)
    assert again
    assert again.exists()
    await cache.close()


async def test_a_truncated_file_is_rendered_again(renderer: FakeRenderer, folder: Path) -> None:
    cache = LeadCache(renderer, folder)
    a = await cache.prepare(Path("a"), WARP)
    assert a
    a.write_bytes(a.read_bytes()[:-8])
    again = await cache.prepare(Path("a"), WARP)
    assert again
    assert again.stat().st_size == WARP.length * 8
    await cache.close()


async def test_a_job_runs_until_its_last_caller_is_cancelled(renderer: FakeRenderer, folder: Path) -> None:
    cache = LeadCache(renderer, folder)
    renderer.may.clear()
    one, two = (asyncio.create_task(cache.prepare(Path("a"), WARP)) for _ in range(2))
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
    assert cache.failures == 0
    renderer.may.set()
    assert await cache.prepare(Path("a"), WARP)
    assert len(renderer.jobs) == 2
    await cache.close()


async def test_closing_ends_the_jobs_and_their_callers(renderer: FakeRenderer, folder: Path) -> None:
    cache = LeadCache(renderer, folder)
    renderer.may.clear()
    waiting = asyncio.create_task(cache.prepare(Path("a"), WARP))
    at_once = asyncio.create_task(cache.prepare(Path("b"), WARP))
    await until(lambda: len(renderer.jobs) == 2)
    await asyncio.gather(cache.close(), cache.close())
    assert await waiting is None
    assert await at_once is None
    assert renderer.cancelled == 2
    assert await cache.prepare(Path("c"), WARP) is None
    assert cache.failures == 0
    await cache.close()


async def test_an_unusable_folder_fails_every_request(
    renderer: FakeRenderer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    cache = LeadCache(renderer, tmp_path / "file")
    assert cache.failures == 1
    assert await cache.prepare(Path("a"), WARP) is None
    assert cache.failures == 2
    await cache.close()


async def test_real_workers_render_leads(no_leaks: None, tmp_path: Path, folder: Path) -> None:
    music = steady_music(3, seed=1)
    file = write_audio(tmp_path / "music.opus", music)
    async with Workers(1, reads=[tmp_path]) as workers:
        cache = LeadCache(WorkerLeadRenderer(workers), folder)
        lead = await cache.prepare(file, WARP)
        assert lead is not None
        assert await cache.prepare(tmp_path / "missing.opus", WARP) is None
        assert cache.failures == 1
        assert files(folder) == [lead.name]
        await cache.close()


async def test_a_killed_worker_fails_only_its_lead(no_leaks: None, folder: Path) -> None:
    hanging = (sys.executable, "-S", "-c", "import time; time.sleep(1000)")
    async with Workers(1, command=hanging) as workers:
        cache = LeadCache(WorkerLeadRenderer(workers), folder)
        job = asyncio.create_task(cache.prepare(Path("a"), WARP))
        await until(lambda: bool(psutil.Process().children()))
        psutil.Process().children()[0].kill()
        assert await job is None
        assert cache.failures == 1
        await cache.close()


async def test_a_disk_that_hangs_stops_only_the_stretched_intros(
    renderer: FakeRenderer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, answers = Threads("leads", 1), threading.Event()
    cache = LeadCache(renderer, folder, threads=threads)
    ready = await cache.prepare(Path("/a"), WARP)
    assert ready is not None
    cache.release(ready)
    hung = threads.start(answers.wait)
    waiting = [asyncio.create_task(cache.prepare(Path(name), WARP)) for name in ("/a", "/b")]
    await until(lambda: len(renderer.jobs) == 2)
    monkeypatch.setattr("rtc_drift.stretching.lead_cache.MAX_UNFINISHED", threads.unfinished)
    assert await cache.prepare(Path("/c"), WARP) is None, "nothing more is begun"
    waiting[0].cancel()
    await cache.close()
    assert await waiting[1] is None
    assert not hung.done()
    answers.set()
    await hung
