"""Choosing and planning: pure functions, held to what a listener expects of them."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rtc_drift.dj import programme as steps
from rtc_drift.dj.autodj import Choice, choose_next
from rtc_drift.dj.plan import Play
from rtc_drift.dj.programme import Programme
from rtc_drift.dj.transitions import HUSH, levelled_gain, natural_transition
from rtc_drift.engine.mixer import envelope
from rtc_drift.library.track import Track
from rtc_drift.media import amplitude, samples
from tests.music import make_track

SECOND = samples(1)


def journey(tracks: Sequence[Track], length: int, seed: int = 1) -> list[str]:
    heard: list[str] = []
    for draw in range(length):
        choice = choose_next(tracks, heard, seed, draw)
        assert choice is not None
        heard.append(choice.track.id)
    return heard


class TestChoosing:
    def test_everything_is_heard_before_anything_is_heard_again(self) -> None:
        tracks = [make_track(number) for number in range(40)]
        assert len(set(journey(tracks, 40))) == 40

    def test_a_track_comes_again_only_after_half_of_the_library(self) -> None:
        heard = journey([make_track(number) for number in range(20)], 200)
        for index, track_id in enumerate(heard):
            assert track_id not in heard[max(0, index - 10) : index]

    def test_artists_are_spaced(self) -> None:
        tracks = [make_track(number, artist=f"Artist {number % 6}") for number in range(60)]
        artists = {track.id: track.artist for track in tracks}
        heard = [artists[track_id] for track_id in journey(tracks, 40)]
        for index, artist in enumerate(heard):
            assert artist not in heard[max(0, index - 3) : index]

    def test_the_same_seed_gives_the_same_journey_and_another_seed_another(self) -> None:
        tracks = [make_track(number) for number in range(30)]
        assert journey(tracks, 30, seed=7) == journey(list(reversed(tracks)), 30, seed=7)
        assert journey(tracks, 30, seed=7) != journey(tracks, 30, seed=8)

    def test_small_libraries_play_on(self) -> None:
        assert choose_next([], [], 1, 1) is None
        assert journey([make_track(1)], 3) == [make_track(1).id] * 3
        assert all(first != second for first, second in pairwise(journey([make_track(1), make_track(2)], 6)))


class TestTransitions:
    def test_loudness_is_levelled_within_bounds(self) -> None:
        assert np.isclose(levelled_gain(make_track(1, lufs=-10)), amplitude(-6))
        assert np.isclose(levelled_gain(make_track(1, lufs=-24)), amplitude(8))
        assert np.isclose(levelled_gain(make_track(1, lufs=-50)), amplitude(12))
        assert levelled_gain(make_track(1, lufs=-70)) == 1

    def test_a_natural_transition_skips_silence_at_both_ends(self) -> None:
        outgoing = make_track(1, duration=100, last_sound=90)
        incoming = make_track(2, first_sound=3)
        plan = natural_transition(outgoing, incoming, 0)
        assert (plan.leave_at + plan.duration, plan.enter_at) == (90 * SECOND, 3 * SECOND)

    @given(
        st.floats(1, 10_000),
        st.floats(1, 10_000),
        st.floats(0, 1),
        st.floats(0, 1),
        st.floats(0, 1),
    )
    def test_any_transition_lies_inside_both_files(
        self, first: float, second: float, last: float, start: float, entered: float
    ) -> None:
        outgoing = make_track(1, duration=first, last_sound=max(0.01, first * last))
        incoming = make_track(2, duration=second, first_sound=second * start * 0.99)
        entered_at = round(entered * outgoing.duration_samples)
        plan = natural_transition(outgoing, incoming, entered_at)
        assert plan.duration >= 0
        assert entered_at <= plan.leave_at
        assert plan.leave_at + plan.duration <= max(outgoing.duration_samples, entered_at + 1)
        assert plan.enter_at + plan.duration <= incoming.duration_samples + 1


class ProgrammeMachine(RuleBasedStateMachine):
    """Any order of planning, skipping, failing and waiting leaves a programme that sounds."""

    HORIZON = 3840

    @initialize()
    def first_track(self) -> None:
        self.now = 0
        self.number = 0
        self.programme = steps.begin(Programme(), self.choice(), 1000)
        self.now = 2000

    def track(self) -> Track:
        self.number += 1
        return make_track(self.number, duration=5 + self.number * 37 % 60)

    def choice(self) -> Choice:
        return Choice(self.track(), "because")

    @property
    def horizon(self) -> int:
        return self.now + self.HORIZON

    @property
    def settled(self) -> int:
        """What has been asked for stays, as what is rendered does."""
        kinds = ("skip", "seek", "resume")
        asked_for = (entry.play.start for entry in self.programme.entries if entry.transition.kind in kinds)
        return max(self.horizon, self.programme.paused_at or 0, *asked_for)

    @precondition(lambda self: self.programme.paused_at is None)
    @rule()
    def plan(self) -> None:
        self.programme = steps.plan_next(self.programme, self.choice(), self.settled, self.settled + 960)

    @rule()
    def skip(self) -> None:
        before = self.programme.plays
        self.programme = steps.skip_to(self.programme, self.choice(), self.settled + 960, self.settled)
        self.unchanged_until(before, self.horizon)
        assert self.programme.paused_at is None

    @rule()
    def skip_to_planned(self) -> None:
        planned = self.programme.planned(self.settled)
        if planned is not None:
            choice = Choice(planned.track, "skip")
            self.programme = steps.skip_to(self.programme, choice, self.settled + 960, self.settled)
            assert self.programme.entries[-1].play.id == planned.play.id, "the prefetched deck is used"

    @precondition(lambda self: self.programme.paused_at is None)
    @rule()
    def pause(self) -> None:
        before, at = self.programme.plays, self.settled + 960
        self.programme = steps.pause(self.programme, at, self.settled)
        self.unchanged_until(before, self.horizon)
        for entry in self.programme.entries:
            assert entry.play.end <= at + HUSH, "silence, whatever was fading"
            breaks_off = entry.play.end == entry.natural_end
            assert entry.play.end <= at or breaks_off or envelope(entry.play, entry.play.end - 1, 1).item() < 0.01

    @precondition(lambda self: self.programme.paused_at is not None)
    @rule()
    def resume(self) -> None:
        paused_at = self.programme.paused_at
        assert paused_at is not None
        position = self.programme.entries[-1].play.position_at(paused_at)
        self.programme = steps.resume(self.programme, self.settled + 960)
        entry = self.programme.entries[-1]
        assert (entry.play.offset, self.programme.paused_at) == (position, None)
        self.programme = steps.plan_next(self.programme, self.choice(), entry.play.start, entry.play.start + 960)

    @rule(seconds=st.integers(0, 4))
    def seek(self, seconds: int) -> None:
        before, paused_at, at = self.programme.plays, self.programme.paused_at, self.settled + 960
        track = self.programme.current(self.settled).track  # type: ignore[union-attr]
        self.programme = steps.seek(self.programme, seconds * SECOND, at, self.settled)
        self.unchanged_until(before, self.horizon)
        entry = self.programme.entries[-1]
        assert (entry.track, entry.play.position_at(at)) == (track, seconds * SECOND)
        if paused_at is None:
            self.programme = steps.plan_next(self.programme, self.choice(), at, at + 960)
        else:
            assert (self.programme.paused_at, entry.play.end) == (at, at), "what is paused stays silent"

    @precondition(lambda self: self.programme.paused_at is None)
    @rule(ahead=st.integers(0, 4 * SECOND))
    def break_off(self, ahead: int) -> None:
        """What is on the air turns out to break off, and maybe what was planned after it too."""
        before = self.programme.plays
        current = self.programme.current(self.settled)
        assert current is not None
        self.programme = steps.break_off(self.programme, current.play.id, self.settled + 960 + ahead)
        self.plan()
        self.unchanged_until(before, self.horizon)

    @rule(step=st.integers(1, 30 * SECOND))
    def wait(self, step: int) -> None:
        planned = self.programme.planned(self.horizon)
        limit = planned.play.start if planned else self.programme.entries[-1].play.end - self.HORIZON - 1
        if self.programme.paused_at is not None:
            limit = self.now + step
        self.now = max(self.now, min(self.now + step, limit))
        self.programme = steps.prune(self.programme, self.now)

    def unchanged_until(self, before: Sequence[Play], horizon: int) -> None:
        """What may be rendered already stays as it was."""
        times = range(self.now, horizon, 320)
        after = {play.id: play for play in self.programme.plays}
        for play in before:
            for time in times:
                if play.start <= time < play.end:
                    kept = after[play.id]
                    assert envelope(kept, time, 1) == envelope(play, time, 1)

    @invariant()
    def something_always_sounds_unless_it_is_paused(self) -> None:
        entries = self.programme.entries
        if self.programme.paused_at is not None:
            return
        for time in range(self.settled + 960, entries[-1].play.start + entries[-1].play.fade_in, SECOND // 3):
            power = sum(
                envelope(entry.play, time, 1).item() ** 2
                for entry in entries
                if entry.play.start <= time < entry.play.end
            )
            assert power > 0.2

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


def test_a_file_that_breaks_off_is_followed_where_it_does_even_if_the_next_one_fails_too() -> None:
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
TestProgramme.settings = settings(max_examples=150, stateful_step_count=20, deadline=None)
