"""Reads covers in threads of their own, keeps the latest, and gives up on those that hang."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rtc_drift.library import tags
from rtc_drift.library.track import Track
from rtc_drift.workers.threads import Threads

READERS = 2
"""Covers read at once."""
MAX_WAITING = 16
"""Covers that may wait to be read."""
READ_SECONDS = 5.0
"""Time from the request of a cover until it must be read."""
KEPT_BYTES = 8 * 1024 * 1024
"""Bytes of all covers kept; the latest is always kept."""
KEPT_COUNT = 256
"""Tracks whose cover, or lack of one, is kept."""
KEPT_SECONDS = 60.0
"""Time for which a cover that was read counts as that of the file."""


class CoverTimeoutError(Exception):
    """The cover could not be read in time."""


class TooManyCoversError(Exception):
    """Too many covers wait to be read."""


@dataclass(frozen=True, slots=True)
class Cover:
    """A picture, its MIME type, and a text that differs for every other picture."""

    data: bytes
    mime: str
    digest: str


@dataclass(frozen=True, slots=True)
class _Kept:
    cover: Cover | None
    read_at: float


@dataclass(frozen=True, slots=True)
class _Reading:
    task: "asyncio.Task[Cover | None]"
    give_up_at: float
    """Time of the event loop after which nobody waits for it."""


class Covers:
    """The covers of tracks. Those who ask at the same time share one reading; the picture is shared by all."""

    def __init__(
        self,
        read: Callable[[Path], tuple[bytes, str] | None] = tags.cover,
        *,
        read_seconds: float = READ_SECONDS,
        kept_bytes: int = KEPT_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._read_seconds = read_seconds
        self._kept_bytes = kept_bytes
        self._clock = clock
        self._threads = Threads("covers", READERS)
        self._reading = dict[str, _Reading]()
        self._kept = OrderedDict[str, _Kept]()
        self._size = 0
        """Bytes of the covers kept."""

    async def get(self, track: Track) -> Cover | None:
        """Return the cover of a track; None if it has none. Raises CoverTimeoutError and TooManyCoversError."""
        kept = self._kept.get(track.id)
        if kept is not None and self._clock() - kept.read_at < KEPT_SECONDS:
            self._kept.move_to_end(track.id)
            return kept.cover
        loop = asyncio.get_running_loop()
        reading = self._reading.get(track.id)
        if reading is None:
            if len(self._reading) >= READERS + MAX_WAITING:
                raise TooManyCoversError
            task = asyncio.create_task(self._keep(track), name=f"cover {track.id}")
            reading = self._reading[track.id] = _Reading(task, loop.time() + self._read_seconds)
        done, _ = await asyncio.wait((reading.task,), timeout=max(0.0, reading.give_up_at - loop.time()))
        if not done:
            raise CoverTimeoutError
        return reading.task.result()

    async def close(self) -> None:
        """Give up what is being read. Idempotent."""
        tasks = [reading.task for reading in self._reading.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.close()

    async def _keep(self, track: Track) -> Cover | None:
        try:
            cover = await self._threads.run(self._cover, track.path)
            self._drop(track.id)
            self._kept[track.id] = _Kept(cover, self._clock())
            self._size += len(cover.data) if cover else 0
            while len(self._kept) > 1 and (self._size > self._kept_bytes or len(self._kept) > KEPT_COUNT):
                self._drop(next(iter(self._kept)))
            return cover
        finally:
            del self._reading[track.id]

    def _drop(self, track_id: str) -> None:
        kept = self._kept.pop(track_id, None)
        if kept is not None and kept.cover is not None:
            self._size -= len(kept.cover.data)

    def _cover(self, path: Path) -> Cover | None:
        """Read a cover, in a thread."""
        found = self._read(path)
        return None if found is None else Cover(*found, hashlib.blake2b(found[0], digest_size=16).hexdigest())
