"""The door of this room: the tracks that can be played now, while the music folders are being scanned."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from rtc_drift.library import demo
from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.library.scan import (
    FoundFile,
    RootError,
    ScanProgress,
    Survey,
    check_root,
    examine_changed,
    legible,
    record,
    survey,
)
from rtc_drift.library.track import Track
from rtc_drift.library.workers import WorkerError, Workers

logger = logging.getLogger(__name__)


class LibraryStatus(BaseModel):
    """What people are told about the library."""

    model_config = ConfigDict(frozen=True)

    source: Literal["music", "demo", "none"]
    tracks: int
    """How many can be played now."""
    unplayable: int
    """How many files of the music folders can't be played."""
    scanning: bool
    done: int
    """Files examined by the scan, of `total` new or changed ones."""
    total: int
    notice: str | None
    """What is wrong with the music folders, one sentence for each."""
    failures: int
    """What went wrong in the background; each kind is logged once."""


class Library:
    """The tracks that can be played now. Grows while it is being scanned; falls back to the demo library.

    It borrows catalogue and workers: close it before them.
    """

    def __init__(self, catalogue: Catalogue, workers: Workers, *, music: Sequence[Path], demo_folder: Path) -> None:
        self._catalogue = catalogue
        self._workers = workers
        self._roots = tuple(dict.fromkeys(root.absolute() for root in music))
        self._demo_folder = demo_folder.absolute()
        self._music: dict[str, Track] = {}
        self._demo: dict[str, Track] = {}
        self._playable: tuple[Track, ...] | None = ()
        self._is_playable = asyncio.Event()
        self._unplayable: set[Path] = set()
        self._notices: dict[Path, str] = {}
        self._scanning, self._done, self._total = False, 0, 0
        self._failures: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._demo_task: asyncio.Task[None] | None = None
        self._closed = False

    async def start(self) -> None:
        """Load what the catalogue knows and begin to scan; returns without waiting for the scan."""
        self._scanning = True
        await self._guard(self._load(await asyncio.to_thread(_present, self._roots)))
        self._spawn(self._scan(), "library scan")

    async def close(self) -> None:
        """End what goes on in the background. May be called again."""
        self._closed = True
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)

    def playable(self) -> Sequence[Track]:
        """The music if there is any, else the demo library as far as it is made. Cheap."""
        if self._playable is None:
            self._playable = tuple((self._music or self._demo).values())
        return self._playable

    def get(self, track_id: str) -> Track | None:
        """A track that can be played, of the music or of the demo library."""
        return self._music.get(track_id) or self._demo.get(track_id)

    async def wait_until_playable(self) -> None:
        """Returns when there is at least one track to play."""
        await self._is_playable.wait()

    def mark_unplayable(self, track: Track, reason: str) -> None:
        """Playing it failed: it is offered no more. Remembered for good only if the file is still there."""
        holder = self._music if track.id in self._music else self._demo
        if holder.pop(track.id, None) is None:
            return
        self._changed()
        logger.warning("%s can't be played: %s", legible(track.path), reason)
        if not self._closed:
            self._spawn(self._settle(track, reason), f"mark {track.id} unplayable")

    def status(self) -> LibraryStatus:
        """A snapshot for people."""
        return LibraryStatus(
            source="music" if self._music else "demo" if self._demo else "none",
            tracks=len(self.playable()),
            unplayable=len(self._unplayable),
            scanning=self._scanning,
            done=self._done,
            total=self._total,
            notice=" ".join(self._notices.values()) or None,
            failures=sum(self._failures.values()),
        )

    # -- scanning ------------------------------------------------------------------------------------------

    async def _scan(self) -> None:
        try:
            surveys = [done for root in self._roots if (done := await self._survey(root)) is not None]
            self._total = sum(len(surveyed.changed) for surveyed in surveys)
            await self._guard(self._load([surveyed.root for surveyed in surveys]))
            self._drop({file.path for surveyed in surveys for file in surveyed.changed})
            complete = [await self._examine(surveyed) for surveyed in surveys]
            if self._total and all(complete):  # duplicates of what changed are found again
                await self._guard(self._load([surveyed.root for surveyed in surveys]))
            for surveyed in surveys:
                self._judge(surveyed)
            logger.info("%d tracks can be played, %d files can't.", len(self._music), len(self._unplayable))
        finally:
            self._scanning = False
        self._fall_back()

    async def _survey(self, root: Path) -> Survey | None:
        try:
            surveyed = await survey(root, self._catalogue)
        except RootError as error:
            self._lost(root, str(error))
            return None
        except CatalogueError as error:
            self._failed(str(error))
            return None
        for problem in surveyed.problems:
            self._failed(problem)
        return surveyed

    async def _load(self, roots: Sequence[Path]) -> None:
        tracks = await asyncio.to_thread(self._catalogue.tracks, roots)
        unplayable = await asyncio.to_thread(self._catalogue.unplayable, roots)
        self._music = {track.id: track for track in tracks}
        self._unplayable = {file.path for file in unplayable}
        self._changed()

    async def _examine(self, surveyed: Survey) -> bool:
        """Whether everything that was found is in the catalogue now."""
        recorded = True

        def take(progress: ScanProgress) -> None:
            nonlocal recorded
            recorded = recorded and progress.recorded
            self._done += 1
            self._take(progress, self._music)

        try:
            summary = await examine_changed(surveyed, self._catalogue, self._workers, on_result=take)
        except WorkerError as error:
            self._failed(str(error))
            return False
        for problem in summary.problems:
            if problem not in surveyed.problems:
                self._failed(problem)
        return recorded

    def _take(self, progress: ScanProgress, holder: dict[str, Track]) -> None:
        if isinstance(progress.result, Track):
            holder[progress.result.id] = progress.result
            self._changed()
        else:
            self._unplayable.add(progress.result.path)
            logger.info("%s can't be played: %s", legible(progress.result.path), progress.result.reason)

    def _judge(self, surveyed: Survey) -> None:
        root = legible(surveyed.root)
        if surveyed.found == 0:
            self._tell(surveyed.root, f"The music folder {root} has no music in it.")
        elif not any(track.path.is_relative_to(surveyed.root) for track in self._music.values()):
            self._tell(surveyed.root, f"None of the music in {root} can be played.")

    # -- losing music --------------------------------------------------------------------------------------

    async def _settle(self, track: Track, reason: str) -> None:
        if await asyncio.to_thread(track.path.is_file):
            self._unplayable.add(track.path)
            await asyncio.to_thread(self._catalogue.mark_unplayable, track.path, reason)
        for root in self._roots:
            if track.path.is_relative_to(root):
                await self._check(root)
        self._fall_back()

    async def _check(self, root: Path) -> None:
        try:
            await asyncio.to_thread(check_root, root)
        except RootError as error:
            self._lost(root, str(error))
        else:
            if not self._music and not self._scanning:
                self._tell(root, f"None of the music in {legible(root)} can be played.")

    def _lost(self, root: Path, reason: str) -> None:
        self._drop({track.path for track in self._music.values() if track.path.is_relative_to(root)})
        self._tell(root, reason)

    def _drop(self, paths: set[Path]) -> None:
        self._music = {track.id: track for track in self._music.values() if track.path not in paths}
        self._changed()

    # -- the demo library ----------------------------------------------------------------------------------

    def _fall_back(self) -> None:
        """Make and play the demo library if there is nothing else."""
        wanted = not (self._music or self._demo or self._scanning or self._closed)
        if wanted and (self._demo_task is None or self._demo_task.done()):
            self._demo_task = self._spawn(self._make_demo(), "demo library")

    async def _make_demo(self) -> None:
        await asyncio.to_thread(self._demo_folder.mkdir, parents=True, exist_ok=True)
        await self._guard(self._load_demo())
        for spec in await asyncio.to_thread(demo.missing, self._demo_folder):
            await self._guard(self._add_demo(spec.number))

    async def _load_demo(self) -> None:
        surveyed = await survey(self._demo_folder, self._catalogue, may_be_empty=True)
        changed = {file.path for file in surveyed.changed}
        known = await asyncio.to_thread(self._catalogue.tracks, [self._demo_folder])
        self._demo = {track.id: track for track in known if track.path not in changed}
        self._changed()
        await examine_changed(surveyed, self._catalogue, self._workers, on_result=lambda it: self._take(it, self._demo))

    async def _add_demo(self, number: int) -> None:
        path = await self._workers.write_demo(number, self._demo_folder, urgent=not self._demo)
        result = await self._workers.examine(path)
        if not isinstance(result, Track):
            self._failed(f"A demo track can't be played: {result.reason}")
            return
        self._demo[result.id] = result
        self._changed()
        state = await asyncio.to_thread(path.stat)
        file = FoundFile(path, state.st_size, state.st_mtime_ns)
        await asyncio.to_thread(record, self._catalogue, file, result)

    # -- in common -----------------------------------------------------------------------------------------

    def _changed(self) -> None:
        self._playable = None
        if self._music or self._demo:
            self._is_playable.set()
        else:
            self._is_playable.clear()

    def _tell(self, root: Path, sentence: str) -> None:
        if self._notices.get(root) != sentence:
            self._notices[root] = sentence
            logger.warning("%s", sentence)

    def _failed(self, sentence: str) -> None:
        if sentence not in self._failures:
            logger.warning("%s", sentence)
        self._failures[sentence] = self._failures.get(sentence, 0) + 1

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """What fails in the background is told once and ends nothing else."""
        try:
            await work
        except (CatalogueError, WorkerError, RootError) as error:
            self._failed(str(error))
        except OSError as error:
            self._failed(f"The demo library can't be written: {(error.strerror or 'unknown error').lower()}.")
        except Exception as error:
            logger.debug("Unexpected", exc_info=True)
            self._failed(f"Something unexpected went wrong in the library: {error!r}")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._guard(work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # cancelled before it began, it would never be awaited
        return task


def _present(roots: Sequence[Path]) -> list[Path]:
    return [root for root in roots if root.is_dir()]
