"""The analyses of all tracks. Tracks without one are analysed in the background."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType

from rtc_drift.analysis.model import CURVES, Analysis
from rtc_drift.library import jobs
from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.library.resources import Resources
from rtc_drift.library.track import Track, Unplayable, legible

logger = logging.getLogger(__name__)

READ_SECONDS = 0.015
"""Longest time that planning waits for beats and curves to be read: the event loop stands still meanwhile."""
_MAX_RECENT = 64
"""Most analyses with beats and curves in memory; each takes about 100 kB."""
RECORD_AGAIN_SECONDS = 30.0
"""Time between attempts to record an analysis, while the disk is full, for example."""


class Analyses:
    """Analyses of tracks by id. A content is analysed once, even if its file moves or the analysis fails.

    Beats and curves stay in the catalogue; `get` and `read` load them. The owner closes the resources.
    """

    def __init__(
        self,
        resources: Resources,
        tracks: Callable[[], Sequence[Track]],
        on_change: Callable[[], None] = lambda: None,
        on_failure: Callable[[str], None] = logger.warning,
        check_folder: Callable[[Track], Awaitable[None]] | None = None,
    ) -> None:
        """Create an empty set of analyses; `load` and `run` fill it.

        `tracks` returns the tracks to analyse, the most urgent first; `on_change` is called after each new analysis;
        `on_failure` with a sentence whenever the catalogue can't be used; `check_folder` with a track that could not be
        read, since all others of its folder may hang as well.
        """
        self._resources = resources
        self._tracks = tracks
        self._on_change = on_change
        self._on_failure = on_failure
        self._check_folder = check_folder
        self._analyses: dict[str, Analysis] = {}
        self._recent: dict[str, Analysis] = {}
        """Analyses with beats and curves that were asked for last, the oldest first."""
        self._reading = set[str]()
        """Tracks whose beats and curves are being read for `get`."""
        self._failed = set[str]()
        """Tracks that can't be analysed; they are not tried again."""
        self._skipped = set[str]()
        """Tracks whose analysis failed for a temporary reason; the next start tries them again."""
        self._unrecorded: dict[str, Analysis] = {}
        """New analyses with beats and curves that are not in the catalogue yet: one for each worker at most."""
        self._lost = set[str]()
        """Tracks whose recorded beats and curves could not be read. They are analysed again once, not more often."""
        self._logged_reasons = set[str]()
        self._busy = set[str]()
        self._wakeup = asyncio.Event()

    @property
    def known(self) -> Mapping[str, Analysis]:
        """Analyses by track id, without beats and curves: a read-only view that grows."""
        return MappingProxyType(self._analyses)

    def count_done(self, tracks: Sequence[Track]) -> int:
        """Count the tracks that are analysed or can't be."""
        return sum(track.id in self._analyses or track.id in self._failed for track in tracks)

    def get(self, track_id: str) -> Analysis | None:
        """Return the analysis of a track with beats and curves; None if there is none or it can't be read in time.

        Synchronous: it is in memory, or a thread reads it in a few milliseconds. If that takes longer, it goes on, and
        `is_at_hand` is True afterwards; until then no other call waits.
        """
        analysis = self._recent.get(track_id) or self._unrecorded.get(track_id)
        if analysis is None and track_id in self._analyses and track_id not in self._reading:
            may_wait, read = not self._reading, self._start_reading(track_id)
            if may_wait and read.done.wait(READ_SECONDS):
                analysis = read.analysis
        if analysis is not None:
            self._remember(track_id, analysis)
        return analysis

    def is_at_hand(self, track_id: str) -> bool:
        """Return True if `get` has the analysis in memory."""
        return track_id in self._recent or track_id in self._unrecorded

    def _remember(self, track_id: str, analysis: Analysis) -> None:
        self._recent.pop(track_id, None)
        self._recent[track_id] = analysis
        if len(self._recent) > _MAX_RECENT:
            self._recent.pop(next(iter(self._recent)))

    def _start_reading(self, track_id: str) -> "_Read":
        """Have a thread read an analysis; if nobody waits for that any more, it is remembered when it is there."""
        read = _Read()
        try:
            call = self._resources.storage.start(read, self._resources.catalogue, track_id)
        except CatalogueError as error:
            self._report_unreadable(error)
            read.done.set()
        else:
            self._reading.add(track_id)
            call.add_done_callback(lambda ended: self._end_reading(track_id, read, ended))
        return read

    def _end_reading(self, track_id: str, read: "_Read", call: asyncio.Future[None]) -> None:
        self._reading.discard(track_id)
        if call.cancelled():
            return
        if (error := call.exception()) is not None:
            self._report_unreadable(error)
        elif read.analysis is not None:
            self._remember(track_id, read.analysis)
        else:
            self._analyse_again(track_id)

    def _report_unreadable(self, error: BaseException) -> None:
        self._on_failure(f"An analysis can't be read: {error}")

    async def read(self, track_id: str) -> Analysis | None:
        """Read the analysis of a track with beats and curves from the catalogue. Raises CatalogueError."""
        if (unrecorded := self._unrecorded.get(track_id)) is not None:
            return unrecorded
        analysis = await self._resources.storage.run_soon(self._resources.catalogue.analysis, track_id)
        if analysis is None:
            self._analyse_again(track_id)
        return analysis

    async def load(self) -> None:
        """Load the analyses of earlier runs, without beats and curves. Raises CatalogueError."""
        self._analyses, self._failed = await self._resources.storage.run(_all_of, self._resources.catalogue)

    def wake(self) -> None:
        """Let `run` look for tracks that are not analysed yet."""
        self._wakeup.set()

    async def run(self) -> None:
        """Analyse all tracks, and more when they come. Never returns. Raises WorkerError.

        While the catalogue can't be written, no further track is analysed.
        """
        while True:
            self._wakeup.clear()
            await self.analyse_all(is_patient=True)
            await self._wakeup.wait()

    async def analyse_all(
        self,
        on_done: Callable[[Track, Analysis | Unplayable], None] = lambda *_: None,
        *,
        is_patient: bool = False,
    ) -> None:
        """Analyse all tracks, one in each worker at a time. Raises WorkerError, and CatalogueError unless patient."""

        async def work() -> None:
            while (track := self._next()) is not None:
                self._busy.add(track.id)
                try:
                    on_done(track, await self._analyse(track, is_patient))
                finally:
                    self._busy.discard(track.id)

        await self._resources.workers.run_concurrently(work, "analyse")

    def _next(self) -> Track | None:
        excluded = (self._analyses, self._failed, self._skipped, self._busy)
        return next((track for track in self._tracks() if not any(track.id in ids for ids in excluded)), None)

    async def _analyse(self, track: Track, is_patient: bool) -> Analysis | Unplayable:
        result = await jobs.analyse(self._resources.workers, track)
        if isinstance(result, Analysis):
            self._analyses[track.id] = result.model_copy(update=dict.fromkeys(CURVES, ()))
            self._unrecorded[track.id] = result
            try:
                await self._record(track.id, result, is_patient)
            finally:
                self._unrecorded.pop(track.id, None)
            return result
        if result.reason not in self._logged_reasons:
            self._logged_reasons.add(result.reason)
            logger.warning("%s can't be analysed: %s", legible(track.path), result.reason)
        if result.temporary:
            self._skipped.add(track.id)
            if self._check_folder is not None:
                await self._check_folder(track)
        else:
            self._failed.add(track.id)
            await self._record(track.id, None, is_patient)
        return result

    async def _record(self, track_id: str, result: Analysis | None, is_patient: bool) -> None:
        """Record a result, and report it. A patient caller waits for a catalogue that can't be written.

        Raises CatalogueError if the caller is not patient.
        """
        failures = 0
        while not await self._try_to_record(track_id, result, is_patient):
            failures += 1
            if failures == 1 and result is not None:  # it can be used all the same
                self._on_change()
            await asyncio.sleep(RECORD_AGAIN_SECONDS)
        if failures:
            logger.info("The catalogue can be written again.")
        elif result is not None:
            self._on_change()

    async def _try_to_record(self, track_id: str, result: Analysis | None, is_patient: bool) -> bool:
        try:
            await self._resources.storage.run(self._resources.catalogue.record_analysis, track_id, result)
        except CatalogueError as error:
            if not is_patient:
                raise
            self._on_failure(str(error))
            return False
        return True

    def _analyse_again(self, track_id: str) -> None:
        """Forget an analysis whose beats and curves can't be read, if it should be there."""
        if track_id not in self._analyses or track_id in self._unrecorded:
            return
        self._analyses.pop(track_id, None)
        if track_id in self._lost:
            self._skipped.add(track_id)
        self._lost.add(track_id)
        self.wake()


def _all_of(catalogue: Catalogue) -> tuple[dict[str, Analysis], set[str]]:
    """Return the analyses of earlier runs without beats and curves, and the tracks that can't be analysed."""
    columns, failed = catalogue.analysed()
    found = ((track_id, catalogue.analysis(track_id)) for track_id in (f"{number:016x}" for number in columns.ids))
    no_curves = dict.fromkeys(CURVES, ())
    return {track_id: analysis.model_copy(update=no_curves) for track_id, analysis in found if analysis}, failed


class _Read:
    """A call that reads one analysis, and its result as soon as it is there, before the event loop knows of it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.analysis: Analysis | None = None

    def __call__(self, catalogue: Catalogue, track_id: str) -> None:
        try:
            self.analysis = catalogue.analysis(track_id)
        finally:
            self.done.set()
