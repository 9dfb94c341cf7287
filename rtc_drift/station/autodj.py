"""Conducts one programme: keeps a next track planned, and mends the plan when a file fails.

The decisions are pure (`dj/`); this is the shell that knows the time and the library. What people ask for comes in
through `steering`. Times are media times. While a programme stands nobody hears it, so changes take effect at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from rtc_drift.engine.protocol.messages import DeckFailed
from rtc_drift.library.track import Track
from rtc_drift.media import BLOCK_SAMPLES, samples
from rtc_drift.mixing.model import When
from rtc_drift.selection.choice import Choice
from rtc_drift.selection.feature_space import EMPTY, Space
from rtc_drift.selection.journey import History, Journey
from rtc_drift.selection.next_track import choose_next_track
from rtc_drift.selection.track_source import Crate
from rtc_drift.station import programme as steps
from rtc_drift.station.event_publisher import Herald
from rtc_drift.station.planner import Arranger, Wish
from rtc_drift.station.play_log import Logbook
from rtc_drift.station.programme import Entry, Programme
from rtc_drift.station.timeline import Timeline

PREFETCHED_LEAD = BLOCK_SAMPLES
COLD_LEAD = 5 * BLOCK_SAMPLES
"""A file that no deck has opened yet needs this much longer (100 ms) to give its first samples."""
COMMANDED = ("skip", "seek", "resume")
"""Kinds of transitions that somebody asked for: the next command comes after them, never instead."""
GOING_ON = ("seek", "resume")
"""Kinds after which the same track goes on."""
MORE_KNOWN_LEAD = samples(10)
"""What becomes known later than this before the next track changes no plan."""
MAX_ENTRIES = 12
"""More plays at once than people cause; every one keeps a deck."""


class NothingToPlayError(Exception):
    """The library has no playable track."""


class TooManyCommandsError(Exception):
    """More commands in a second than decks can follow."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a conductor has to know to go on in another life of the server, but for the journey's history."""

    media_time: int
    programme: Programme
    journey: Journey
    arrived: tuple[int, ...]
    """Plays whose tracks the journey counts as heard already."""


