"""Steps from one programme to the next: in any order they give a programme that sounds, without a click."""

from itertools import chain
from math import pi

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rtc_drift.engine.fades import envelope
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.media import SAMPLE_RATE as SECOND
from rtc_drift.mixing.crossfade import HUSH, SKIP_FADE
from rtc_drift.selection.choice import Choice
from rtc_drift.station import programme as steps
from rtc_drift.station.entry import Entry
from rtc_drift.station.programme import Programme
from tests.support.music import make_track


class ProgrammeMachine(RuleBasedStateMachine):
    """Any order of planning, skipping, pausing, seeking, failing and waiting, also while nobody listens."""

    HORIZON = 3840

    @initialize()
    def first_track(self) -> None:
        self.now = 0
        self.number = 0
        self.standing = False
        self.unplayed = set[int]()
        self.programme = steps.begin(Programme(), self.choice(), 1000)
        self.now = 2000

    def choice(self) -> Choice:
        self.number += 1
        return Choice(make_track(self.number, duration=5 + self.number * 37 % 60), "because")

    # --- when: rendered audio and earlier commands stay; without listeners changes are immediate ----------------------

    @property
    def horizon(self) -> int:
        return self.now + self.length(self.HORIZON)

    @property
    def settled(self) -> int:
        kinds = ("skip", "seek", "resume")
        commanded = (entry.play.start for entry in self.programme.entries if entry.transition.kind in kinds)
        return self.now if self.standing else max(self.horizon, self.programme.paused_at or 0, *commanded)

    @property
    def soonest(self) -> int:
        return self.settled + self.length(960)

    def length(self, running: int) -> int:
        return 0 if self.standing else running

    def become(self, changed: Programme) -> None:
        """Take the next state; assert that it leaves rendered audio unchanged."""
        after = {play.id: play for play in changed.plays}
        for play in self.programme.plays:
            for time in chain(range(self.now, self.horizon, 320), range(self.horizon - 1, self.horizon)):
                if self.now <= time and play.start <= time < play.end:
                    assert envelope(after[play.id], time, 1) == envelope(play, time, 1)
                    assert after[play.id].position_at(time) == play.position_at(time)
        self.programme = changed

    # --- rules --------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.programme.paused_at is None)
    @rule()
    def plan(self) -> None:
        earliest = self.settled + max(1, self.length(960))
        self.become(steps.plan_next(self.programme, self.choice(), self.settled, earliest))

    @rule()
    def skip(self) -> None:
        self.become(steps.skip_to(self.programme, self.choice(), self.soonest, self.settled, self.length(SKIP_FADE)))
        assert self.programme.paused_at is None

    @rule()
    def skip_to_planned(self) -> None:
        planned = self.programme.planned(self.settled)
        if planned is not None:
            choice, fade = Choice(planned.track, "skip"), self.length(SKIP_FADE)
            self.become(steps.skip_to(self.programme, choice, self.soonest, self.settled, fade))
            assert self.programme.entries[-1].play.id == planned.play.id, "the prefetched deck is used"

    @precondition(lambda self: self.programme.paused_at is None)
    @rule()
    def pause(self) -> None:
        at = self.soonest
        self.become(steps.pause(self.programme, at, self.settled, self.length(HUSH)))
        assert self.programme.paused_at == at

    @precondition(lambda self: self.programme.paused_at is not None)
    @rule()
    def resume(self) -> None:
        paused_at, at = self.programme.paused_at, self.soonest
        assert paused_at is not None
        position = self.programme.entries[-1].play.position_at(paused_at)
        self.become(steps.resume(self.programme, at, self.length(HUSH)))
        play = self.programme.entries[-1].play
        assert (play.start, play.position_at(at), self.programme.paused_at) == (at, position, None)
        self.plan()

    @rule(seconds=st.integers(0, 4))
    def seek(self, seconds: int) -> None:
        paused_at, at, current = self.programme.paused_at, self.soonest, self.programme.current(self.settled)
        assert current is not None
        self.become(steps.seek(self.programme, seconds * SECOND, at, self.settled, self.length(HUSH)))
        entry = self.programme.entries[-1]
        assert (entry.track, entry.play.start, entry.play.position_at(at)) == (current.track, at, seconds * SECOND)
        assert self.programme.paused_at == (None if paused_at is None else at), "a paused programme stays paused"
        if paused_at is None:
            self.plan()

    @precondition(lambda self: self.programme.paused_at is None)
    @rule(ahead=st.integers(0, 4 * SECOND))
    def break_off(self, ahead: int) -> None:
        """Let the file on the air break off, and maybe the next one too."""
        current = self.programme.current(self.settled)
        assert current is not None
        if current.sound_ends is None:
            self.become(steps.break_off(self.programme, current.play.id, self.settled + 960 + ahead))
            self.plan()

    @precondition(lambda self: not self.standing)
    @rule(step=st.integers(1, 30 * SECOND))
    def wait(self, step: int) -> None:
        if self.programme.paused_at is None:
            step = min(step, self.planning_is_due - self.now)
        self.now += max(0, step)
        self.programme = steps.prune(self.programme, self.now)

    @property
    def planning_is_due(self) -> int:
        planned = self.programme.planned(self.horizon)
        return planned.play.start if planned else self.programme.entries[-1].play.end - self.HORIZON - 1

    @precondition(lambda self: not self.standing and self.settled == self.horizon < self.planning_is_due)
    @rule()
    def stand(self) -> None:
        """Stop the media time where the decks are: after the rendered audio."""
        self.now = self.horizon
        self.standing = True
        self.unplayed.add(self.now)
        self.programme = steps.prune(self.programme, self.now)

    @precondition(lambda self: self.standing)
    @rule()
    def run_again(self) -> None:
        self.standing = False

    # --- invariants ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.programme.paused_at is None)
    @invariant()
    def something_sounds(self) -> None:
        last = self.programme.entries[-1].play
        for time in range(self.soonest, last.start + last.fade_in, SECOND // 3):
            assert sum(level(play, time) ** 2 for play in self.programme.plays) > 0.2

    @invariant()
    def nothing_sounds_after_the_ramp_of_a_pause(self) -> None:
        paused_at = self.programme.paused_at
        assert paused_at is None or all(play.end <= paused_at + HUSH for play in self.programme.plays)

    @invariant()
    def levels_jump_only_where_a_file_ends_or_begins_without_a_fade(self) -> None:
        for entry in self.programme.entries:
            if entry.play.start < entry.play.end:
                self.is_smooth(entry)

    def is_smooth(self, entry: Entry) -> None:
        play = entry.play
        fades = [fade for fade in (play.fade_out, play.hush) if fade is not None]
        edges = {play.start, play.start + play.fade_in, play.end, *(time for f in fades for time in (f.start, f.end))}
        if play.fade_in == 0:
            edges.discard(play.start)
        if play.end == entry.natural_end:
            edges.discard(play.end)
        lengths = [length for length in (play.fade_in, *(fade.length for fade in fades)) if length]
        steepest = sum(pi / 2 / length for length in lengths) + 1e-4
        for time in edges - self.unplayed:
            assert abs(level(play, time) - level(play, time - 1)) <= play.gain * steepest

    @invariant()
    def only_the_last_is_planned(self) -> None:
        starts = [entry.play.start for entry in self.programme.entries]
        assert starts == sorted(starts)
        assert sum(start > self.settled for start in starts) <= 1
        assert len({entry.play.id for entry in self.programme.entries}) == len(starts)

    @invariant()
    def every_play_but_the_last_ends(self) -> None:
        for entry in self.programme.entries[:-1]:
            ends = [fade.end for fade in (entry.play.fade_out, entry.play.hush) if fade is not None]
            assert entry.play.end <= min(ends, default=entry.natural_end)


def level(play: Play, time: int) -> float:
    """Return the level of a play at a media time, by its fades."""
    return envelope(play, time, 1).item() if play.start <= time < play.end else 0.0


def test_a_broken_file_is_followed_at_its_end_even_if_the_next_one_fails() -> None:
    horizon = 10 * SECOND
    programme = steps.begin(Programme(), Choice(make_track(1, duration=180), "first"), 0)
    programme = steps.break_off(programme, 1, 14 * SECOND)
    programme = steps.plan_next(programme, Choice(make_track(2), "rescue"), horizon, horizon + 960)
    programme = steps.plan_next(
        steps.unplan(programme, horizon), Choice(make_track(3), "again"), horizon, horizon + 960
    )
    first, third = programme.plays
    assert first.fade_out is not None
    assert third.start == first.fade_out.start
    assert first.end == 14 * SECOND
    assert programme.entries[1].transition.kind == "rescue"


def test_a_plan_for_the_same_track_keeps_its_deck() -> None:
    programme = steps.begin(Programme(), Choice(make_track(1), "first"), 0)
    programme = steps.plan_next(programme, Choice(make_track(2), "next"), SECOND, 2 * SECOND)
    deck = programme.plays[1].id
    programme = steps.plan_next(programme, Choice(make_track(2), "again"), SECOND, 2 * SECOND)
    assert programme.plays[1].id == deck


TestProgramme = ProgrammeMachine.TestCase
TestProgramme.settings = settings(max_examples=120, stateful_step_count=25, deadline=None)
