"""The library: the tracks that can be played now, also while the music folders are being scanned."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from rtc_drift.analysis.model import Analysis
from rtc_drift.library import jobs
from rtc_drift.library.analyses import Analyses
from rtc_drift.library.background_tasks import BackgroundTasks
from rtc_drift.library.cooldown import COOLDOWN_SECONDS, Cooldown
from rtc_drift.library.demo_library import DemoLibrary
from rtc_drift.library.folder_threads import HungError
from rtc_drift.library.folders import LOST_CHECK_SECONDS, MusicFolders
from rtc_drift.library.loved import LovedTracks
from rtc_drift.library.normalisation import Normalisation, Normaliser
from rtc_drift.library.resources import Resources
from rtc_drift.library.scan import ScanProgress, Survey, presence_of, record_track
from rtc_drift.library.search import Search
from rtc_drift.library.status import LibraryStatus
from rtc_drift.library.track import Track, Unplayable, legible
from rtc_drift.library.track_table import TrackTable
from rtc_drift.library.watcher import POLL_SECONDS
from rtc_drift.media import TARGET_LUFS
from rtc_drift.workers.pool import WorkerError

logger = logging.getLogger(__name__)


class Library:
    """The tracks that can be played now: the music, or the demo library if there is none. It grows during a scan.

    The owner closes the resources, after the library.
    """

    def __init__(
        self,
        resources: Resources,
        *,
        music: Sequence[Path],
        demo_folder: Path,
        lost_check_seconds: float = LOST_CHECK_SECONDS,
        cooldown_seconds: float = COOLDOWN_SECONDS,
        poll_seconds: float | None = POLL_SECONDS,
        analyse: bool = True,
        target_lufs: float = TARGET_LUFS,
        album_balance: bool = False,
    ) -> None:
        """Create the library; `start` loads and scans it.

        Without `analyse`, no further tracks are analysed. With `poll_seconds` None, the folders are not watched for
        changes. `target_lufs` is the loudness of each track, or of each album with `album_balance`.
        """
        self._resources = resources
        self._background = BackgroundTasks()
        self._services = BackgroundTasks()  # those that run until the library is closed
        self._folders = MusicFolders(
            music,
            resources,
            self._background,
            scan=self._scan,
            is_scanning=lambda: self._scanning,
            on_lost=self._remove_folder,
            lost_check_seconds=lost_check_seconds,
        )
        self.loved = LovedTracks(resources)
        self.on_change: Callable[[], None] = lambda: None
        """Callback for every change of the playable tracks."""
        self._music = TrackTable()
        self._loaded: Sequence[Path] = ()
        """The folders whose tracks are all in `_music`, as far as the catalogue knows them."""
        self._demo = DemoLibrary(
            resources,
            self._background,
            demo_folder.absolute(),
            is_excluded=lambda track_id: track_id in self._being_checked or track_id in self._cooldown,
            on_change=self._changed,
        )
        report = self._services.record_failure
        self.analyses = Analyses(resources, self.playable, lambda: self.on_change(), report, self._check_folder_of)
        self._analysis_enabled = analyse
        self._normaliser = Normaliser(self.playable, target_lufs, album_balance=album_balance)
        self._changes = 0
        self._search = Search(lambda: self.playable().texts(), lambda: self._changes)
        self._cooldown = Cooldown(cooldown_seconds, self._restore)
        self._being_checked: dict[str, Track] = {}
        """Tracks that failed to play, by id, while their files are being checked."""
        self._unplayable_paths: set[Path] = set()
        self._poll_seconds = poll_seconds
        self._has_tracks, self._scan_lock = asyncio.Event(), asyncio.Lock()
        self._scanning, self._done, self._total = False, 0, 0
        self._demo_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load the tracks of the catalogue and start the scan. Returns without waiting for the scan."""
        self._scanning = True
        await self._background.guard(self._load(await self._folders.found_at_start()))
        await self._background.guard(self.loved.load())
        await self._background.guard(self.analyses.load())
        self._search.prepare()
        scan = self._background.spawn(self._scan(self._folders.all), "library scan")
        if self._folders.all and self._poll_seconds is not None:
            self._services.spawn(self._folders.follow(scan, self._poll_seconds), "watch the music folders")
        if self._analysis_enabled:
            self._services.spawn(self.analyses.run(), "library analysis")

    async def close(self) -> None:
        """End all background tasks. Safe to call again."""
        self._cooldown.clear()
        await self._search.close()
        await self._services.close()
        await self._background.close()

    def playable(self) -> TrackTable:
        """Return the music if there is any, else the demo tracks written so far. To be read only."""
        return self._music or self._demo.tracks

    def get(self, track_id: str) -> Track | None:
        """Return a playable track of the music or of the demo library, or None."""
        return self._music.get(track_id) or self._demo.tracks.get(track_id)

    def analysis(self, track_id: str) -> Analysis | None:
        """Return the analysis of a track with beats and curves; None if there is none, or it can't be read in time."""
        return self.analyses.get(track_id)

    async def read_analysis(self, track_id: str) -> Analysis | None:
        """Read the analysis of a track with beats and curves; None if there is none, or it can't be read."""
        return await self.analyses.fetch(track_id)

    def has_analysis_at_hand(self, track_id: str) -> bool:
        """Return True if `analysis` returns the analysis of a track from memory."""
        return self.analyses.is_at_hand(track_id)

    @property
    def normalisation(self) -> Normalisation:
        """Normalisation of the playable tracks."""
        return self._normaliser.latest

    async def wait_until_playable(self) -> None:
        """Wait until at least one track can be played."""
        await self._has_tracks.wait()

    async def find(self, query: str, *, limit: int, played: Collection[str] = ()) -> tuple[Sequence[Track], int]:
        """Return the best playable tracks with every word of the query in title, artist or album, and their number.

        Those of equal rank that are loved, or among those `played`, come first. Raises SearchBusyError.
        """
        found = await self._search.find(query, limit=limit, loved=frozenset(self.loved), played=played)
        return [track for it in found.ids if (track := self.get(it)) is not None], found.total

    def mark_unplayable(self, track: Track, reason: str, *, lasting: bool = True, position: int | None = None) -> None:
        """Take out a track that failed to play, at a `position` in its file (48 kHz), for some minutes.

        It stays out until its file changes only if the failure is `lasting`, the file still exists, and probing it
        fails, too.
        """
        present = self.get(track.id)
        if present is None or present.path != track.path:  # it has moved
            return
        for tracks in (self._music, self._demo.tracks):
            tracks.pop(track.id, None)
        self._being_checked[track.id] = track
        self._changed()
        logger.warning("%s can't be played: %s", legible(track.path), reason)
        if not self._background.closed:
            self._background.spawn(self._check_failed(track, lasting, position), f"mark {track.id} unplayable")
            self._end_cooldown_if_silent()

    def status(self) -> LibraryStatus:
        """Return the current status."""
        return LibraryStatus(
            source="music" if self._music else "demo" if self._demo.tracks else "none",
            tracks=len(self.playable()),
            analysed=self.analyses.count_done(self.playable()),
            analysis_seconds_left=self.analyses.seconds_left() if self._analysis_enabled else None,
            unplayable=len(self._unplayable_paths),
            scanning=self._scanning,
            done=self._done,
            total=self._total,
            notice=self._folders.notice,
            failures=self._background.failures + self._services.failures + self._resources.catalogue.unreadable,
        )

    # -- scanning ------------------------------------------------------------------------------------------

    async def _scan(self, roots: Sequence[Path], *, only_if_changed: bool = False) -> None:
        async with self._scan_lock:
            await self._scan_now(roots, only_if_changed)

    async def _scan_now(self, roots: Sequence[Path], only_if_changed: bool) -> None:
        self._scanning, self._done, self._total = True, 0, 0
        try:
            surveys = await self._folders.survey(roots)
            if only_if_changed and surveys and not any(it.changed or it.removed for it in surveys):
                return
            self._total = sum(len(surveyed.changed) for surveyed in surveys)
            if list(self._loaded) != list(self._folders.present) or any(it.changed or it.removed for it in surveys):
                await self._background.guard(self._load(self._folders.present))
            if not surveys:
                return
            if self._total:
                self._music.remove_files(file.path for surveyed in surveys for file in surveyed.changed)
                self._changed()
            complete = [await self._folders.probe_changed(surveyed, self._add_result) for surveyed in surveys]
            if self._total and all(complete):  # unchanged copies of changed files appear again
                await self._background.guard(self._load(self._folders.present))
            for surveyed in surveys:
                await self._check_scanned(surveyed)
            logger.info("%d tracks can be played, %d files can't.", len(self._music), len(self._unplayable_paths))
        finally:
            self._scanning = False
            self._make_demo_if_needed()

    async def _load(self, roots: Sequence[Path]) -> None:
        catalogue, storage = self._resources.catalogue, self._resources.storage
        tracks, unplayable = await storage.run(catalogue.tracks, roots), await storage.run(catalogue.unplayable, roots)
        for track_id in (*self._being_checked, *(track.id for track in self._cooldown.tracks())):
            tracks.pop(track_id, None)
        self._music, self._loaded = tracks, tuple(roots)
        self._unplayable_paths = {file.path for file in unplayable}
        self._changed()

    def _add_result(self, progress: ScanProgress) -> None:
        self._done += 1
        if isinstance(progress.result, Track):
            self._cooldown.remove(progress.result.id)
            self._music.add(progress.result)
            self._changed()
        else:
            self._unplayable_paths.add(progress.result.path)
            logger.info("%s can't be played: %s", legible(progress.result.path), progress.result.reason)

    async def _check_scanned(self, surveyed: Survey) -> None:
        if surveyed.found:
            await self._check_folder(surveyed.root, scanned=True)
        else:
            await self._folders.mark_without_music(surveyed.root)

    # -- tracks and folders that fail ----------------------------------------------------------------------

    async def _check_failed(self, track: Track, lasting: bool, position: int | None) -> None:
        try:
            await self._background.guard(self._probe_again(track, lasting, position))
        finally:
            self._being_checked.pop(track.id, None)
        await self._check_folder_of(track)
        self._end_cooldown_if_silent()
        self._make_demo_if_needed()

    async def _probe_again(self, track: Track, lasting: bool, position: int | None) -> None:
        """Decide if a track is gone, comes back after the cooldown, or stays out until its file changes."""
        try:
            presence = await self._resources.files.run(self._folders.root_of(track.path), presence_of, track.path)
        except HungError:
            presence = "unknown"
        if presence == "missing":
            return
        result: Track | Unplayable | None = None
        try:
            if lasting and presence == "present":
                result = await jobs.probe_again(self._resources.workers, track, position)
        except WorkerError as error:
            self._background.record_failure(str(error))
        if isinstance(result, Unplayable) and not result.temporary:
            logger.warning("%s is left out: %s", legible(track.path), result.reason)
            is_demo = self._tracks_with(track.path) is self._demo.tracks
            if not is_demo:
                self._unplayable_paths.add(track.path)
            mark = self._resources.catalogue.mark_unplayable
            await self._resources.storage.run(mark, track.path, result.reason)
            if is_demo:
                await self._demo.replace({track.path})
        elif isinstance(result, Track) and result.id != track.id:  # the file has other content now
            self._tracks_with(result.path).add(result)
            self._changed()
            await record_track(self._folders.root_of(result.path), result, self._resources)
        else:
            self._cooldown.add(track)

    async def _check_folder_of(self, track: Track) -> None:
        for root in self._folders.all:
            if track.path.is_relative_to(root):
                await self._check_folder(root)

    def _restore(self, tracks: list[Track]) -> None:
        for track in tracks:
            self._tracks_with(track.path).setdefault(track.id, track)
        self._changed()

    def _tracks_with(self, path: Path) -> TrackTable:
        """Return the tracks that a file belongs to: those of the demo library, or the music."""
        return self._demo.tracks if path.parent == self._demo.folder else self._music

    def _end_cooldown_if_silent(self) -> None:
        """Release all tracks of the cooldown if nothing else can be played."""
        if not self.playable():
            self._cooldown.release_all()

    async def _check_folder(self, root: Path, *, scanned: bool = False) -> None:
        if await self._folders.check(root):
            others = (*self._being_checked.values(), *self._cooldown.tracks())
            has_tracks = self._music.has_tracks_below(root) or any(it.path.is_relative_to(root) for it in others)
            if (scanned or not self._scanning) and not has_tracks:
                self._folders.mark_unplayable(root)

    def _remove_folder(self, root: Path) -> None:
        """Remove the tracks of a lost folder."""
        self._cooldown.remove_under(root)
        self._music.remove_below(root)
        self._loaded = [it for it in self._loaded if it != root]
        self._changed()

    # -- the demo library ----------------------------------------------------------------------------------

    def _make_demo_if_needed(self) -> None:
        """Write the demo library if there is nothing else to play, and no failed track may still return."""
        may_have_music = self._music or self._demo.tracks or self._being_checked or self._scanning
        is_needed = not (may_have_music or self._background.closed)
        if is_needed and (self._demo_task is None or self._demo_task.done()):
            self._demo_task = self._background.spawn(self._demo.make(), "demo library")

    # -- shared --------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        self._changes += 1
        if self._music or self._demo.tracks:
            self._has_tracks.set()
        else:
            self._has_tracks.clear()
        self.analyses.wake()
        self.on_change()
