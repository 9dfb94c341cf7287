"""Any commands in any order, at any time, running and standing: invariants of a session."""

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
from rtc_drift.station.entry import Entry
from rtc_drift.station.on_air import COMMANDED, TooManyCommandsError
from rtc_drift.station.playout import HORIZON
from tests.support.autodj_driver import AutoDjDriver
from tests.support.music import make_track

TRACKS = [make_track(number, duration=4 + 7 * number, artist=f"Artist {number % 4}") for number in range(1, 9)]
SOON = samples(0.3)


class AnyCommands(RuleBasedStateMachine):
    """Clients send any commands, with or without listeners in between."""

    @initialize(seed=st.integers(0, 9), running=st.booleans())
    def begin(self, seed: int, running: bool) -> None:
        self.driver = AutoDjDriver(*TRACKS, seed=seed, running=running)
        self.autodj, self.commands = self.driver.autodj, self.driver.commands
        self.schedules_seen = 1
        self.queued: list[str] = []
        self.dequeued: dict[int, str] = {}
        self.promised: list[tuple[int, str]] = []
        self.run_for(1 if running else 0)

    # --- rules --------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.driver.timeline.running)
    @rule(seconds=st.sampled_from((0.02, 0.05, 0.1, 0.3, 1, 3, 10, 60)))
    def run_for(self, seconds: float) -> None:
        """Let time pass as the station's task does. It stands while nobody listens."""
        driver = self.driver
        end = driver.now + samples(seconds)
        while driver.now < end:
            due = self.autodj.advance()
            self.look()
            driver.timeline.time = min(end, max(driver.now + 1, due))
        self.autodj.advance()

    @precondition(lambda self: self.driver.timeline.running and self.autodj.planned() is not None)
    @rule(seconds=st.sampled_from((0.02, 0.1, 0.13, 0.2)))
    def run_until_just_before_the_next(self, seconds: float) -> None:
        """Run until the planned track is rendered but has not started."""
        planned = self.autodj.planned()
        assert planned is not None
        self.run_for((planned.play.start - self.driver.now) / SAMPLE_RATE - seconds)

    @precondition(lambda self: self.driver.timeline.running)
    @rule()
    def all_listeners_leave(self) -> None:
        self.run_for(3)
        self.driver.timeline.running = False
        self.autodj.advance()

    @precondition(lambda self: not self.driver.timeline.running)
    @rule()
    def a_listener_joins(self) -> None:
        self.driver.timeline.running = True

    @rule(choice=st.none() | st.sampled_from(TRACKS), direction=st.none() | st.sampled_from(DIRECTIONS))
    def next_track(self, choice: Any, direction: str | None) -> None:
        known = choice is not None and choice.id in self.driver.library.tracks
        self.skip_with(lambda: self.commands.next_track(choice.id if known else None, direction))

    @rule()
    def previous(self) -> None:
        self.skip_with(self.commands.previous)

    @precondition(lambda self: self.autodj.programme.paused_at is None)
    @rule()
    def pause(self) -> None:
        self.timely(self.commands.pause)

    @precondition(lambda self: self.autodj.programme.paused_at is not None)
    @rule()
    def resume(self) -> None:
        self.timely(self.commands.resume)

    @rule(names=st.lists(st.sampled_from(("next_track", "previous", "pause", "resume")), min_size=2, max_size=4))
    def several_at_once(self, names: list[str]) -> None:
        """Send several commands before the station has time to do anything."""
        for name in names:
            command = getattr(self.commands, name)
            if name in ("next_track", "previous"):
                self.skip_with(command)
            elif (name == "resume") == (self.autodj.programme.paused_at is not None):
                self.timely(command)

    @precondition(lambda self: len(self.driver.library.tracks) > 4 and self.autodj.planned() is not None)
    @rule()
    def the_planned_file_fails(self) -> None:
        planned = self.autodj.planned()
        assert planned is not None
        if planned.play.start > self.driver.timeline.horizon and not self.is_certain(planned):
            self.driver.fail_deck(planned.play.id, 0)
            waiting = self.queued[len(self.dequeued) :]
            self.queued[len(self.dequeued) :] = [each for each in waiting if each != planned.track.id]

    @rule(part=st.floats(0, 1))
    def seek(self, part: float) -> None:
        current = self.autodj.programme.current(self.autodj._on_air.settled())
        assert current is not None
        self.timely(lambda: self.commands.seek(part * current.track.duration_seconds))

    @rule(track=st.sampled_from(TRACKS))
    def enqueue(self, track: Any) -> None:
        if track.id not in self.driver.library.tracks:
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

    # --- invariants ---------------------------------------------------------------------------------------------------

    def timely(self, command: Any) -> Accepted | None:
        """Send a command; assert that it takes effect soon, after earlier commands, or at once while nobody listens."""
        driver, settled = self.driver, self.autodj._on_air.settled()
        before = self.autodj.programme, self.autodj.journey, len(driver.events)
        try:
            accepted: Accepted = command()
        except TooManyCommandsError:
            assert (self.autodj.programme.plays, self.autodj.journey) == (before[0].plays, before[1])
            assert len(driver.events) == before[2], "a refused command changes nothing"
            return None
        if driver.timeline.running:
            assert settled < accepted.starts_at <= max(driver.now + SOON, settled + BLOCK_SAMPLES)
        else:
            assert accepted.starts_at == driver.now
            self.promised.clear()  # nothing of it has played
        return accepted

    def skip_with(self, command: Any) -> None:
        accepted = self.timely(command)
        if accepted is not None:
            assert accepted.track is not None
            self.note_tracks_from_the_queue()
            self.promised.append((accepted.starts_at, accepted.track.id))

    @invariant()
    def all_is_well(self) -> None:
        self.autodj.advance()  # commands wake the station
        self.look()
        self.queued_tracks_play_once_and_in_order()
        self.promises_are_kept()
        self.the_way_back_starts_at_the_current_track()
        self.events_show_what_plays()
        self.it_sounds_unless_it_is_paused()

    def look(self) -> None:
        """Compare the latest schedules with those before, and note what has left the queue."""
        schedules, now = self.driver.timeline.schedules, self.driver.now
        if self.driver.timeline.running:
            for before, after in pairwise(schedules[self.schedules_seen - 1 :]):
                assert_rendered_audio_is_unchanged(before, after, now)
        self.schedules_seen = len(schedules)
        self.note_tracks_from_the_queue()

    def note_tracks_from_the_queue(self) -> None:
        for entry in self.autodj.programme.entries:
            if entry.queued and self.is_certain(entry):
                self.dequeued.setdefault(entry.play.id, entry.track.id)

    def is_certain(self, entry: Entry) -> bool:
        """Return True if an entry plays whatever happens."""
        return entry.play.start <= self.driver.timeline.horizon or entry.transition.kind == "skip"

    def is_rendered_ahead(self, entry: Entry) -> bool:
        """Return True if an entry is rendered but has not started: it may count as played or as waiting."""
        return self.driver.now < entry.play.start <= self.driver.timeline.horizon

    def queued_tracks_play_once_and_in_order(self) -> None:
        came, waiting = [*self.dequeued.values()], [*self.autodj.journey.queue]
        for entry in self.autodj.programme.entries:
            if entry.queued and self.is_rendered_ahead(entry) and len(came) + len(waiting) > len(self.queued):
                waiting.remove(entry.track.id)
        assert came + waiting == self.queued
        planned = [entry for entry in self.autodj.programme.entries if entry.queued and not self.is_certain(entry)]
        ids = [entry.track.id for entry in planned]
        assert ids == waiting[: len(planned)], "the planned track is first in the queue"

    def promises_are_kept(self) -> None:
        started = {(event.starts_at, event.track.id) for event in self.driver.events_of("track_started")}
        for starts_at, track_id in self.promised:
            assert starts_at > self.driver.now or (starts_at, track_id) in started

    def the_way_back_starts_at_the_current_track(self) -> None:
        certain = [entry for entry in self.autodj.programme.entries if self.is_certain(entry)]
        started = [entry for entry in certain if not self.is_rendered_ahead(entry) or entry.transition.kind == "skip"]
        assert self.autodj.journey.history.trail[-1] in {certain[-1].track.id, started[-1].track.id}

    def events_show_what_plays(self) -> None:
        now, entry = self.driver.now, self.autodj.now_playing()
        published = [event for event in self.driver.events if event.type in ("track_started", "playback_changed")]
        past = [event for event in published if event.media_time <= now]
        latest = max(reversed(past), key=lambda event: event.media_time)
        playing = getattr(latest, "now_playing", latest)
        assert entry is not None
        expected = (entry.track.id, entry.play.start, entry.play.offset)
        assert (playing.track.id, playing.starts_at, playing.offset_samples) == expected
        if self.autodj._on_air.settled() <= self.driver.timeline.horizon - HORIZON:
            assert getattr(latest, "paused_at", None) == self.autodj.programme.paused_at

    def it_sounds_unless_it_is_paused(self) -> None:
        now, programme = self.driver.now, self.autodj.programme
        if any(entry.play.start + HUSH > now for entry in programme.entries if entry.transition.kind in COMMANDED):
            return  # a command is about to take effect, or just has
        power = sum(envelope(play, now, 1).item() ** 2 for play in programme.plays if play.start <= now < play.end)
        if programme.paused_at is None:
            assert power > 0.2
            assert self.autodj.planned() is not None
        elif now >= programme.paused_at + HUSH:
            assert power == 0
            assert self.autodj.planned() is None


def assert_rendered_audio_is_unchanged(before: tuple[Play, ...], after: tuple[Play, ...], now: int) -> None:
    kept = {play.id: play for play in after}
    for play in before:
        for time in range(max(now, play.start), min(now + HORIZON, play.end), BLOCK_SAMPLES):
            assert play.id in kept
            assert envelope(kept[play.id], time, 1) == envelope(play, time, 1)
            assert kept[play.id].position_at(time) == play.position_at(time)
    known = {play.id for play in before}
    assert all(play.start > now + HORIZON for play in after if play.id not in known)


TestAnyCommands = AnyCommands.TestCase
TestAnyCommands.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
