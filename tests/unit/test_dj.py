"""Choosing, and how one track gives way to the next: pure functions, held to what a listener expects of them."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.library.normalisation import Normalisation
from rtc_drift.library.track import Track
from rtc_drift.media import amplitude, samples
from rtc_drift.mixing.crossfade import natural_transition
from rtc_drift.selection.shuffle import draw
from tests.music import make_track

SECOND = samples(1)


def journey(tracks: Sequence[Track], length: int, seed: int = 1) -> list[str]:
    heard: list[str] = []
    for number in range(length):
        choice = draw(tracks, heard, seed, number)
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
        assert draw([], [], 1, 1) is None
        assert journey([make_track(1)], 3) == [make_track(1).id] * 3
        assert all(first != second for first, second in pairwise(journey([make_track(1), make_track(2)], 6)))


class TestTransitions:
    def test_loudness_is_levelled_within_bounds(self) -> None:
        assert np.isclose(Normalisation().gain(make_track(1, lufs=-10)), amplitude(-6))
        assert np.isclose(Normalisation().gain(make_track(1, lufs=-24)), amplitude(8))
        assert np.isclose(Normalisation().gain(make_track(1, lufs=-50)), amplitude(12))
        assert Normalisation().gain(make_track(1, lufs=-70)) == 1

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
