"""The programme on the air: its latest state, and from which media time on it can still be changed."""

from rtc_drift.engine.protocol.plays import Play
from rtc_drift.library.track import Track
from rtc_drift.media import BLOCK_SAMPLES
from rtc_drift.station import programme as steps
from rtc_drift.station.entry import SAME_TRACK, Entry
from rtc_drift.station.event_publisher import EventPublisher
from rtc_drift.station.play_log import PlayLog
from rtc_drift.station.programme import Programme
from rtc_drift.station.timeline import Timeline

READY_LEAD_TIME = BLOCK_SAMPLES
"""Lead time, in samples, of a track whose deck has decoded its first samples."""
COLD_LEAD_TIME = 5 * BLOCK_SAMPLES
"""Lead time of a file that no deck has opened yet: 100 ms more than its first samples take."""
COMMANDED = ("skip", "seek", "resume")
"""Kinds of transitions that somebody asked for: the next command takes effect after them, never instead."""
MAX_ENTRIES = 12
"""Plays at once; every one keeps a deck."""


class NothingToPlayError(Exception):
    """The library has no playable track."""


class TooManyCommandsError(Exception):
    """More commands came in a second than decks can follow."""


class OnAir:
    """The programme of one station. `AutoDj` decides what it becomes; here it is made real and logged.

    All times are media times. While media time stands nobody listens, so changes take effect at once.
    """

    def __init__(self, timeline: Timeline, play_log: PlayLog, publisher: EventPublisher) -> None:
        self._timeline = timeline
        self._play_log = play_log
        self._publisher = publisher
        self.programme = Programme()
        """The latest state. Only `apply` and `log` change it."""
        self._told = set[tuple[Play, str]]()
        """The plays, and reasons for them, of the latest final state."""

    @property
    def horizon(self) -> int:
        """The media time before which everything is rendered already."""
        return self._timeline.horizon

    @property
    def running(self) -> bool:
        """True while media time advances."""
        return self._timeline.running

    @property
    def is_paused(self) -> bool:
        """True from a pause to the next resume or skip."""
        return self.programme.paused_at is not None

    @property
    def is_audible(self) -> bool:
        """True if the first samples of the oldest play are decoded."""
        return bool(self.programme.entries) and self._timeline.is_ready(self.programme.entries[0].play.id)

    def now(self) -> int:
        """Return the present media time."""
        return self._timeline.now()

    def settled(self, besides: Entry | None = None) -> int:
        """Return the media time up to which nothing changes: what is rendered, and what commands asked for.

        The command that brought in `besides` does not count.
        """
        horizon = self.horizon
        if not self.running:
            return horizon
        commanded = (entry for entry in self.programme.entries if entry.transition.kind in COMMANDED)
        starts = (entry.play.start for entry in commanded if entry is not besides)
        return max(horizon, self.programme.paused_at or 0, *starts)

    def earliest(self, lead_time: int) -> int:
        """Make room, and return when a new command can take effect: after those before it.

        Raises TooManyCommandsError.
        """
        self.make_room()
        horizon, settled = self.horizon, self.settled()
        after_others = settled + self.length(BLOCK_SAMPLES) if settled > horizon else 0
        return max(horizon + self.length(lead_time), after_others)

    def length(self, samples: int) -> int:
        """Return a length of time that matters only while somebody listens, else 0."""
        return samples if self.running else 0

    def lead_time(self, track: Track) -> int:
        """Return how long before its start a track has to be planned."""
        planned = self.programme.planned(self.horizon)
        is_ready = planned is not None and planned.track.id == track.id and self._timeline.is_ready(planned.play.id)
        return READY_LEAD_TIME if is_ready else COLD_LEAD_TIME

    def make_room(self) -> None:
        """Before a command: log what has started, drop what has ended, count as played what is sure to be played.

        Raises TooManyCommandsError, with nothing changed.
        """
        if len(steps.prune(self.programme, self.now()).entries) >= MAX_ENTRIES:
            raise TooManyCommandsError
        self.log()
        self._play_log.count(self.programme.entries, self.settled())

    def log(self) -> None:
        """Log what has started since the last time, and drop what has ended."""
        now = self.now()
        self._play_log.announce(self.programme.entries, now)
        self.programme = steps.prune(self.programme, now)

    def apply(self, changed: Programme, *, is_final: bool = True) -> None:
        """Have the engine play a new state of the programme; publish what is newly planned, or for another reason.

        What is planned is published only if that is final.
        """
        self.programme = changed
        self._timeline.set_plays(changed.plays)
        if not is_final:
            return
        told = {(entry.play, entry.reason) for entry in changed.entries}
        before, self._told = self._told, told
        newest = changed.entries[-1] if changed.entries else None
        if newest is None or (newest.play, newest.reason) in before or newest.play.start <= self.now():
            return
        if newest.transition.kind not in SAME_TRACK:
            self._publisher.planned(newest)
