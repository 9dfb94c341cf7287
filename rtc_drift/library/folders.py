"""The music folders while the program runs: lost when they vanish, scanned when they change or are back."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from rtc_drift.library.background_tasks import BackgroundTasks
from rtc_drift.library.scan import RootError, check_root, holds_anything
from rtc_drift.library.track import legible
from rtc_drift.library.watcher import changes

logger = logging.getLogger(__name__)

LOST_CHECK_SECONDS = 30.0
"""How often it is looked whether a music folder is back."""


class Scan(Protocol):
    """Scans some folders."""

    def __call__(self, roots: Sequence[Path], *, only_if_changed: bool = False) -> Coroutine[Any, Any, None]: ...


class Folders:
    """Which music folders are there, and having them scanned. It borrows the background it works in."""

    def __init__(
        self,
        roots: Iterable[Path],
        background: BackgroundTasks,
        *,
        scan: Scan,
        is_scanning: Callable[[], bool],
        on_lost: Callable[[Path], None],
        lost_check_seconds: float = LOST_CHECK_SECONDS,
    ) -> None:
        """`on_lost` is told each time that a folder turns out not to be there."""
        self._roots = MusicFolders(roots)
        self._background = background
        self._scan = scan
        self._is_scanning = is_scanning
        self._on_lost = on_lost
        self._lost_check_seconds = lost_check_seconds
        self._regaining = False

    @property
    def all(self) -> Sequence[Path]:
        """Absolute paths, each once, in the order given."""
        return self._roots.all

    @property
    def present(self) -> Sequence[Path]:
        """Those that were not lost."""
        return self._roots.present

    @property
    def notice(self) -> str | None:
        """What is wrong, one sentence for each."""
        return self._roots.notice

    async def follow(self, first_scan: asyncio.Task[None], look_seconds: float) -> None:
        """For ever, once the first scan is done: scan again whenever something has changed."""
        async for _ in changes(lambda: self.present, look_seconds=look_seconds):
            await asyncio.wait((first_scan,))
            await self._background.guard(self._scan(self.present, only_if_changed=True))

    async def check(self, root: Path) -> bool:
        """Look whether it can be read; else it is lost."""
        try:
            await asyncio.to_thread(check_root, root)
        except RootError as error:
            self.lose(root, str(error))
            return False
        return True

    async def is_without_music(self, root: Path) -> None:
        """A scan found none: there is none in it, or it is not mounted yet."""
        sentence = f"The music folder {legible(root)} has no music in it."
        if await asyncio.to_thread(holds_anything, root):
            self._roots.tell(root, sentence)
        else:
            self.lose(root, sentence)

    def is_unplayable(self, root: Path) -> None:
        """There is music in it, and none that can be played."""
        self._roots.tell(root, f"None of the music in {legible(root)} can be played.")

    def is_back(self, root: Path) -> None:
        """It is there, and nothing is wrong with it any more."""
        self._roots.back(root)

    def lose(self, root: Path, reason: str) -> None:
        """It is not there; it is scanned as soon as it is back."""
        self._on_lost(root)
        self._roots.lose(root, reason)
        if not self._regaining and not self._background.closed:
            self._regaining = True
            self._background.spawn(self._regain(), "watch for lost music folders")

    async def _regain(self) -> None:
        try:
            while self._roots.lost:
                await asyncio.sleep(self._lost_check_seconds)
                lost = [] if self._is_scanning() else self._roots.lost
                back = [root for root in lost if await asyncio.to_thread(holds_anything, root)]
                if back:
                    await self._background.guard(self._scan(back))
        finally:
            self._regaining = False


class MusicFolders:
    """Absolute paths, each once, in the order given."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self.all = tuple(dict.fromkeys(root.absolute() for root in roots))
        self._lost: set[Path] = set()
        self._notices: dict[Path, str] = {}

    @property
    def present(self) -> list[Path]:
        """Those that were not lost."""
        return [root for root in self.all if root not in self._lost]

    @property
    def lost(self) -> list[Path]:
        """Those that are not there, or were empty when last looked at."""
        return sorted(self._lost)

    @property
    def notice(self) -> str | None:
        """What is wrong, one sentence for each."""
        return " ".join(self._notices.values()) or None

    def back(self, root: Path) -> None:
        """It is there, and nothing is wrong with it any more."""
        self._lost.discard(root)
        self._notices.pop(root, None)

    def lose(self, root: Path, reason: str) -> None:
        """It is not there."""
        self.tell(root, reason)
        self._lost.add(root)

    def tell(self, root: Path, sentence: str) -> None:
        """Something is wrong with it; logged when it is news."""
        if self._notices.get(root) != sentence:
            self._notices[root] = sentence
            logger.warning("%s", sentence)
