"""The beginning of a station: stations made in the first seconds should not all begin with the same track.

A track that nobody asked for and nobody has listened to yet gives way, as soon as the library has another.
"""

from collections.abc import Collection
from dataclasses import replace

from rtc_drift.selection.journey import History
from rtc_drift.station.on_air import OnAir
from rtc_drift.station.play_log import PlayLog
from rtc_drift.station.programme import Programme
from rtc_drift.station.sources import Sources

BY_ITSELF = ("start", "crossfade")
"""Kinds of transitions that nobody asked for."""


class Beginning:
    """The first track of one station, as long as it may become another."""

    def __init__(self, on_air: OnAir, play_log: PlayLog, sources: Sources) -> None:
        self._on_air = on_air
        self._play_log = play_log
        self._sources = sources
        self.is_settled = False
        """True once the first track stays as it is: that of a saved station."""

    def taken(self) -> Collection[str]:
        """Return the ids of the tracks that it should not begin with."""
        return self._sources.taken() if self._sources.taken is not None else ()

    @property
    def is_open(self) -> bool:
        """True if it has begun with a track that it chose by itself, of which no sample was sent yet."""
        programme, queue = self._on_air.programme, self._play_log.journey.queue
        is_asked_for = queue or any(entry.transition.kind not in BY_ITSELF for entry in programme.entries)
        stands = self._on_air.now() == 0 and not self._on_air.running and not self._on_air.is_paused
        may_change = self._sources.taken is not None and not self.is_settled
        return may_change and stands and bool(programme.entries) and not is_asked_for

    @property
    def is_like_others(self) -> bool:
        """True if another station has its first track, and the library has one for it alone."""
        if not self.is_open:
            return False
        taken, first = self.taken(), self._on_air.programme.entries[0].track.id
        tracks = self._sources.tracks.playable()
        return first in taken and sum(track_id in tracks for track_id in taken) < len(tracks)

    def take_back(self) -> None:
        """Forget the first track, so that the next step chooses anew."""
        self._play_log.journey = replace(self._play_log.journey, draws=0, history=History())
        self._on_air.apply(Programme(next_play_id=self._on_air.programme.next_play_id))