class Conductor:
    """The programme of one session, and where its journey is heading."""

    def __init__(
        self,
        library: Crate,
        seed: int,
        timeline: Timeline,
        herald: Herald,
        chart: Callable[[], Space] = lambda: EMPTY,
    ) -> None:
        """`chart` gives the library as a space, as far as it was listened to."""
        self._library = library
        self._chart = chart
        self._timeline = timeline
        self._herald = herald
        self._arranger = Arranger(library, chart)
        self._logbook = Logbook(seed, library, herald)
        self.held: Choice | None = None
        """What comes next when somebody has resumed."""
        self.programme = Programme()
        self.failed_plays = 0

    # --- what there is ------------------------------------------------------------------------------------------------

    @property
    def audible(self) -> bool:
        """Whether the first samples of the oldest play are decoded: the one on the air, or about to be."""
        return bool(self.programme.entries) and self._timeline.is_ready(self.programme.entries[0].play.id)

    def now_playing(self) -> Entry | None:
        """What is heard now, if anything."""
        return self.programme.current(self._timeline.now())

    def planned(self) -> Entry | None:
        """Which track comes next, if that is known."""
        now = self._timeline.now()
        coming = (entry for entry in self.programme.entries if entry.play.start > now)
        return next((entry for entry in coming if entry.transition.kind not in GOING_ON), None)

    @property
    def wants_more(self) -> bool:
        """Whether it would plan something else if the library had more."""
        horizon = self._timeline.horizon
        current, planned = self.programme.current(horizon), self.programme.planned(horizon)
        return current is None or planned is None or self._is_makeshift(current, planned)

    @property
    def journey(self) -> Journey:
        """What was heard, what was asked for, and where it is heading."""
        return self._logbook.journey

    @journey.setter
    def journey(self, changed: Journey) -> None:
        self._logbook.journey = changed

    def has_arrived(self, entry: Entry) -> bool:
        """Whether the journey counts it as heard."""
        return self._logbook.has_arrived(entry)

    def queue(self) -> list[Track]:
        """What was queued and has not started, as far as it can still be played."""
        return self._logbook.queue()

    @property
    def knows_the_way(self) -> bool:
        """Whether a direction leads anywhere: some of the library was listened to."""
        return len(self._chart()) > 0

    @property
    def wish(self) -> Wish | None:
        """What would make the planned transition better, if it were rendered in time."""
        wish = self._arranger.wish
        return wish if wish is not None and self.programme.find(wish.play_id) is not None else None

    def is_known(self, track_id: str) -> bool:
        """Whether a track can be played."""
        return self._library.get(track_id) is not None

    # --- as time goes by ----------------------------------------------------------------------------------------------

    def advance(self) -> int:
        """Do what is due, and say when to come again (media time). Call it also whenever the library has changed."""
        now = self._timeline.now()
        self._logbook.announce(self.programme.entries, now)
        self.programme = steps.prune(self.programme, now)
        if self.programme.paused_at is None:
            self._keep_planned()
            self._logbook.announce(self.programme.entries, now)  # while it stands, what is begun has started
        upcoming = self.programme.planned(now)
        return min(upcoming.play.start if upcoming else now + samples(1), now + samples(1))

    def deck_failed(self, message: DeckFailed) -> None:
        """The engine gets no (more) sound from a play: leave the file out, and bring in another track in time."""
        entry = self.programme.find(message.play)
        if entry is None:
            return
        if message.of_lead:
            self._lead_failed(entry)
            return
        self.failed_plays += 1
        self._library.mark_unplayable(entry.track, message.reason, lasting=not message.stalled)
        if self.programme.paused_at is not None:
            return  # It fails again when it is to go on.
        horizon = self._timeline.horizon
        if entry.play.start > horizon:
            horizon = self.settled(besides=entry)  # what else was asked for stays
            if entry.play.start <= horizon:
                return  # Something that was asked for after it comes.
            self.apply(steps.unplan(self.programme, horizon))
        else:
            sound_ends = entry.play.start + max(0, message.position - entry.play.offset)
            self.apply(steps.break_off(self.programme, entry.play.id, sound_ends))
            current = self.programme.current(horizon)
            if current is None or entry.play.id != current.play.id:
                return  # It was on its way out.
        choice = self.as_planned(self.programme.planned(horizon)) or self.choose()
        if choice is None:
            self.apply(steps.unplan(self.programme, horizon))
        elif entry.play.start > horizon and entry.transition.kind == "skip":
            at = max(entry.play.start, horizon + COLD_LEAD)
            self.apply(steps.skip_to(self.programme, choice, at, horizon))  # somebody wants another track now
            self._logbook.arrive(self.programme.entries[-1])
            return
        self._plan(choice, after=horizon)

    def _lead_failed(self, entry: Entry) -> None:
        """The track itself is fine: if it has not begun it comes in without a lead, else it goes on as it is."""
        self._arranger.lead_failed(entry.play.id)
        settled = self.settled()
        if entry.play.start > settled and self.programme.paused_at is None:
            self._plan(self.as_planned(entry), after=settled)

    def snapshot(self) -> Snapshot:
        """What there is to know now."""
        journey = replace(self.journey, history=History())
        return Snapshot(self._timeline.now(), self.programme, journey, self._logbook.arrived)

    def restore(self, snapshot: Snapshot, history: History) -> None:
        """Go on from there. What is on the air is told again."""
        self._logbook.restore(replace(snapshot.journey, history=history), snapshot.arrived)
        self.apply(snapshot.programme)

    # --- choosing and planning ----------------------------------------------------------------------------------------

    def choose(self, instead_of: Entry | None = None) -> Choice | None:
        """What comes next: what was queued, else where the journey leads. None when there is nothing.

        What it is to be `instead_of` may be chosen again.
        """
        self._logbook.count(self.programme.entries, self.settled())
        known = tuple(filter(self.is_known, self.journey.queue))
        if known != self.journey.queue:
            self.journey = replace(self.journey, queue=known)
            self._herald.queue(self.queue())
        entries = (entry for entry in self.programme.entries if entry is not instead_of)
        coming = [entry.track.id for entry in entries if not self.has_arrived(entry)]
        # What is drawn again for the same place, or was drawn from nothing, counts once: when the library became known
        # must make no difference to what the same seed plays afterwards.
        drawn = self.journey if known or instead_of else replace(self.journey, draws=self.journey.draws + 1)
        choice = choose_next_track(self._library, self._chart(), drawn, coming)
        if choice is not None:
            self.journey = drawn
        return choice

    def as_planned(self, planned: Entry | None) -> Choice | None:
        """The choice behind what was planned, if that can still be played."""
        if planned is None or not self.is_known(planned.track.id):
            return None
        return Choice(planned.track, planned.reason, planned.queued, planned.why)

    def plan_anew(self, *, may_stay: bool = False) -> None:
        """Choose again what comes next, unless that was asked for itself. It may be the same track if it `may_stay`."""
        planned = self.programme.planned(self._timeline.horizon)
        is_asked_for = planned is not None and (planned.queued or planned.transition.kind in (*COMMANDED, "start"))
        if self.programme.paused_at is not None:
            self.held = None
        elif not is_asked_for:
            self._plan(self.choose(planned if may_stay else None))

    def skip(self, choice: Choice, fade: int, *, back: bool = False, when: When = "bar") -> Entry:
        """Cross over into a track as soon as may be, on a bar or at once. Raises TooManyCommandsError."""
        settled, at = self.settled(), self.moment(self._lead(choice.track))
        self.held = None
        self.apply(self._arranger.skip(self.programme, choice, at, settled, self.length(fade), when))
        entry = self.programme.entries[-1]
        self._logbook.arrive(entry, back=back)
        return entry

    def go_on(self, changed: Programme) -> Entry:
        """The same track from elsewhere, or from where it was paused; then what is held."""
        entry = changed.entries[-1]
        self._logbook.go_on(entry)
        self.apply(changed)
        if changed.paused_at is None:
            choice = self.held if self.held and self.is_known(self.held.track.id) else self.choose()
            self.held = None
            now = max(self._timeline.horizon, entry.play.start)
            if choice is not None:
                earliest = now + max(1, self.length(COLD_LEAD))
                self.apply(self._arranger.follow(self.programme, choice, now, earliest))
        return entry

    def fulfil(self, wish: Wish, path: str) -> bool:
        """What was wished for is rendered: take it, unless it is too late or nobody wants it any more."""
        settled = self.settled()
        if wish is not self.wish or self.programme.paused_at is not None:
            return False
        self._arranger.wish = None
        earliest = settled + max(1, self.length(COLD_LEAD))
        changed = self._arranger.fulfil(self.programme, wish, path, settled, earliest)
        if changed is not None:
            self.apply(changed)
        return changed is not None

    def settled(self, besides: Entry | None = None) -> int:
        """Up to when nothing changes any more: what is rendered, and what commands have asked for (`besides` one)."""
        horizon = self._timeline.horizon
        if not self._timeline.running:
            return horizon
        commanded = (entry for entry in self.programme.entries if entry.transition.kind in COMMANDED)
        starts = (entry.play.start for entry in commanded if entry is not besides)
        return max(horizon, self.programme.paused_at or 0, *starts)

    def make_room(self) -> None:
        """Before a command: tell what has started, forget what has ended, and count as heard what will be in any case.

        Raises TooManyCommandsError, with nothing changed.
        """
        now = self._timeline.now()
        pruned = steps.prune(self.programme, now)
        if len(pruned.entries) >= MAX_ENTRIES:
            raise TooManyCommandsError
        self._logbook.announce(self.programme.entries, now)
        self.programme = pruned
        self._logbook.count(pruned.entries, self.settled())

    def moment(self, lead: int) -> int:
        """When a command is heard at the earliest: after those before it. Raises TooManyCommandsError."""
        self.make_room()
        horizon, settled = self._timeline.horizon, self.settled()
        after_others = settled + self.length(BLOCK_SAMPLES) if settled > horizon else 0
        return max(horizon + self.length(lead), after_others)

    def length(self, samples_: int) -> int:
        """A length of time that only matters while somebody listens."""
        return samples_ if self._timeline.running else 0

    def apply(self, changed: Programme) -> None:
        """Make a new state of the programme real, and tell of a play that is newly planned."""
        before = {entry.play for entry in self.programme.entries}
        self.programme = changed
        self._timeline.schedule(changed.plays)
        newest = changed.entries[-1] if changed.entries else None
        if newest is None or newest.play in before or newest.play.start <= self._timeline.now():
            return
        if newest.transition.kind not in GOING_ON:
            self._herald.planned(newest)

    def _keep_planned(self) -> None:
        horizon = self._timeline.horizon
        current, planned = self.programme.current(horizon), self.programme.planned(horizon)
        if current is None or (current.play.end <= horizon and planned is None):
            choice = None if planned else self.choose()
            if choice is not None:
                levelled = self._arranger.levelled(self.programme)
                self.apply(steps.begin(levelled, choice, horizon + self.length(COLD_LEAD)))
        elif planned is None or (self._is_makeshift(current, planned) and len(self._library.playable()) > 1):
            self._plan(self.choose())
        elif self._knows_more(current, planned):
            self._plan(self.choose(planned) if planned.why is None else self.as_planned(planned))

    def _is_makeshift(self, current: Entry, planned: Entry) -> bool:
        """Whether it was planned when the library had one track only."""
        repeated = planned.track.id == current.track.id and planned.transition.kind == "crossfade"
        return repeated and not planned.queued

    def _knows_more(self, current: Entry, planned: Entry) -> bool:
        """Whether how both sound has become known since the next was planned, in time for planning it anew."""
        is_free = not planned.queued and planned.transition.kind == "crossfade"
        in_time = planned.play.start > self._timeline.horizon + MORE_KNOWN_LEAD
        return is_free and in_time and self._arranger.knows_more(current, planned)

    def _plan(self, choice: Choice | None, after: int = 0) -> None:
        horizon = max(after, self._timeline.horizon)
        if choice is not None and self.programme.current(horizon) is not None:
            earliest = horizon + max(1, self.length(self._lead(choice.track)))
            self.apply(self._arranger.follow(self.programme, choice, horizon, earliest))

    def _lead(self, track: Track) -> int:
        planned = self.programme.planned(self._timeline.horizon)
        if planned is not None and planned.track.id == track.id and self._timeline.is_ready(planned.play.id):
            return PREFETCHED_LEAD
        return COLD_LEAD
