"""The analyses of all tracks. Tracks without one are analysed in the background."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable

from rtc_drift.analysis.model import Analysis
from rtc_drift.library import jobs
from rtc_drift.library.analysed import Analysed
from rtc_drift.library.analysis_pace import AnalysisPace, ProgressLog
from rtc_drift.library.analysis_queue import AnalysisQueue
from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.library.resources import Resources
from rtc_drift.library.track import Track, id_of, legible
from rtc_drift.library.track_table import TrackTable

logger = logging.getLogger(__name__)

READ_SECONDS = 0.015
"""Longest time that planning waits for beats and curves to be read: the event loop stands still meanwhile."""
_MAX_RECENT = 64
"""Most analyses with beats and curves in memory; each takes about 150 kB."""
RECORD_AGAIN_SECONDS = 30.0
"""Time between attempts to record an analysis, while the disk is full, for example."""


class Analyses:
    """Analyses of tracks by id. A content is analysed once, even if its file moves or the analysis fails.

    Beats and curves stay in the catalogue; `get` and `read` load them. The owner closes the resources.
    """

    def __init__(
        self,
        resources: Resources,
        tracks: Callable[[], TrackTable],
        on_change: Callable[[], None] = lambda: None,
        on_failure: Callable[[str], None] = logger.warning,
        check_folder: Callable[[Track], Awaitable[None]] | None = None,
    ) -> None:
        """Create an empty set of analyses; `load` and `run` fill it.

        `tracks` returns the tracks to analyse; `on_change` is called after each new analysis;
        `on_failure` with a sentence whenever the catalogue can't be used; `check_folder` with a track that could not be
        read, since all others of its folder may hang as well.
        """
        self._resources = resources
        self._tracks = tracks
        self._on_change = on_change
        self._on_failure = on_failure
        self._check_folder = check_folder
        self.analysed = Analysed()
        """The analysed tracks, without beats and curves."""
        self._queue = AnalysisQueue(tracks, lambda: self.analysed.numbers(), self._is_done)
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
        self.pace = AnalysisPace()
        self._progress = ProgressLog()
        self._counted = 0
        """Latest result of `count_done`; then the tracks, and numbers of changes, for which it was counted."""
        self._counted_among: TrackTable | None = None
        self._counted_in = (0, 0, 0)
        self._wakeup = asyncio.Event()

    def count_done(self, tracks: TrackTable) -> int:
        """Count the tracks that are analysed or can't be."""
        state = (tracks.changes, self.analysed.changes, len(self._failed))
        if tracks is not self._counted_among or state != self._counted_in:
            failed = sum(it in tracks and it not in self.analysed for it in self._failed)
            self._counted = self.analysed.count_among(tracks.numbers()) + failed
            self._counted_among, self._counted_in = tracks, state
        return self._counted

    def get(self, track_id: str) -> Analysis | None:
        """Return the analysis of a track with beats and curves; None if there is none or it can't be read in time.

        Synchronous: it is in memory, or a thread reads it in a few milliseconds. If that takes longer, it goes on, and
        `is_at_hand` is True afterwards; until then no other call waits.
        """
        analysis = self._recent.get(track_id) or self._unrecorded.get(track_id)
        if analysis is None and track_id in self.analysed and track_id not in self._reading:
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

    async def fetch(self, track_id: str) -> Analysis | None:
        """Return the analysis of a track with beats and curves; None if there is none or it can't be read.

        Takes as long as the disk takes; afterwards it is at hand.
        """
        analysis = self._recent.get(track_id) or self._unrecorded.get(track_id)
        if analysis is None and track_id in self.analysed:
            try:
                analysis = await self.read(track_id)
            except CatalogueError as error:
                self._report_unreadable(error)
        if analysis is not None:
            self._remember(track_id, analysis)
        return analysis

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
        columns, self._failed = await self._resources.storage.run(self._resources.catalogue.analysed)
        self.analysed = Analysed(columns)

    def wake(self) -> None:
        """Let `run` look for tracks that are not analysed yet."""
        self._wakeup.set()

    async def run(self) -> None:
        """Analyse all tracks, and more when they come. Never returns. Raises WorkerError."""
        while True:
            self._wakeup.clear()
            await self.analyse_all()
            await self._wakeup.wait()

    async def analyse_all(self) -> None:
        """Analyse all tracks, one in each worker at a time. Raises WorkerError.

        While the catalogue can't be written, no further track is analysed.
        """
        self.pace.start()

        async def work() -> None:
            while (track := self._queue.next()) is not None:
                self._busy.add(track.id)
                try:
                    await self._analyse(track)
                finally:
                    self._busy.discard(track.id)
                self.pace.count()
                if self._progress.is_due:
                    self._tell_progress()

        await self._resources.workers.run_concurrently(work, "analyse")

    def seconds_left(self) -> float | None:
        """Return the estimated time until all tracks are analysed; None if it can't be told yet."""
        tracks = self._tracks()
        return self.pace.seconds_left(len(tracks) - self.count_done(tracks))

    def _tell_progress(self) -> None:
        tracks, left = self._tracks(), self.seconds_left()
        if left is not None:
            self._progress.tell(self.count_done(tracks), len(tracks), left)

    def _is_done(self, number: int) -> bool:
        track_id = id_of(number)
        return any(track_id in it for it in (self._failed, self._skipped, self._busy))

    async def _analyse(self, track: Track) -> None:
        result = await jobs.analyse(self._resources.workers, track)
        if isinstance(result, Analysis):
            self.analysed.add(track.id, result)
            self._unrecorded[track.id] = result
            try:
                await self._record(track.id, result)
            finally:
                self._unrecorded.pop(track.id, None)
            return
        if result.reason not in self._logged_reasons:
            self._logged_reasons.add(result.reason)
            logger.warning("%s can't be analysed: %s", legible(track.path), result.reason)
        if result.temporary:
            self._skipped.add(track.id)
            if self._check_folder is not None:
                await self._check_folder(track)
        else:
            self._failed.add(track.id)
            await self._record(track.id, None)

    async def _record(self, track_id: str, result: Analysis | None) -> None:
        """Record a result, and report it; wait for a catalogue that can't be written."""
        failures = 0
        while not await self._try_to_record(track_id, result):
            failures += 1
            if failures == 1 and result is not None:  # it can be used all the same
                self._on_change()
            await asyncio.sleep(RECORD_AGAIN_SECONDS)
        if failures:
            logger.info("The catalogue can be written again.")
        elif result is not None:
            self._on_change()

    async def _try_to_record(self, track_id: str, result: Analysis | None) -> bool:
        try:
            await self._resources.storage.run(self._resources.catalogue.record_analysis, track_id, result)
        except CatalogueError as error:
            self._on_failure(str(error))
            return False
        return True

    def _analyse_again(self, track_id: str) -> None:
        """Forget an analysis whose beats and curves can't be read, if it should be there."""
        if track_id not in self.analysed or track_id in self._unrecorded:
            return
        self.analysed.discard(track_id)
        if track_id in self._lost:
            self._skipped.add(track_id)
        self._lost.add(track_id)
        self._queue.add(track_id)
        self.wake()


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
