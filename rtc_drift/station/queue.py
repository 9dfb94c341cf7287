"""The queue of one station: what people add, remove and move, and when it is heard. Times are media times."""

from collections.abc import Callable, Sequence

from rtc_drift.library.track import Track
from rtc_drift.selection import queue as queues
from rtc_drift.selection.journey import Journey
from rtc_drift.selection.queue import Queued
from rtc_drift.station import programme as steps
from rtc_drift.station.entry import Entry
from rtc_drift.station.on_air import OnAir
from rtc_drift.station.play_log import PlayLog


class Queue:
    """The queue of one station, kept in the journey of its log."""

    def __init__(self, on_air: OnAir, play_log: PlayLog, plan_anew: Callable[[], None]) -> None:
        """Make it; `plan_anew` chooses again what comes next, unless what is planned was asked for and stays first."""
        self._on_air = on_air
        self._play_log = play_log
        self._plan_anew = plan_anew
        self.has_other_first = False
        """True while another entry has come to be the first: a planned one is no longer what people asked for."""

    def published(self) -> tuple[int, list[tuple[Queued, Track]]]:
        """Return the number of changes so far, and the entries with their tracks, both as published."""
        return self._play_log.published_queue()

    def add(self, tracks: Sequence[Track], position: int | None = None) -> Entry | None:
        """Let tracks come at a position, or after those queued; returns how the last of them comes in.

        None while that can't be foretold. What the queue has no room for is left out.
        """
        self._settle()
        before = self._play_log.journey.entries_made
        self._change(queues.with_tracks(self._play_log.journey, (track.id for track in tracks), position))
        made = self._play_log.journey.entries_made
        return self._foretold(made) if made > before else None

    def remove(self, entry_id: int) -> Track | None:
        """Take an entry out; returns its track, None if the library has lost it. Raises NoSuchEntryError."""
        self._settle()
        queued = dict(self._tracks_by_entry())
        self._change(queues.without_entry(self._play_log.journey, entry_id))
        return queued.get(entry_id)

    def move(self, entry_id: int, position: int) -> tuple[Track | None, Entry | None]:
        """Move an entry; returns its track, and how it comes in if that can be foretold. Raises NoSuchEntryError."""
        self._settle()
        self._change(queues.with_moved(self._play_log.journey, entry_id, position))
        return dict(self._tracks_by_entry()).get(entry_id), self._foretold(entry_id)

    def _settle(self) -> None:
        """Let what is sure to be played leave the queue."""
        self._play_log.count(self._on_air.programme.entries, self._on_air.settled())

    def _change(self, journey: Journey) -> None:
        before, self._play_log.journey = self._play_log.journey, journey
        self.has_other_first = bool(before.entry_ids) and before.entry_ids[:1] != journey.entry_ids[:1]
        try:
            self._plan_anew()
        finally:
            self.has_other_first = False
        self._play_log.publish_queue()

    def _foretold(self, entry_id: int) -> Entry | None:
        """Return how an entry comes in behind what is planned, by plain crossfades; None if that can't be said."""
        _, queue = self.published()
        place = next((at for at, (it, _) in enumerate(queue) if it.entry_id == entry_id), None)
        programme = self._on_air.programme
        if place is None or self._on_air.is_paused or not programme.entries:
            return None
        end, tracks = programme.entries[-1], [track for _, track in queue[: place + 1]]
        return steps.foretold(end, tracks[1:] if end.queued and not self._play_log.is_counted(end) else tracks)

    def _tracks_by_entry(self) -> list[tuple[int, Track]]:
        return [(it.entry_id, track) for it, track in self._play_log.queue()]
