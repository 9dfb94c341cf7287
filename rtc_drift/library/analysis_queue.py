"""The tracks that wait to be analysed."""

import heapq
from collections.abc import Callable, Container
from itertools import filterfalse

from rtc_drift.library.track import Track, id_of, number_of
from rtc_drift.library.track_table import TrackTable


class AnalysisQueue:
    """The tracks of a table yet to be analysed, in the order of their ids.

    Ids are hashes, so that is a random order: after a few minutes, what is analysed is a fair sample of a library that
    takes hours, and not the artists from A to C.
    """

    def __init__(
        self,
        tracks: Callable[[], TrackTable],
        analysed: Callable[[], Container[int]],
        is_done: Callable[[int], bool] = lambda _: False,
    ) -> None:
        """Make an empty queue of the table that `tracks` returns.

        `analysed` returns the ids that are analysed; `is_done` tells which others need not be.
        """
        self._tracks = tracks
        self._analysed = analysed
        self._is_done = is_done
        self._table = TrackTable()
        """The table of which the rows before `_rows_seen` were looked at."""
        self._rows_seen = 0
        self._waiting: list[int] = []
        """A heap of ids; tracks that were removed or analysed meanwhile are among them."""

    def next(self) -> Track | None:
        """Take the next track out of the queue; None if there is none."""
        self._look_for_more()
        while self._waiting:
            number = heapq.heappop(self._waiting)
            if number in self._analysed() or self._is_done(number):
                continue
            if (track := self._table.get(id_of(number))) is not None:
                return track
        return None

    def add(self, track_id: str) -> None:
        """Add a track once more."""
        heapq.heappush(self._waiting, number_of(track_id))

    def _look_for_more(self) -> None:
        table = self._tracks()
        if table is not self._table:
            self._table, self._rows_seen, self._waiting = table, 0, []
        if self._rows_seen == table.rows:
            return
        new = list(filterfalse(self._analysed().__contains__, table.ids_from(self._rows_seen)))
        self._rows_seen = table.rows
        if self._waiting:
            for number in new:
                heapq.heappush(self._waiting, number)
        else:
            self._waiting = new
            heapq.heapify(self._waiting)
