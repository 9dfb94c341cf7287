"""Covers: read in few threads, shared, bounded in bytes, and given up when they hang."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rtc_drift.library.covers import KEPT_SECONDS, MAX_WAITING, READERS, Covers, CoverTimeoutError, TooManyCoversError
from rtc_drift.library.track import Track
from tests.support.music import make_track, make_tracks
from tests.support.waiting import until


class Disk:
    """A disk with a picture of 1,000 bytes for each track, which may hang."""

    def __init__(self) -> None:
        self.reads = list[Path]()
        self.works = threading.Event()
        self.works.set()

    def read(self, path: Path) -> tuple[bytes, str] | None:
        self.reads.append(path)
        self.works.wait(30)
        return (str(path).encode().ljust(1_000), "image/png") if path.suffix == ".flac" else None


@asynccontextmanager
async def covers_of(disk: Disk, **options: Any) -> AsyncIterator[Covers]:
    covers = Covers(disk.read, **options)
    try:
        yield covers
    finally:
        disk.works.set()
        await covers.close()


def track_at(name: str, number: int = 1) -> Track:
    return make_track(number).model_copy(update={"path": Path(name)})


async def test_a_cover_is_read_once_for_all_who_ask(no_leaks: None) -> None:
    disk, now = Disk(), 0.0
    async with covers_of(disk, clock=lambda: now) as covers:
        track = track_at("/a.flac")
        found = await asyncio.gather(*(covers.get(track) for _ in range(200)))
        assert found[0] is not None
        assert (found[0].data[:7], found[0].mime) == (b"/a.flac", "image/png")
        assert all(it is found[0] for it in found)
        assert len(disk.reads) == 1
        now = KEPT_SECONDS + 1
        again = await covers.get(track)
        assert again is not None
        assert again.digest == found[0].digest
        assert len(disk.reads) == 2, "it may have changed"
        other = await covers.get(track_at("/b.flac", 2))
        assert other is not None
        assert other.digest != again.digest


async def test_a_track_without_a_cover_is_remembered_too() -> None:
    disk = Disk()
    async with covers_of(disk) as covers:
        assert [await covers.get(track_at("/a.wav")) for _ in range(3)] == [None] * 3
        assert len(disk.reads) == 1


async def test_the_covers_kept_are_bounded() -> None:
    disk = Disk()
    async with covers_of(disk, kept_bytes=3_000) as covers:
        tracks = [track_at(f"/{number}.flac", number) for number in range(1, 6)]
        for track in (*tracks[:3], tracks[0], tracks[3]):
            await covers.get(track)
        assert len(disk.reads) == 4
        await covers.get(tracks[0])
        assert len(disk.reads) == 4, "it was asked for more lately than the second"
        await covers.get(tracks[1])
        assert len(disk.reads) == 5
        assert covers._size == 3_000


async def test_covers_that_hang_are_given_up_and_others_refused_at_once(no_leaks: None) -> None:
    disk = Disk()
    disk.works.clear()
    async with covers_of(disk, read_seconds=0.1) as covers:
        tracks = make_tracks(READERS + MAX_WAITING + 5)
        asked = await asyncio.gather(*(covers.get(track) for track in tracks), return_exceptions=True)
        assert [type(it) for it in asked] == [CoverTimeoutError] * (READERS + MAX_WAITING) + [TooManyCoversError] * 5
        assert len(disk.reads) == READERS, "no more at once"
        with pytest.raises(CoverTimeoutError):
            await covers.get(tracks[0])
        disk.works.set()
        await until(lambda: not covers._reading)
        assert await covers.get(tracks[-1]) is not None, "the disk is back"


async def test_a_client_who_leaves_does_not_stop_the_others(no_leaks: None) -> None:
    disk = Disk()
    disk.works.clear()
    async with covers_of(disk) as covers:
        track = track_at("/a.flac")
        one, other = asyncio.create_task(covers.get(track)), asyncio.create_task(covers.get(track))
        await until(lambda: len(disk.reads) == 1)
        one.cancel()
        await asyncio.gather(one, return_exceptions=True)
        disk.works.set()
        assert await other is not None


async def test_closing_does_not_wait_for_what_hangs() -> None:
    disk = Disk()
    disk.works.clear()
    covers = Covers(disk.read)
    asking = asyncio.create_task(covers.get(track_at("/a.flac")))
    await until(lambda: len(disk.reads) == 1)
    await covers.close()
    await covers.close()
    asking.cancel()
    disk.works.set()
