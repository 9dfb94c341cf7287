"""Chooses what comes next on one station, and counts the draws, so that a seed always gives the same journey."""

from dataclasses import replace

from rtc_drift.selection.choice import Choice
from rtc_drift.selection.next_track import choose_next_track
from rtc_drift.station.beginning import Beginning
from rtc_drift.station.entry import Entry
from rtc_drift.station.on_air import OnAir
from rtc_drift.station.play_log import PlayLog
from rtc_drift.station.sources import Sources


class Chooser:
    """The choices of one station."""

    def __init__(self, sources: Sources, play_log: PlayLog, on_air: OnAir, beginning: Beginning) -> None:
        self._sources = sources
        self._play_log = play_log
        self._on_air = on_air
        self._beginning = beginning

    def choose(self, instead_of: Entry | None = None) -> Choice | None:
        """Choose what comes next; the track of `instead_of` may be chosen again. None when there is nothing."""
        log, programme = self._play_log, self._on_air.programme
        log.count(programme.entries, self._on_air.settled())
        log.drop_unplayable()
        entries = (entry for entry in programme.entries if entry is not instead_of)
        coming = [entry.track.id for entry in entries if not log.is_counted(entry)]
        # A second draw for the same place, or one from an empty library, is not counted: when the library became known
        # must make no difference to what the same seed plays afterwards.
        is_drawn = not log.journey.queue and instead_of is None
        drawn = replace(log.journey, draws=log.journey.draws + 1) if is_drawn else log.journey
        tracks, space = self._sources.tracks, self._sources.spaces.space
        choice = choose_next_track(tracks, space, drawn, coming, self._beginning.taken())
        if choice is not None:
            log.journey = drawn
        return choice

    def as_planned(self, planned: Entry | None) -> Choice | None:
        """Return the choice behind a planned entry, if its track can still be played."""
        if planned is None or not self.is_known(planned.track.id):
            return None
        return Choice(planned.track, planned.reason, planned.queued, planned.why)

    def is_known(self, track_id: str) -> bool:
        """Return True if a track can be played."""
        return self._sources.tracks.get(track_id) is not None
