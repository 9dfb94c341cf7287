"""The music folders while the program runs: a folder that changes, or is back after it was lost, is scanned."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from rtc_drift.library.background_tasks import BackgroundTasks
from rtc_drift.library.catalogue import CatalogueError
from rtc_drift.library.resources import Resources
from rtc_drift.library.roots import RootError, RootPartHangsError, check_answers, is_present
from rtc_drift.library.scan import ScanProgress, probe_changed
from rtc_drift.library.survey import Survey, survey
from rtc_drift.library.track import legible
from rtc_drift.library.watcher import changes
from rtc_drift.workers.pool import WorkerError

logger = logging.getLogger(__name__)

START_SECONDS = 3.0
"""Time for a folder to answer when the program starts. If that takes longer, its music comes with the scan."""
LOST_CHECK_SECONDS = 30.0
"""Seconds between checks for lost music folders."""


class Scan(Protocol):
    """A function that scans folders."""

    def __call__(self, roots: Sequence[Path], *, only_if_changed: bool = False) -> Coroutine[Any, Any, None]:
        """Scan folders; with `only_if_changed`, do no more than survey them if nothing has changed."""


class MusicFolders:
    """The music folders, watched and checked in background tasks that belong to the caller."""

    def __init__(
        self,
        roots: Iterable[Path],
        resources: Resources,
        background: BackgroundTasks,
        *,
        scan: Scan,
        is_scanning: Callable[[], bool],
        on_lost: Callable[[Path], None],
        lost_check_seconds: float = LOST_CHECK_SECONDS,
    ) -> None:
        """Create the folders; `follow` watches them. `on_lost` is called each time a folder is found to be lost."""
        self._states = _FolderStates(roots)
        self._resources = resources
        self._background = background
        self._scan = scan
        self._is_scanning = is_scanning
        self._on_lost = on_lost
        self._lost_check_seconds = lost_check_seconds
        self._waits_for_lost = False

    @property
    def all(self) -> Sequence[Path]:
        """All folders: absolute paths, each once, in the order given."""
        return self._states.all

    @property
    def present(self) -> Sequence[Path]:
        """Folders that are not lost."""
        return self._states.present

    @property
    def notice(self) -> str | None:
        """One sentence for each folder with a problem; None without one."""
        return self._states.notice

    async def found_at_start(self) -> list[Path]:
        """Return the folders that can be read now and are not empty, without waiting long for any."""
        return await self._present_among(self.all, START_SECONDS)

    async def follow(self, first_scan: asyncio.Task[None], poll_seconds: float) -> None:
        """Wait for the first scan, then scan after every change. Never returns."""
        async for _ in changes(lambda: self.present, self._resources, poll_seconds=poll_seconds):
            await asyncio.wait((first_scan,))
            await self._background.guard(self._scan(self.present, only_if_changed=True))

    def root_of(self, path: Path) -> Path:
        """Return the first folder that a file is in; the file's own folder if it is in none."""
        return next((root for root in self.all if path.is_relative_to(root)), path.parent)

    async def survey(self, roots: Sequence[Path]) -> list[Survey]:
        """Survey folders, all at once. Note what is wrong with the others."""
        surveys = await asyncio.gather(*map(self._survey, roots))
        return [surveyed for surveyed in surveys if surveyed is not None]

    async def _survey(self, root: Path) -> Survey | None:
        try:
            surveyed = await survey(root, self._resources)
        except RootPartHangsError as error:  # what is known of it can be played
            self.mark_present(root)
            self._states.set_notice(root, str(error))
            return None
        except RootError as error:
            self.mark_lost(root, str(error))
            return None
        except CatalogueError as error:
            self._background.record_failure(str(error))
            return None
        self.mark_present(root)
        for problem in surveyed.problems:
            self._background.record_failure(problem)
        return surveyed

    async def probe_changed(self, surveyed: Survey, on_result: Callable[[ScanProgress], None]) -> bool:
        """Probe the new and changed files of a folder. Return True if the catalogue has recorded all results."""
        recorded = True

        def add(progress: ScanProgress) -> None:
            nonlocal recorded
            recorded = recorded and progress.recorded
            on_result(progress)

        try:
            summary = await probe_changed(surveyed, self._resources, on_result=add)
        except RootError as error:
            self.mark_lost(surveyed.root, str(error))
            return False
        except WorkerError as error:
            self._background.record_failure(str(error))
            return False
        for problem in summary.problems:
            if problem not in surveyed.problems:
                self._background.record_failure(problem)
        return recorded

    async def check(self, root: Path) -> bool:
        """Return True if a folder can be read; otherwise mark it as lost."""
        try:
            await check_answers(self._resources.files, root)
        except RootError as error:
            self.mark_lost(root, str(error))
            return False
        return True

    async def mark_without_music(self, root: Path) -> None:
        """Record that a scan found no music in a folder. An empty folder counts as lost: it may not be mounted yet."""
        sentence = f"The music folder {legible(root)} has no music in it."
        if await is_present(self._resources.files, root):
            self._states.set_notice(root, sentence)
        else:
            self.mark_lost(root, sentence)

    def mark_unplayable(self, root: Path) -> None:
        """Record that a folder has music, but none that can be played."""
        self._states.set_notice(root, f"None of the music in {legible(root)} can be played.")

    def mark_present(self, root: Path) -> None:
        """Record that a folder is present and has no problem."""
        self._states.mark_present(root)

    def mark_lost(self, root: Path, reason: str) -> None:
        """Record that a folder is lost, and scan it as soon as it is back."""
        self._on_lost(root)
        self._states.mark_lost(root, reason)
        if not self._waits_for_lost and not self._background.closed:
            self._waits_for_lost = True
            self._background.spawn(self._scan_when_back(), "watch for lost music folders")

    async def _scan_when_back(self) -> None:
        try:
            while self._states.lost:
                await asyncio.sleep(self._lost_check_seconds)
                lost = [] if self._is_scanning() else self._states.lost
                back = await self._present_among(lost)
                if back:
                    await self._background.guard(self._scan(back))
        finally:
            self._waits_for_lost = False

    async def _present_among(self, roots: Sequence[Path], patience_seconds: float | None = None) -> list[Path]:
        files = self._resources.files
        found = await asyncio.gather(*(is_present(files, it, patience_seconds=patience_seconds) for it in roots))
        return [root for root, is_there in zip(roots, found, strict=True) if is_there]


class _FolderStates:
    """The states of the folders: which are lost, and a sentence for each one with a problem."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self.all = tuple(dict.fromkeys(root.absolute() for root in roots))
        self._lost: set[Path] = set()
        self._notices: dict[Path, str] = {}

    @property
    def present(self) -> list[Path]:
        return [root for root in self.all if root not in self._lost]

    @property
    def lost(self) -> list[Path]:
        """Folders that did not exist or were empty at the last check."""
        return sorted(self._lost)

    @property
    def notice(self) -> str | None:
        return " ".join(self._notices.values()) or None

    def mark_present(self, root: Path) -> None:
        self._lost.discard(root)
        self._notices.pop(root, None)

    def mark_lost(self, root: Path, reason: str) -> None:
        self.set_notice(root, reason)
        self._lost.add(root)

    def set_notice(self, root: Path, sentence: str) -> None:
        """Record what is wrong with a folder, and log it if it is new."""
        if self._notices.get(root) != sentence:
            self._notices[root] = sentence
            logger.warning("%s", sentence)
