"""Conducts one programme: keeps a next track planned, answers commands, and mends the plan when a file fails.

The decisions are pure (`dj/`); this is the shell that knows the time and the library, and that tells the engine and
the events hub. Times are media times.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from rtc_drift import events
from rtc_drift.dj import programme as steps
from rtc_drift.dj.autodj import Choice, choose_next
from rtc_drift.dj.programme import Entry, Programme
from rtc_drift.engine.core import RENDER_AHEAD
from rtc_drift.engine.messages import DeckFailed, DeckReady
from rtc_drift.library.track import Track
from rtc_drift.media import BLOCK_SAMPLES, samples

logger = logging.getLogger(__name__)

HORIZON = (RENDER_AHEAD + 3) * BLOCK_SAMPLES
"""What lies nearer than 140 ms is rendered already, or will be when the engine hears of it: plans leave it alone."""
PREFETCHED_LEAD = BLOCK_SAMPLES
COLD_LEAD = 5 * BLOCK_SAMPLES
"""A file that no deck has opened yet needs this much longer (100 ms) to give its first samples."""
HISTORY = 2_000
"""How many track ids are remembered."""


class NoSuchTrackError(Exception):
    """The track id is not in the library."""


class NothingToPlayError(Exception):
    """The library has no playable track."""


class Crate(Protocol):
    """What a conductor needs of the library: records to choose from."""

    def playable(self) -> Sequence[Track]: ...
    def get(self, track_id: str) -> Track | None: ...
    def mark_unplayable(self, track: Track, reason: str, *, lasting: bool = True) -> None: ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """A command that will be heard: when, and what comes in how."""

    starts_at: int
    entry: Entry


class Conductor:
    """The programme of one session.

    `publish` gets events; `changed` is called with the programme whenever the engine should know of it.
    """

    def __init__(
        self,
        session_id: str,
        library: Crate,
        seed: int,
        now: Callable[[], int],
        publish: Callable[[events.Event], None],
        changed: Callable[[Programme], None],
    ) -> None:
        self._session_id = session_id
        self._library = library
        self._seed = seed
        self._now = now
        self._publish = publish
        self._changed = changed
        self._history: list[str] = []
        self._draws = 0
        self._announced: set[int] = set()
        self._ready: set[int] = set()
        self.programme = Programme()
        self.failed_plays = 0

    @property
    def audible(self) -> bool:
        """Whether the first samples of the oldest play are decoded: the one on the air, or about to be."""
        return bool(self.programme.entries) and self.programme.entries[0].play.id in self._ready

    def now_playing(self) -> Entry | None:
        """What is heard now, if anything."""
        return self.programme.current(self._now())

    def planned(self) -> Entry | None:
        """What comes next, if that is known."""
        return self.programme.planned(self._now())

    def advance(self) -> int:
        """Do what is due, and say when to come again (media time). Call it also whenever the library has changed."""
        now = self._now()
        self._announce(now)
        self.programme = steps.prune(self.programme, now)
        horizon = now + HORIZON
        current = self.programme.current(horizon)
        if current is None or (current.play.end <= horizon and self.programme.planned(horizon) is None):
            self._begin(horizon + COLD_LEAD)
        elif self._should_plan(current, self.programme.planned(horizon)):
            self._plan(self._choose(), horizon)
        upcoming = self.programme.planned(now)
        return min(upcoming.play.start if upcoming else now + samples(1), now + samples(1))

    def next_track(self, track_id: str | None) -> Accepted:
        """Cross over into a track, or into what is planned, now. Raises NoSuchTrackError, NothingToPlayError."""
        horizon = self._now() + HORIZON
        planned = self.programme.planned(horizon)
        choice = self._requested(track_id) if track_id else self._as_planned(planned) or self._choose()
        if choice is None:
            raise NothingToPlayError
        at = horizon + (PREFETCHED_LEAD if self._is_prefetched(choice.track, horizon) else COLD_LEAD)
        self._apply(steps.skip_to(self.programme, choice.track, choice.reason, at, horizon))
        return Accepted(at, self.programme.entries[-1])

    def deck_ready(self, message: DeckReady) -> None:
        """The engine has decoded the first samples of a play."""
        self._ready.add(message.play)

    def deck_failed(self, message: DeckFailed) -> None:
        """The engine gets no (more) sound from a play: leave the file out, and bring in another track in time."""
        entry = self.programme.find(message.play)
        if entry is None:
            return
        self.failed_plays += 1
        self._library.mark_unplayable(entry.track, message.reason, lasting=not message.stalled)
        horizon = self._now() + HORIZON
        if entry.play.start > horizon:
            self._apply(steps.unplan(self.programme, horizon))
        else:
            sound_ends = entry.play.start + max(0, message.position - entry.play.offset)
            self._apply(steps.break_off(self.programme, entry.play.id, sound_ends))
            if entry.play.id != self._latest(horizon):
                return  # It was on its way out.
        choice = self._as_planned(self.programme.planned(horizon)) or self._choose()
        if choice is None:
            self._apply(steps.unplan(self.programme, horizon))
        self._plan(choice, horizon)

    def _latest(self, now: int) -> int | None:
        current = self.programme.current(now)
        return current.play.id if current else None

    def _should_plan(self, current: Entry, planned: Entry | None) -> bool:
        if planned is None:
            return True
        # The library had one track when this was planned, and has more by now.
        repeated = planned.track.id == current.track.id and planned.transition.kind == "crossfade"
        return repeated and len(self._library.playable()) > 1

    def _begin(self, at: int) -> None:
        choice = self._choose()
        if choice is not None:
            self._apply(steps.begin(self.programme, choice.track, choice.reason, at))

    def _plan(self, choice: Choice | None, horizon: int) -> None:
        if choice is not None and self.programme.current(horizon) is not None:
            prefetched = self._is_prefetched(choice.track, horizon)
            earliest = horizon + (PREFETCHED_LEAD if prefetched else COLD_LEAD)
            self._apply(steps.plan_next(self.programme, choice.track, choice.reason, horizon, earliest))

    def _apply(self, changed: Programme) -> None:
        """Make a new state of the programme real, and tell of a play that is newly planned."""
        before = {entry.play for entry in self.programme.entries}
        self.programme = changed
        self._ready.intersection_update(entry.play.id for entry in changed.entries)
        self._changed(changed)
        newest = changed.entries[-1] if changed.entries else None
        if newest is not None and newest.play not in before and newest.play.start > self._now():
            self._publish(
                events.TrackPlanned(session_id=self._session_id, media_time=self._now(), **dict(events.planned(newest)))
            )

    def _announce(self, now: int) -> None:
        """Tell of every play that has started since the last time."""
        previous: Entry | None = None
        for entry in self.programme.entries:
            if entry.play.start <= now and entry.play.id not in self._announced:
                self._announced = {other.play.id for other in self.programme.entries} & self._announced
                self._announced.add(entry.play.id)
                self._history = [*self._history[1 - HISTORY :], entry.track.id]
                self._tell_start(entry, previous)
            previous = entry

    def _tell_start(self, entry: Entry, previous: Entry | None) -> None:
        start = entry.play.start
        if previous is not None and entry.transition.duration:
            self._publish(
                events.TransitionStarted(
                    session_id=self._session_id,
                    media_time=start,
                    from_track=previous.track.id,
                    to=entry.track.id,
                    kind=entry.transition.kind,
                    duration_samples=entry.transition.duration,
                )
            )
        self._publish(events.TrackStarted(session_id=self._session_id, media_time=start, **dict(events.playing(entry))))

    def _choose(self) -> Choice | None:
        heard = [*self._history, *(e.track.id for e in self.programme.entries if e.play.id not in self._announced)]
        self._draws += 1
        return choose_next(self._library.playable(), heard, self._seed, self._draws)

    def _requested(self, track_id: str) -> Choice:
        track = self._library.get(track_id)
        if track is None:
            raise NoSuchTrackError
        return Choice(track, "Somebody asked for it.")

    def _is_prefetched(self, track: Track, horizon: int) -> bool:
        planned = self.programme.planned(horizon)
        return planned is not None and planned.track.id == track.id and planned.play.id in self._ready

    def _as_planned(self, planned: Entry | None) -> Choice | None:
        if planned is None or not self._is_playable(planned.track):
            return None
        return Choice(planned.track, planned.reason)

    def _is_playable(self, track: Track) -> bool:
        return self._library.get(track.id) is not None
