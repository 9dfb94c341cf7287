"""A conductor with a clock that the test moves: hours go by in no time."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rtc_drift.analysis import Analysis
from rtc_drift.engine.protocol.messages import DeckFailed
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.library.normalisation import Normalisation
from rtc_drift.library.track import Track
from rtc_drift.media import SAMPLE_RATE, samples
from rtc_drift.selection.feature_space import EMPTY, FeatureSpace
from rtc_drift.station import views
from rtc_drift.station.autodj import AutoDj
from rtc_drift.station.commands import Commands
from rtc_drift.station.event_publisher import EventPublisher
from rtc_drift.station.playout import HORIZON
from rtc_drift.station.sources import Sources
from tests.music import make_track

STEP = SAMPLE_RATE // 10


class Shelf:
    """A library in memory."""

    def __init__(self, *tracks: Track) -> None:
        self.tracks = {track.id: track for track in tracks}
        self.loved = set[str]()
        self.normalisation = Normalisation()
        self.analyses = dict[str, Analysis]()
        self.marked: list[tuple[str, bool]] = []

    def playable(self) -> list[Track]:
        return list(self.tracks.values())

    def get(self, track_id: str) -> Track | None:
        return self.tracks.get(track_id)

    def analysis(self, track_id: str) -> Analysis | None:
        return self.analyses.get(track_id)

    def mark_unplayable(self, track: Track, reason: str, *, lasting: bool = True) -> None:
        self.marked.append((track.id, lasting))
        self.tracks.pop(track.id, None)


class Timeline:
    """Media time as the test sets it."""

    def __init__(self, running: bool) -> None:
        self.time = 0
        self.running = running
        self.told: list[tuple[Play, ...]] = []
        self.ready = set[int]()

    @property
    def horizon(self) -> int:
        return self.time + (HORIZON if self.running else 0)

    def now(self) -> int:
        return self.time

    def set_plays(self, plays: Sequence[Play]) -> None:
        self.told.append(tuple(plays))

    def is_ready(self, play_id: int) -> bool:
        return play_id in self.ready


class Studio:
    """A conductor, those who steer it, and what it tells."""

    def __init__(self, *tracks: Track, running: bool = True, seed: int = 1) -> None:
        self.timeline = Timeline(running)
        self.library = Shelf(*tracks)
        self.events: list[Any] = []
        herald = EventPublisher("master", self.timeline.now, self.library.loved, self.events.append)
        self.space: FeatureSpace = EMPTY
        self.sources = Sources(self.library, self)
        self.autodj = AutoDj(self.sources, seed, self.timeline, herald)
        self.commands = Commands(self.autodj, self.library.get)

    @property
    def now(self) -> int:
        return self.timeline.time

    def go(self, seconds: float) -> None:
        """Let time pass, as the station's task does."""
        end = self.now + samples(seconds)
        while self.now < end:
            self.timeline.time = min(end, max(self.now + 1, self.autodj.advance()))
        self.autodj.advance()

    def of(self, kind: str) -> list[Any]:
        return [event for event in self.events if event.type == kind]

    def last(self, kind: type[views.Wire]) -> Any:
        return [event for event in self.events if isinstance(event, kind)][-1]

    def fail(self, play: int, position: int, *, stalled: bool = False) -> None:
        self.autodj.deck_failed(DeckFailed(1, play, position, "It broke.", stalled))

    def title(self) -> str:
        playing = self.autodj.now_playing()
        assert playing is not None
        return playing.track.title

    def position(self) -> float:
        """Seconds into the track on the air."""
        playing = self.autodj.now_playing()
        assert playing is not None
        paused_at = self.autodj.programme.paused_at
        heard = self.now if paused_at is None else min(self.now, paused_at)
        return playing.play.position_at(heard) / SAMPLE_RATE

    def silent_seconds(self) -> float:
        """How long nothing sounded so far, by the plays as they were last told to the engine."""
        plays = {play.id: play for schedule in self.timeline.told for play in schedule}
        sounding = np.zeros(self.now // STEP, bool)
        for play in plays.values():
            sounding[play.start // STEP : play.end // STEP] = True
        return float(np.count_nonzero(~sounding[SAMPLE_RATE // STEP :])) * STEP / SAMPLE_RATE


def tracks(count: int, duration: float = 60) -> list[Track]:
    return [make_track(number, duration=duration, artist=f"Artist {number % 5}") for number in range(1, count + 1)]
