"""An `AutoDj` with its commands, driven by a clock that the test moves: hours of programme take milliseconds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rtc_drift.engine.protocol.messages import DeckFailed
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.library.track import Track
from rtc_drift.media import SAMPLE_RATE, samples
from rtc_drift.selection.feature_space import EMPTY, FeatureSpace
from rtc_drift.station import views
from rtc_drift.station.autodj import AutoDj
from rtc_drift.station.commands import Commands
from rtc_drift.station.entry import Entry
from rtc_drift.station.event_publisher import EventPublisher
from rtc_drift.station.planner import PendingLead
from rtc_drift.station.planning import Planning
from rtc_drift.station.playout import HORIZON
from rtc_drift.station.sources import LeadSource, Sources
from rtc_drift.workers.threads import Threads
from tests.support.fakes import FakeLibrary
from tests.support.music import make_tracks

STEP = SAMPLE_RATE // 10


class ManualTimeline:
    """A `Timeline` whose media time is set by the test."""

    def __init__(self, running: bool) -> None:
        self.time = 0
        self.running = running
        self.schedules: list[tuple[Play, ...]] = []
        """The plays of each `set_plays`, in order."""
        self.ready = set[int]()
        """Ids of the plays whose decks are ready."""

    @property
    def horizon(self) -> int:
        """The media time before which plans can't change anything."""
        return self.time + (HORIZON if self.running else 0)

    def now(self) -> int:
        """Return the present media time."""
        return self.time

    def set_plays(self, plays: Sequence[Play]) -> None:
        """Keep the plays."""
        self.schedules.append(tuple(plays))

    def is_ready(self, play_id: int) -> bool:
        """Return True if the test has declared the deck of a play ready."""
        return play_id in self.ready


class AutoDjDriver:
    """An `AutoDj` on a `ManualTimeline`, its `Commands`, and the events that they publish."""

    def __init__(
        self,
        *tracks: Track,
        running: bool = True,
        seed: int = 1,
        leads: LeadSource | None = None,
        planning: Threads | None = None,
    ) -> None:
        """Make it stand at its beginning; without threads for `planning`, plans are made at once."""
        self.timeline = ManualTimeline(running)
        self.library = FakeLibrary(*tracks)
        self.events: list[Any] = []
        publisher = EventPublisher("master", self.timeline.now, self.library.loved, self.events.append)
        self.space: FeatureSpace = EMPTY
        self.planning = Planning(self.library, planning) if planning is not None else None
        self.sources = Sources(self.library, self, leads, self.planning)
        self.autodj = AutoDj(self.sources, seed, self.timeline, publisher)
        self.commands = Commands(self.autodj, self.library.get)

    @property
    def now(self) -> int:
        """The present media time."""
        return self.timeline.time

    def run_for(self, seconds: float) -> None:
        """Let media time pass, and wake the DJ whenever it wants to be woken, as the station's task does."""
        end = self.now + samples(seconds)
        while self.now < end:
            self.timeline.time = min(end, max(self.now + 1, self.autodj.advance()))
        self.autodj.advance()

    def events_of(self, kind: str) -> list[Any]:
        """Return all events of a type."""
        return [event for event in self.events if event.type == kind]

    def last_event(self, kind: type[views.Wire]) -> Any:
        """Return the latest event of a class."""
        return [event for event in self.events if isinstance(event, kind)][-1]

    def fail_deck(self, play: int, position: int, *, stalled: bool = False) -> None:
        """Report that the deck of a play gives nothing from a position of its file on."""
        self.autodj.deck_failed(DeckFailed(1, play, position, "It broke.", stalled))

    def playing(self) -> Entry:
        """Return the entry that is on the air."""
        entry = self.autodj.now_playing()
        assert entry is not None
        return entry

    def planned(self) -> Entry:
        """Return the entry that comes next."""
        entry = self.autodj.planned()
        assert entry is not None
        return entry

    def programme_end(self) -> Entry:
        """Return the last entry of the programme, asked for or planned."""
        return self.autodj.programme.entries[-1]

    def pending_lead(self) -> PendingLead:
        """Return the stretched intro that the DJ waits for."""
        pending = self.autodj.pending_lead
        assert pending is not None
        return pending

    def queued(self) -> list[Track]:
        """Return the tracks of the queue, next one first."""
        return [track for _, track in self.autodj.queue.published()[1]]

    def title(self) -> str:
        """Return the title of the track that is on the air."""
        return self.playing().track.title

    def position(self) -> float:
        """Return the position in the track that is on the air, in seconds."""
        paused_at = self.autodj.programme.paused_at
        time = self.now if paused_at is None else min(self.now, paused_at)
        return self.playing().play.position_at(time) / SAMPLE_RATE

    def played_titles(self) -> list[str]:
        """Return the titles of the tracks that have started, in order."""
        return [event.track.title for event in self.events_of("track_started")]

    def other_tracks(self) -> list[Track]:
        """Return the tracks that are not on the air."""
        return [track for track in self.library.playable().values() if track.title != self.title()]

    def run_until_just_before_the_next(self) -> Entry:
        """Run until the planned track is rendered but has not started; return its entry."""
        planned = self.planned()
        self.run_for((planned.play.start - self.now) / SAMPLE_RATE - 0.1)
        return planned

    def silent_seconds(self) -> float:
        """Return how long no play has sounded so far, by the plays as they were set last."""
        plays = {play.id: play for schedule in self.timeline.schedules for play in schedule}
        sounding = np.zeros(self.now // STEP, bool)
        for play in plays.values():
            sounding[play.start // STEP : play.end // STEP] = True
        return float(np.count_nonzero(~sounding[SAMPLE_RATE // STEP :])) * STEP / SAMPLE_RATE


def driver_on_air(count: int = 9, *, running: bool = True) -> AutoDjDriver:
    """Return a driver ten seconds into its first track, or standing at its beginning if it is not `running`."""
    driver = AutoDjDriver(*make_tracks(count), running=running)
    driver.autodj.advance()
    if running:
        driver.run_for(10)
    return driver
