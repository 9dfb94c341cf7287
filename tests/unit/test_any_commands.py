"""Any commands in any order, at any time, running and standing: what holds of a session whatever people do to it."""

from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rtc_drift.engine.fades import envelope
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.media import BLOCK_SAMPLES, SAMPLE_RATE, samples
from rtc_drift.mixing.crossfade import HUSH
from rtc_drift.selection.directions import DIRECTIONS
from rtc_drift.station.commands import Accepted
from rtc_drift.station.on_air import COMMANDED, TooManyCommandsError
from rtc_drift.station.playout import HORIZON
from rtc_drift.station.programme import Entry
from tests.music import make_track
from tests.studio import Studio

TRACKS = [make_track(number, duration=4 + 7 * number, artist=f"Artist {number % 4}") for number in range(1, 9)]
SOON = samples(0.3)


class Commands(RuleBasedStateMachine):
    """People press whatever there is to press, and listen in between, or don't."""

    @initialize(seed=st.integers(0, 9), running=st.booleans())
    def begin(self, seed: int, running: bool) -> None:
        self.studio = Studio(*TRACKS, seed=seed, running=running)
        self.autodj, self.commands = self.studio.autodj, self.studio.commands
        self.schedules_seen = 1
        self.queued: list[str] = []
        self.dequeued: dict[int, str] = {}
        self.promised: list[tuple[int, str]] = []
        self.go(1 if running else 0)

    # --- what happens -------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.studio.timeline.running)
    @rule(seconds=st.sampled_from((0.02, 0.05, 0.1, 0.3, 1, 3, 10, 60)))
    def go(self, seconds: float) -> None:
        """Time passes, as the station's task sees it pass; none while nobody listens."""
        studio = self.studio
        end = studio.now + samples(seconds)
        while studio.now < end:
            due = self.autodj.advance()
            self.look()
            studio.timeline.time = min(end, max(studio.now + 1, due))
        self.autodj.advance()

    @precondition(lambda self: self.studio.timeline.running and self.autodj.planned() is not None)
    @rule(seconds=st.sampled_from((0.02, 0.1, 0.13, 0.2)))
    def go_until_shortly_before_the_next(self, seconds: float) -> None:
        """It is rendered already, and not yet heard."""
        planned = self.autodj.planned()
        assert planned is not None
        self.go((planned.play.start - self.studio.now) / SAMPLE_RATE - seconds)

    @precondition(lambda self: self.studio.timeline.running)
    @rule()
    def everybody_leaves(self) -> None:
        self.go(3)
        self.studio.timeline.running = False
        self.autodj.advance()

    @precondition(lambda self: not self.studio.timeline.running)
    @rule()
    def somebody_comes(self) -> None:
        self.studio.timeline.running = True

    @rule(choice=st.none() | st.sampled_from(TRACKS), direction=st.none() | st.sampled_from(DIRECTIONS))
    def next_track(self, choice: Any, direction: str | None) -> None:
        known = choice is not None and choice.id in self.studio.library.tracks
        self.crossed(lambda: self.commands.next_track(choice.id if known else None, direction))

    @rule()
    def previous(self) -> None:
        self.crossed(self.commands.previous)

    @precondition(lambda self: self.autodj.programme.paused_at is None)
    @rule()
    def pause(self) -> None:
        self.timely(self.commands.pause)

    @precondition(lambda self: self.autodj.programme.paused_at is not None)
    @rule()
    def resume(self) -> None:
        self.timely(self.commands.resume)

    @rule(pressed=st.lists(st.sampled_from(("next_track", "previous", "pause", "resume")), min_size=2, max_size=4))
    def at_once(self, pressed: list[str]) -> None:
        """Several people, before the station has had time to do anything."""
        for name in pressed:
            command = getattr(self.commands, name)
            if name in ("next_track", "previous"):
                self.crossed(command)
            elif (name == "resume") == (self.autodj.programme.paused_at is not None):
                self.timely(command)

    @precondition(lambda self: len(self.studio.library.tracks) > 4 and self.autodj.planned() is not None)
    @rule()
    def what_is_planned_fails(self) -> None:
        planned = self.autodj.planned()
        assert planned is not None
        if planned.play.start > self.studio.timeline.horizon and not self.is_certain(planned):
            self.studio.fail(planned.play.id, 0)
            waiting = self.queued[len(self.dequeued) :]
            self.queued[len(self.dequeued) :] = [each for each in waiting if each != planned.track.id]

    @rule(part=st.floats(0, 1))
    def seek(self, part: float) -> None:
        current = self.autodj.programme.current(self.autodj._on_air.settled())
        assert current is not None
        self.timely(lambda: self.commands.seek(part * current.track.duration_seconds))

    @rule(track=st.sampled_from(TRACKS))
    def enqueue(self, track: Any) -> None:
        if track.id not in self.studio.library.tracks:
            return
        accepted = self.commands.enqueue(track.id)
        if self.autodj.programme.paused_at is None:
            entries = self.autodj.programme.entries
            planned = sum(entry.queued and not self.is_certain(entry) for entry in entries)
            is_planned = planned == len(self.queued) + 1 - len(self.dequeued)
            last = entries[-1].play.start
            assert accepted.starts_at == last if is_planned else accepted.starts_at > last
        self.queued.append(track.id)

    @rule(direction=st.none() | st.sampled_from(DIRECTIONS))
    def steer(self, direction: str | None) -> None:
        self.commands.steer(direction)

    @rule()
    def reset(self) -> None:
        self.commands.reset_drift()

    # --- what holds ---------------------------------------------------------------------------------------------------

    def timely(self, command: Any) -> Accepted | None:
        """What is commanded is heard soon and after what was commanded before; at once while nobody listens."""
        studio, settled = self.studio, self.autodj._on_air.settled()
        before = self.autodj.programme, self.autodj.journey, len(studio.events)
        try:
            accepted: Accepted = command()
        except TooManyCommandsError:
            assert (self.autodj.programme.plays, self.autodj.journey) == (before[0].plays, before[1])
            assert len(studio.events) == before[2], "a command that is refused changes nothing"
            return None
        if studio.timeline.running:
            assert settled < accepted.starts_at <= max(studio.now + SOON, settled + BLOCK_SAMPLES)
        else:
            assert accepted.starts_at == studio.now
            self.promised.clear()  # nobody has heard what it replaces
        return accepted

    def crossed(self, command: Any) -> None:
        accepted = self.timely(command)
        if accepted is not None:
            assert accepted.track is not None
            self.note_what_came_from_the_queue()
            self.promised.append((accepted.starts_at, accepted.track.id))

    @invariant()
    def all_is_well(self) -> None:
        self.autodj.advance()  # whoever commands wakes the station
        self.look()
        self.queued_tracks_come_once_and_in_order()
        self.promises_are_kept()
        self.the_way_back_leads_from_where_it_is()
        self.who_only_reads_the_events_knows_what_is_heard()
        self.it_sounds_unless_it_is_paused()

    def look(self) -> None:
        """Compare what was scheduled last with what was scheduled before, and see what has left the queue."""
        told, now = self.studio.timeline.told, self.studio.now
        if self.studio.timeline.running:
            for before, after in pairwise(told[self.schedules_seen - 1 :]):
                leaves_alone_what_is_rendered(before, after, now)
        self.schedules_seen = len(told)
        self.note_what_came_from_the_queue()

    def note_what_came_from_the_queue(self) -> None:
        for entry in self.autodj.programme.entries:
            if entry.queued and self.is_certain(entry):
                self.dequeued.setdefault(entry.play.id, entry.track.id)

    def is_certain(self, entry: Entry) -> bool:
        """Whether it is heard whatever happens."""
        return entry.play.start <= self.studio.timeline.horizon or entry.transition.kind == "skip"

    def is_under_way(self, entry: Entry) -> bool:
        """Whether it is rendered and not yet heard: it may count as heard, or as waiting."""
        return self.studio.now < entry.play.start <= self.studio.timeline.horizon

    def queued_tracks_come_once_and_in_order(self) -> None:
        came, waiting = [*self.dequeued.values()], [*self.autodj.journey.queue]
        for entry in self.autodj.programme.entries:
            if entry.queued and self.is_under_way(entry) and len(came) + len(waiting) > len(self.queued):
                waiting.remove(entry.track.id)
        assert came + waiting == self.queued
        planned = [entry for entry in self.autodj.programme.entries if entry.queued and not self.is_certain(entry)]
        assert [entry.track.id for entry in planned] == waiting[: len(planned)], "what is planned is what waits"

    def promises_are_kept(self) -> None:
        started = {(event.starts_at, event.track.id) for event in self.studio.of("track_started")}
        for starts_at, track_id in self.promised:
            assert starts_at > self.studio.now or (starts_at, track_id) in started

    def the_way_back_leads_from_where_it_is(self) -> None:
        certain = [entry for entry in self.autodj.programme.entries if self.is_certain(entry)]
        heard = [entry for entry in certain if not self.is_under_way(entry) or entry.transition.kind == "skip"]
        assert self.autodj.journey.history.trail[-1] in {certain[-1].track.id, heard[-1].track.id}

    def who_only_reads_the_events_knows_what_is_heard(self) -> None:
        now, entry = self.studio.now, self.autodj.now_playing()
        told = [event for event in self.studio.events if event.type in ("track_started", "playback_changed")]
        latest = max(reversed([event for event in told if event.media_time <= now]), key=lambda event: event.media_time)
        playing = getattr(latest, "now_playing", latest)
        assert entry is not None
        expected = (entry.track.id, entry.play.start, entry.play.offset)
        assert (playing.track.id, playing.starts_at, playing.offset_samples) == expected
        if self.autodj._on_air.settled() <= self.studio.timeline.horizon - HORIZON:
            assert getattr(latest, "paused_at", None) == self.autodj.programme.paused_at

    def it_sounds_unless_it_is_paused(self) -> None:
        now, programme = self.studio.now, self.autodj.programme
        if any(entry.play.start + HUSH > now for entry in programme.entries if entry.transition.kind in COMMANDED):
            return  # something is on its way, or has just come
        power = sum(envelope(play, now, 1).item() ** 2 for play in programme.plays if play.start <= now < play.end)
        if programme.paused_at is None:
            assert power > 0.2
            assert self.autodj.planned() is not None
        elif now >= programme.paused_at + HUSH:
            assert power == 0
            assert self.autodj.planned() is None


def leaves_alone_what_is_rendered(before: tuple[Play, ...], after: tuple[Play, ...], now: int) -> None:
    kept = {play.id: play for play in after}
    for play in before:
        for time in range(max(now, play.start), min(now + HORIZON, play.end), BLOCK_SAMPLES):
            assert play.id in kept
            assert envelope(kept[play.id], time, 1) == envelope(play, time, 1)
            assert kept[play.id].position_at(time) == play.position_at(time)
    known = {play.id for play in before}
    assert all(play.start > now + HORIZON for play in after if play.id not in known)


TestCommands = Commands.TestCase
TestCommands.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
