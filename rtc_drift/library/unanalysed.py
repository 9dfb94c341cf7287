"""Analysing the tracks of folders that have no analysis yet, a few in memory at a time.

Each result is recorded at once, and what is recorded is not done again: it goes on where it was interrupted.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from rtc_drift.analysis.model import VERSION, Analysis
from rtc_drift.library import jobs, stored
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.recorded_files import range_below, successor
from rtc_drift.library.resources import Resources
from rtc_drift.library.roots import check_answers
from rtc_drift.library.stored import TRACK_COLUMNS
from rtc_drift.library.track import Track, Unplayable

PAGE_TRACKS = 100
"""Most tracks that are read at once."""


class Unanalysed:
    """The tracks below folders without an analysis of this version, read in pages, in the order of their paths."""

    def __init__(self, catalogue: Catalogue, folders: Sequence[Path]) -> None:
        self._database = catalogue.database
        self._ranges = [range_below(folder) for folder in folders]
        self._left = deque(self._ranges)

    def count(self) -> tuple[int, int]:
        """Return the number of all tracks, and of those without an analysis. Raises CatalogueError."""
        below = " OR ".join("path >= ? AND path < ?" for _ in self._ranges) or "FALSE"
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT count(*), count(*) FILTER (WHERE NOT EXISTS "
                "(SELECT 1 FROM analyses WHERE analyses.track_id = found.track_id AND version = ?)) FROM "
                "(SELECT DISTINCT track_id FROM files JOIN tracks ON tracks.id = files.track_id "
                f"WHERE {below}) AS found",
                (VERSION, *(end for ends in self._ranges for end in ends)),
            ).fetchone()
        return int(row[0]), int(row[1])

    def next_page(self) -> list[Track]:
        """Return the next tracks, at most `PAGE_TRACKS`; none at the end. Raises CatalogueError.

        A content in several files may be returned several times, unless its analysis is recorded before.
        """
        while self._left:
            rows = self._next_rows(*self._left[0])
            if rows:
                self._left[0] = successor(rows[-1][0]), self._left[0][1]
            else:
                self._left.popleft()
            found = list[Track]()
            for path, *values in rows:
                with suppress(ValueError):  # `Catalogue.tracks` has such files probed again
                    found.append(stored.track_of(path, values))
            if found:
                return found
        return []

    def _next_rows(self, first: bytes, until: bytes) -> list[tuple[bytes, ...]]:
        with self._database.transaction() as connection:
            return connection.execute(
                f"SELECT path, {', '.join(TRACK_COLUMNS)} FROM files JOIN tracks ON tracks.id = files.track_id "
                "WHERE path >= ? AND path < ? AND NOT EXISTS "
                "(SELECT 1 FROM analyses WHERE analyses.track_id = files.track_id AND version = ?) "
                "ORDER BY path LIMIT ?",
                (first, until, VERSION, PAGE_TRACKS),
            ).fetchall()


class FolderAnalysis:
    """The analysing of the tracks below folders, one in each worker at a time."""

    def __init__(self, folders: Sequence[Path], resources: Resources) -> None:
        self._folders = folders
        self._resources = resources
        self._unanalysed = Unanalysed(resources.catalogue, folders)
        self._page = deque[Track]()
        self._reading = asyncio.Lock()
        self._begun = set[str]()
        """Ids of tracks whose analysis has begun and is not recorded; those that failed for a passing reason stay."""

    async def count(self) -> tuple[int, int]:
        """Return the number of all tracks, and of those without an analysis. Raises CatalogueError."""
        return await self._resources.storage.run(self._unanalysed.count)

    async def run(self, on_result: Callable[[Track, Analysis | Unplayable], None]) -> int:
        """Analyse and record all that is missing. Return the number of tracks that were analysed, or can't be.

        Raises CatalogueError, WorkerError, and RootError if a folder does not answer any more.
        """
        done = 0

        async def work() -> None:
            nonlocal done
            while (track := await self._next()) is not None:
                result = await self._analyse(track)
                done += isinstance(result, Analysis) or not result.temporary
                on_result(track, result)

        await self._resources.workers.run_concurrently(work, "analyse")
        return done

    async def _next(self) -> Track | None:
        async with self._reading:
            if not self._page:
                while page := await self._resources.storage.run(self._unanalysed.next_page):
                    new = {track.id: track for track in page if track.id not in self._begun}
                    if new:
                        self._page.extend(new.values())
                        break
            if not self._page:
                return None
            track = self._page.popleft()
            self._begun.add(track.id)
            return track

    async def _analyse(self, track: Track) -> Analysis | Unplayable:
        result = await jobs.analyse(self._resources.workers, track)
        if isinstance(result, Unplayable) and result.temporary:  # all others of its folder may hang as well
            for folder in self._folders:
                if track.path.is_relative_to(folder):
                    await check_answers(self._resources.files, folder)
            return result
        analysis = result if isinstance(result, Analysis) else None
        await self._resources.storage.run(self._resources.catalogue.record_analysis, track.id, analysis)
        self._begun.discard(track.id)
        return result
