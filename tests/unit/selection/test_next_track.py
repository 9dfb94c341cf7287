"""The choice of the next track: steps follow the direction, opposites lead back, and a drift visits everything."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.track import Track
from rtc_drift.rendering.memory_library import MemoryLibrary
from rtc_drift.selection.choice import Choice
from rtc_drift.selection.directions import DIRECTIONS
from rtc_drift.selection.feature_space import EMPTY, FeatureSpace
from rtc_drift.selection.journey import Journey, with_played
from rtc_drift.selection.mixability import tempo_penalty
from rtc_drift.selection.next_track import choose_by_sound, choose_next_track
from rtc_drift.selection.open_directions import explore
from rtc_drift.selection.ranking import CLEAR_STEP
from tests.support.analyses import make_analysis
from tests.support.music import make_track
from tests.support.synthetic_library import make_library, memory_library, visits_by_region

SOUNDS = make_library(1_000)
LIBRARY = memory_library(*SOUNDS)
LARGE = LIBRARY.space


def at(library: MemoryLibrary, row: int = 0, seed: int = 1) -> Journey:
    return with_played(Journey(seed), sorted(library.playable())[row])


def walk(library: MemoryLibrary, journey: Journey, directions: Sequence[str | None]) -> tuple[Journey, list[Choice]]:
    """Choose tracks one after the other, each played before the next is chosen."""
    choices = list[Choice]()
    for direction in directions:
        journey = replace(journey, direction=direction, draws=journey.draws + 1)
        choice = choose_next_track(library, library.space, journey, ())
        assert choice is not None
        choices.append(choice)
        journey = with_played(journey, choice.track.id)
    return journey, choices


def score(space: FeatureSpace, track_id: str, direction: str) -> float:
    way = space.axes.directions[direction]
    return way.sign * float(space.scores[space.row_of(track_id), way.axis])


# --- steps --------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(DIRECTIONS), st.integers(0, 999))
def test_a_step_follows_its_direction_clearly_and_not_too_far(direction: str, row: int) -> None:
    journey = at(LIBRARY, row)
    _, (choice,) = walk(LIBRARY, journey, [direction])
    gained = score(LARGE, choice.track.id, direction) - score(LARGE, LARGE.id_of(row), direction)
    ahead = LARGE.axes.directions[direction]
    scores = ahead.sign * LARGE.scores[:, ahead.axis]
    if scores.max() - scores[row] < CLEAR_STEP:
        assert choice.why is not None
        assert choice.why.direction is None
        assert " left; try " in choice.reason
    else:
        assert gained >= CLEAR_STEP
        assert choice.why is not None
        assert choice.why.direction == direction
        assert choice.why.progress == pytest.approx(gained, abs=1e-4)
        assert gained < 2.5 or scores.max() - scores[row] < 3


def test_a_step_keeps_everything_else_nearer_than_chance() -> None:
    distances = []
    for row in range(0, 1_000, 20):
        _, (choice,) = walk(LIBRARY, at(LIBRARY, row), ["brighter"])
        assert choice.why is not None
        distances.append(choice.why.distance)
    rng = np.random.default_rng(1)
    pairs = LARGE.matrix[rng.integers(0, 1_000, (500, 2))]
    by_chance = np.linalg.norm(pairs[:, 0] - pairs[:, 1], axis=1) / np.sqrt(2 * LARGE.matrix.shape[1]) / 0.8
    assert np.mean(distances) < 0.8 * np.mean(by_chance)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(DIRECTIONS), st.integers(0, 999))
def test_the_opposite_direction_leads_back(direction: str, row: int) -> None:
    back = LARGE.axes.directions[direction].opposite
    start = score(LARGE, LARGE.id_of(row), direction)
    _, (there, home) = walk(LIBRARY, at(LIBRARY, row), [direction, back])
    if there.why is not None and there.why.direction and home.why is not None and home.why.direction:
        middle, end = (score(LARGE, it.track.id, direction) for it in (there, home))
        assert end < middle
        assert abs(end - start) < abs(middle - start) + 1


def test_most_steps_can_be_beat_matched() -> None:
    _, choices = walk(LIBRARY, at(LIBRARY), ["brighter", "calmer", "faster", "darker", None, None] * 10)
    whys = [choice.why for choice in choices if choice.why is not None]
    tempi = LARGE.bpm[LARGE.rows_of(choice.track.id for choice in choices)].tolist()
    strains = [float(tempo_penalty(np.array([to], np.float32), of)[0]) for of, to in pairwise(tempi)]
    assert np.mean([strain == 0 for strain in strains]) > 0.5
    assert np.mean([(why.key_distance or 0) <= 2 for why in whys]) > 0.6


def test_loved_tracks_are_a_little_nearer() -> None:
    drawn = 0
    for row in range(40):
        journey = replace(at(LIBRARY, row), direction="brighter", draws=1)
        directions = explore(LARGE, LIBRARY.get, (), journey, LARGE.id_of(row))
        rivals = next(it for it in directions if it.direction.id == "brighter").samples
        for rank, rival in enumerate(rivals):
            choice = choose_by_sound(memory_library(*SOUNDS, loved=(rival.id,)), LARGE, journey, ())
            assert choice is not None
            assert choice.track in (rivals[0], rival)
            drawn += rank > 0 and choice.track == rival
    assert 5 <= drawn <= 75, "loved tracks do not always win"


def test_upcoming_tracks_are_not_chosen_again() -> None:
    journey = replace(at(LIBRARY), direction="brighter")
    first = choose_by_sound(LIBRARY, LARGE, journey, ())
    assert first is not None
    second = choose_by_sound(LIBRARY, LARGE, journey, (first.track.id,))
    assert second is not None
    assert second.track != first.track


def test_the_reason_says_that_a_direction_is_exhausted() -> None:
    brightest = int(np.argmax(LARGE.scores[:, LARGE.axes.directions["brighter"].axis]))
    _, (choice,) = walk(LIBRARY, at(LIBRARY, brightest), ["brighter"])
    assert "No brighter tracks left; try " in choice.reason


# --- the drift ----------------------------------------------------------------------------------------------------


def test_a_drift_repeats_nothing_spaces_artists_and_visits_all_regions() -> None:
    _, choices = walk(LIBRARY, at(LIBRARY, seed=7), [None] * 200)
    ids = [choice.track.id for choice in choices]
    assert len(set(ids)) == 200
    artists = [choice.track.artist for choice in choices]
    assert all(artist not in artists[max(0, n - 10) : n] for n, artist in enumerate(artists))
    assert visits_by_region(LARGE, ids).min() >= 4


def test_a_drift_goes_on_smoothly() -> None:
    _, choices = walk(LIBRARY, at(LIBRARY, seed=3), [None] * 100)
    path = LARGE.matrix[LARGE.rows_of(choice.track.id for choice in choices)]
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    pairs = np.linalg.norm(path - np.random.default_rng(0).permutation(path), axis=1)
    assert np.median(steps) < 0.85 * np.median(pairs)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**63), st.lists(st.none() | st.sampled_from(DIRECTIONS), max_size=12), st.randoms())
def test_the_same_seed_library_and_commands_give_the_same_journey(
    seed: int, directions: list[str | None], random: "np.random.Generator"
) -> None:
    tracks, analyses = make_library(60)
    one = memory_library(tracks, analyses)
    random.shuffle(tracks)
    other = memory_library(tracks, dict(reversed(analyses.items())))
    paths = [[choice.track.id for choice in walk(it, at(it, 0, seed), directions)[1]] for it in (one, other)]
    assert paths[0] == paths[1]


# --- small and strange libraries ----------------------------------------------------------------------------------


def strange() -> dict[str, tuple[list[Track], dict[str, Analysis]]]:
    tracks, analyses = make_library(8)
    silent = {
        track.id: make_analysis(tempo_bpm=None, tempo=0, camelot=None, key=None, integrated_lufs=-70, bass=0, energy=0)
        for track in tracks
    }
    bare = [make_track(n).model_copy(update={"artist": "", "album": "", "title": "曲"}) for n in range(1, 9)]
    hours = tracks[0].model_copy(update={"duration_seconds": 10_800.0, "last_sound_seconds": 10_800.0})
    return {
        "one": (tracks[:1], analyses),
        "three": (tracks[:3], analyses),
        "alike": (tracks, {track.id: make_analysis() for track in tracks}),
        "silence": (tracks, silent),
        "no tags": (bare, {track.id: analyses[tracks[n].id] for n, track in enumerate(bare)}),
        "three hours": ([hours, *tracks[1:]], analyses),
        "half analysed": (tracks, dict(list(analyses.items())[:4])),
        "not analysed": (tracks, {}),
    }


@pytest.mark.parametrize("name", strange())
def test_strange_libraries_always_have_a_next_track(name: str) -> None:
    tracks, analyses = strange()[name]
    library = memory_library(tracks, analyses)
    assert np.isfinite(library.space.matrix).all()
    assert np.isfinite(library.space.scores).all()
    _, choices = walk(library, at(library), [None, "brighter", "slower", None, "more_tonal"] * 6)
    played = [min(library.playable()), *(choice.track.id for choice in choices)]
    if len(tracks) > 1:
        assert all(one != other for one, other in pairwise(played))
        assert len(set(played)) == len(tracks), "every track is played"


def test_an_empty_library_has_no_next_track() -> None:
    assert choose_by_sound(memory_library((), {}), EMPTY, Journey(1), ()) is None
    assert explore(EMPTY, LIBRARY.get, (), Journey(1), "x") == []


def test_the_reason_names_the_true_change_of_tempo() -> None:
    tracks, analyses = make_library(2)
    slow, fast = (track.id for track in tracks)
    analyses[slow] = make_analysis(tempo_bpm=72, tempo=72)
    analyses[fast] = make_analysis(tempo_bpm=120, tempo=120)
    library = memory_library(tracks, analyses)
    _, (choice,) = walk(library, at(library, sorted(library.playable()).index(slow)), ["faster"])
    assert choice.track.id == fast
    assert choice.reason.startswith("Faster. 48 BPM faster")


def test_analysed_tracks_come_before_others() -> None:
    tracks, analyses = make_library(20)
    library = memory_library(tracks, dict(list(analyses.items())[:10]))
    start = int(np.argmax(library.space.is_analysed))
    _, choices = walk(library, at(library, start), [None] * 9)
    assert library.space.is_analysed[library.space.rows_of(choice.track.id for choice in choices)].all()


def test_a_track_without_a_beat_is_neither_fast_nor_slow() -> None:
    tracks, analyses = make_library(50)
    still = tracks[7].id
    analyses[still] = make_analysis(tempo_bpm=None, tempo=0, onset_density=float(np.e))
    library = memory_library(tracks, analyses)
    fast = library.space.axes.directions["faster"]
    assert abs(float(library.space.scores[library.space.row_of(still), fast.axis])) < 0.5


# --- open directions ----------------------------------------------------------------------------------------------


def test_the_explorer_lists_the_tracks_in_every_direction() -> None:
    journey = replace(at(LIBRARY, 17), draws=1)
    found = explore(LARGE, LIBRARY.get, (), journey, LARGE.id_of(17))
    assert {it.direction.id for it in found} >= set(DIRECTIONS)
    for it in found:
        gains = [
            score(LARGE, track.id, it.direction.id) - score(LARGE, LARGE.id_of(17), it.direction.id)
            for track in it.samples
        ]
        assert all(gain >= CLEAR_STEP for gain in gains)
        assert len(it.samples) == min(3, it.count)
        if it.count:
            choice = choose_by_sound(LIBRARY, LARGE, replace(journey, direction=it.direction.id), ())
            assert choice is not None
            assert choice.track == it.samples[0]


def test_discovered_directions_are_named_after_their_features() -> None:
    rng = np.random.default_rng(5)
    tracks, analyses = make_library(300)
    for track in tracks:
        width = rng.standard_normal()
        sound = {"spread": float(np.exp(7 + 0.5 * width)), "timbre": (float(10 * width),) * 24}
        features = analyses[track.id].features.model_copy(update=sound)
        analyses[track.id] = analyses[track.id].model_copy(update={"features": features})
    library = memory_library(tracks, analyses)
    directions = library.space.axes.directions
    found = directions["discovered_1"]
    assert "wide" in found.label
    assert "narrow" in directions[found.opposite].label
    narrow = min(tracks, key=lambda track: analyses[track.id].features.spread)
    _, (choice,) = walk(library, at(library, sorted(library.playable()).index(narrow.id)), ["discovered_1"])
    assert analyses[choice.track.id].features.spread > 1.3 * analyses[narrow.id].features.spread
