"""The door of this room: the tracks that can be played now, while the music folders are being scanned."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from rtc_drift.analysis.model import Analysis
from rtc_drift.library import jobs
from rtc_drift.library.analyses import Analyses
from rtc_drift.library.background_tasks import BackgroundTasks
from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.library.cooldown import COOL_DOWN_SECONDS, Cooldown
from rtc_drift.library.demo_library import DemoLibrary
from rtc_drift.library.folders import LOST_CHECK_SECONDS, Folders
from rtc_drift.library.loved import LovedTracks
from rtc_drift.library.normalisation import Normalisation, album_loudness
from rtc_drift.library.scan import (
    RootError,
    ScanProgress,
    Survey,
    examine_changed,
    holds_anything,
    remember,
    state_of,
    survey,
)
from rtc_drift.library.search import Search
from rtc_drift.library.status import LibraryStatus
from rtc_drift.library.track import Track, Unplayable, legible
from rtc_drift.library.watcher import LOOK_SECONDS
from rtc_drift.media import TARGET_LUFS
from rtc_drift.workers.pool import WorkerError, Workers

logger = logging.getLogger(__name__)


class Library:
    """The tracks that can be played now. Grows while it is being scanned; falls back to the demo library.

    It borrows catalogue and workers: close it before them.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        workers: Workers,
        *,
        music: Sequence[Path],
        demo_folder: Path,
        lost_check_seconds: float = LOST_CHECK_SECONDS,
        cool_down_seconds: float = COOL_DOWN_SECONDS,
        look_seconds: float | None = LOOK_SECONDS,
        analyse: bool = True,
        target_lufs: float = TARGET_LUFS,
        album_balance: bool = False,
    ) -> None:
        """Without `analyse` tracks that were not listened to yet stay so; without `look_seconds` changes are missed.

        `target_lufs` is how loud tracks are to be played, or, with `album_balance`, whole albums.
        """
        self._catalogue = catalogue
        self._workers = workers
        self._background = BackgroundTasks()
        self._lasting = BackgroundTasks()
        """Its tasks have no end of their own."""
        self._folders = Folders(
            music,
            self._background,
            scan=self._scan,
            is_scanning=lambda: self._scanning,
            on_lost=self._forget,
            lost_check_seconds=lost_check_seconds,
        )
        self.loved = LovedTracks(catalogue)
        self.on_change: Callable[[], None] = lambda: None
        """Called whenever there are other tracks to play."""
        self._music: dict[str, Track] = {}
        self._demo = DemoLibrary(
            catalogue,
            workers,
            self._background,
            demo_folder.absolute(),
            left_out=lambda track_id: track_id in self._suspects or track_id in self._resting,
            changed=self._changed,
        )
        self.analyses = Analyses(catalogue, workers, self.playable, lambda: self.on_change())
        self._analyse = analyse
        self._target_lufs, self._album_balance = target_lufs, album_balance
        self._normalisation: Normalisation | None = None
        self._playable: tuple[Track, ...] | None = ()
        self._is_playable = asyncio.Event()
        self._search = Search()
        self._resting = Cooldown(cool_down_seconds, self._wake)
        self._suspects: dict[str, Track] = {}
        self._unplayable: set[Path] = set()
        self._look_seconds = look_seconds
        self._scan_turn = asyncio.Lock()
        self._scanning, self._done, self._total = False, 0, 0
        self._demo_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load what the catalogue knows and begin to scan; returns without waiting for the scan."""
        self._scanning = True
        present = [root for root in self._folders.all if await asyncio.to_thread(holds_anything, root)]
        await self._background.guard(self._load(present))
        await self._background.guard(self.loved.load())
        await self._background.guard(self.analyses.load())
        scan = self._background.spawn(self._scan(self._folders.all), "library scan")
        if self._folders.all and self._look_seconds is not None:
            self._lasting.spawn(self._folders.follow(scan, self._look_seconds), "watch the music folders")
        if self._analyse:
            self._lasting.spawn(self.analyses.run(), "library listening")

    async def close(self) -> None:
        """End what goes on in the background. May be called again."""
        self._resting.clear()
        await self._lasting.close()
        await self._background.close()

    def playable(self) -> Sequence[Track]:
        """The music if there is any, else the demo library as far as it is made. Cheap."""
        if self._playable is None:
            self._playable = tuple((self._music or self._demo.tracks).values())
        return self._playable

    def get(self, track_id: str) -> Track | None:
        """A track that can be played, of the music or of the demo library."""
        return self._music.get(track_id) or self._demo.tracks.get(track_id)

    def analysis(self, track_id: str) -> Analysis | None:
        """How a track sounds, with beats and curves, if it was listened to. Cheap."""
        return self.analyses.of(track_id)

    @property
    def normalisation(self) -> Normalisation:
        """How loud tracks are to be played."""
        if self._normalisation is None:
            albums = album_loudness(self.playable()) if self._album_balance else {}
            self._normalisation = Normalisation(self._target_lufs, albums)
        return self._normalisation

    async def wait_until_playable(self) -> None:
        """Returns when there is at least one track to play."""
        await self._is_playable.wait()

    async def find(self, query: str) -> Sequence[Track]:
        """What can be played and holds every word of the query in title, artist or album, in a sensible order."""
        return await self._search.find(self.playable(), query)

    def mark_unplayable(self, track: Track, reason: str, *, lasting: bool = True) -> None:
        """Playing it failed: it is offered no more, for some minutes.

        For good only if that is said to be `lasting`, the file is still there, and examining it fails too.
        """
        known = self.get(track.id)
        if known is None or known.path != track.path:  # it has moved
            return
        for holder in (self._music, self._demo.tracks):
            holder.pop(track.id, None)
        self._suspects[track.id] = track
        self._changed()
        logger.warning("%s can't be played: %s", legible(track.path), reason)
        if not self._background.closed:
            self._background.spawn(self._settle(track, lasting), f"mark {track.id} unplayable")
            self._break_the_silence()

    def status(self) -> LibraryStatus:
        """A snapshot for people."""
        return LibraryStatus(
            source="music" if self._music else "demo" if self._demo.tracks else "none",
            tracks=len(self.playable()),
            analysed=self.analyses.done(self.playable()),
            unplayable=len(self._unplayable),
            scanning=self._scanning,
            done=self._done,
            total=self._total,
            notice=self._folders.notice,
            failures=self._background.failures + self._lasting.failures,
        )

    # -- scanning ------------------------------------------------------------------------------------------

    async def _scan(self, roots: Sequence[Path], *, only_if_changed: bool = False) -> None:
        async with self._scan_turn:
            await self._scan_now(roots, only_if_changed)

    async def _scan_now(self, roots: Sequence[Path], only_if_changed: bool) -> None:
        self._scanning, self._done, self._total = True, 0, 0
        try:
            surveys = [done for root in roots if (done := await self._survey(root)) is not None]
            if not surveys or (only_if_changed and not any(it.changed or it.removed for it in surveys)):
                return
            self._total = sum(len(surveyed.changed) for surveyed in surveys)
            await self._background.guard(self._load(self._folders.present))
            self._drop({file.path for surveyed in surveys for file in surveyed.changed})
            complete = [await self._examine(surveyed) for surveyed in surveys]
            if self._total and all(complete):  # duplicates of what changed are found again
                await self._background.guard(self._load(self._folders.present))
            for surveyed in surveys:
                await self._judge(surveyed)
            logger.info("%d tracks can be played, %d files can't.", len(self._music), len(self._unplayable))
        finally:
            self._scanning = False
            self._fall_back()

    async def _survey(self, root: Path) -> Survey | None:
        try:
            surveyed = await survey(root, self._catalogue)
        except RootError as error:
            self._folders.lose(root, str(error))
            return None
        except CatalogueError as error:
            self._background.failed(str(error))
            return None
        self._folders.is_back(root)
        for problem in surveyed.problems:
            self._background.failed(problem)
        return surveyed

    async def _load(self, roots: Sequence[Path]) -> None:
        tracks = await asyncio.to_thread(self._catalogue.tracks, roots)
        unplayable = await asyncio.to_thread(self._catalogue.unplayable, roots)
        self._music = {it.id: it for it in tracks if it.id not in self._suspects and it.id not in self._resting}
        self._unplayable = {file.path for file in unplayable}
        self._changed()

    async def _examine(self, surveyed: Survey) -> bool:
        """Whether everything that was found is in the catalogue now."""
        recorded = True

        def take(progress: ScanProgress) -> None:
            nonlocal recorded
            recorded = recorded and progress.recorded
            self._done += 1
            self._take(progress)

        try:
            summary = await examine_changed(surveyed, self._catalogue, self._workers, on_result=take)
        except WorkerError as error:
            self._background.failed(str(error))
            return False
        for problem in summary.problems:
            if problem not in surveyed.problems:
                self._background.failed(problem)
        return recorded

    def _take(self, progress: ScanProgress) -> None:
        if isinstance(progress.result, Track):
            self._resting.drop(progress.result.id)
            self._music[progress.result.id] = progress.result
            self._changed()
        else:
            self._unplayable.add(progress.result.path)
            logger.info("%s can't be played: %s", legible(progress.result.path), progress.result.reason)

    async def _judge(self, surveyed: Survey) -> None:
        if surveyed.found:
            await self._check(surveyed.root, scanned=True)
        else:
            await self._folders.is_without_music(surveyed.root)

    # -- losing music, and getting it back -----------------------------------------------------------------

    async def _settle(self, track: Track, lasting: bool) -> None:
        try:
            await self._background.guard(self._decide(track, lasting))
        finally:
            self._suspects.pop(track.id, None)
        for root in self._folders.all:
            if track.path.is_relative_to(root):
                await self._check(root)
        self._break_the_silence()
        self._fall_back()

    async def _decide(self, track: Track, lasting: bool) -> None:
        """Whether a track is gone, rests, or is out for good."""
        state = await asyncio.to_thread(state_of, track.path)
        if state == "missing":
            return
        result: Track | Unplayable | None = None
        try:
            if lasting and state == "there":
                result = await jobs.probe(self._workers, track.path)
        except WorkerError as error:
            self._background.failed(str(error))
        if isinstance(result, Unplayable) and not result.passing:
            logger.warning("%s is left out: %s", legible(track.path), result.reason)
            is_demo = self._holder(track) is self._demo.tracks
            if not is_demo:
                self._unplayable.add(track.path)
            await asyncio.to_thread(self._catalogue.mark_unplayable, track.path, result.reason)
            if is_demo:
                await self._demo.make_anew({track.path})
        elif isinstance(result, Track) and result.id != track.id:  # another content than was scanned
            self._holder(result)[result.id] = result
            self._changed()
            await remember(self._catalogue, result)
        else:
            self._resting.add(track)

    def _wake(self, tracks: list[Track]) -> None:
        for track in tracks:
            self._holder(track).setdefault(track.id, track)
        self._changed()

    def _holder(self, track: Track) -> dict[str, Track]:
        return self._demo.tracks if track.path.parent == self._demo.folder else self._music

    def _break_the_silence(self) -> None:
        """What rests is better than nothing."""
        if not self.playable():
            self._resting.wake_all()

    async def _check(self, root: Path, *, scanned: bool = False) -> None:
        if await self._folders.check(root):
            held = (*self._music.values(), *self._suspects.values(), *self._resting.tracks())
            if (scanned or not self._scanning) and not any(track.path.is_relative_to(root) for track in held):
                self._folders.is_unplayable(root)

    def _forget(self, root: Path) -> None:
        """The folder is lost, and its tracks with it."""
        self._resting.drop_under(root)
        self._drop({track.path for track in self._music.values() if track.path.is_relative_to(root)})

    def _drop(self, paths: set[Path]) -> None:
        self._music = {track.id: track for track in self._music.values() if track.path not in paths}
        self._changed()

    # -- the demo library ----------------------------------------------------------------------------------

    def _fall_back(self) -> None:
        """Make and play the demo library if there is nothing else."""
        wanted = not (self._music or self._demo.tracks or self._scanning or self._background.closed)
        if wanted and (self._demo_task is None or self._demo_task.done()):
            self._demo_task = self._background.spawn(self._demo.make(), "demo library")

    # -- in common -----------------------------------------------------------------------------------------

    def _changed(self) -> None:
        self._playable = self._normalisation = None
        if self._music or self._demo.tracks:
            self._is_playable.set()
        else:
            self._is_playable.clear()
        self.analyses.wake()
        self.on_change()
