"""The navigator: steps go where they were asked to, opposites lead back, and a drift goes everywhere."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_drift.analysis.camelot import key_distance, key_number
from rtc_drift.analysis.model import Analysis
from rtc_drift.library.track import Track
from rtc_drift.rendering.memory_library import MemoryLibrary
from rtc_drift.selection.choice import Choice
from rtc_drift.selection.directions import DIRECTIONS
from rtc_drift.selection.feature_space import EMPTY, FeatureSpace, space_of
from rtc_drift.selection.journey import Journey, with_played
from rtc_drift.selection.library_map import coordinates
from rtc_drift.selection.mixability import tempo_penalty
from rtc_drift.selection.next_track import choose_by_sound, choose_next_track
from rtc_drift.selection.open_directions import explore
from rtc_drift.selection.ranking import CLEAR_STEP
from tests.country import country, space, visits
from tests.music import make_track
from tests.sounds import sounding

LAND = space(1_000)


def at(land: FeatureSpace, row: int = 0, seed: int = 1) -> Journey:
    return with_played(Journey(seed), land.tracks[row].id)


def walk(land: FeatureSpace, journey: Journey, directions: Sequence[str | None]) -> tuple[Journey, list[Choice]]:
    """Steps, one after the other, each heard before the next is chosen."""
    choices, library = list[Choice](), MemoryLibrary(land.tracks, {})
    for direction in directions:
        journey = replace(journey, direction=direction, draws=journey.draws + 1)
        choice = choose_next_track(library, land, journey, ())
        assert choice is not None
        choices.append(choice)
        journey = with_played(journey, choice.track.id)
    return journey, choices


def score(land: FeatureSpace, track_id: str, direction: str) -> float:
    way = land.axes.directions[direction]
    return way.sign * float(land.scores[land.rows[track_id], way.axis])


# --- steps --------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(DIRECTIONS), st.integers(0, 999))
def test_a_step_leads_clearly_where_it_was_asked_to_and_not_to_the_end_of_the_world(direction: str, row: int) -> None:
    journey = at(LAND, row)
    _, (choice,) = walk(LAND, journey, [direction])
    gained = score(LAND, choice.track.id, direction) - score(LAND, LAND.tracks[row].id, direction)
    ahead = LAND.axes.directions[direction]
    scores = ahead.sign * LAND.scores[:, ahead.axis]
    if scores.max() - scores[row] < CLEAR_STEP:
        assert choice.why is not None
        assert choice.why.direction is None
        assert "any more" in choice.reason
    else:
        assert gained >= CLEAR_STEP
        assert choice.why is not None
        assert choice.why.direction == direction
        assert choice.why.progress == pytest.approx(gained, abs=1e-4)
        assert gained < 2.5 or scores.max() - scores[row] < 3


def test_a_step_keeps_everything_else_nearer_than_chance() -> None:
    distances = []
    for row in range(0, 1_000, 20):
        _, (choice,) = walk(LAND, at(LAND, row), ["brighter"])
        assert choice.why is not None
        distances.append(choice.why.distance)
    rng = np.random.default_rng(1)
    pairs = LAND.matrix[rng.integers(0, 1_000, (500, 2))]
    by_chance = np.linalg.norm(pairs[:, 0] - pairs[:, 1], axis=1) / np.sqrt(2 * LAND.matrix.shape[1]) / 0.8
    assert np.mean(distances) < 0.8 * np.mean(by_chance)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(DIRECTIONS), st.integers(0, 999))
def test_an_opposite_undoes(direction: str, row: int) -> None:
    back = LAND.axes.directions[direction].opposite
    start = score(LAND, LAND.tracks[row].id, direction)
    _, (there, home) = walk(LAND, at(LAND, row), [direction, back])
    if there.why is not None and there.why.direction and home.why is not None and home.why.direction:
        middle, end = (score(LAND, it.track.id, direction) for it in (there, home))
        assert end < middle
        assert abs(end - start) < abs(middle - start) + 1


def test_steps_can_mostly_be_mixed() -> None:
    _, choices = walk(LAND, at(LAND), ["brighter", "calmer", "faster", "darker", None, None] * 10)
    whys = [choice.why for choice in choices if choice.why is not None]
    tempi = [float(LAND.bpm[LAND.rows[choice.track.id]]) for choice in choices]
    strains = [float(tempo_penalty(np.array([to], np.float32), of)[0]) for of, to in pairwise(tempi)]
    assert np.mean([strain == 0 for strain in strains]) > 0.5
    assert np.mean([(why.key_distance or 0) <= 2 for why in whys]) > 0.6


def test_what_is_loved_is_a_little_nearer() -> None:
    drawn = 0
    for row in range(40):
        journey = replace(at(LAND, row), direction="brighter", draws=1)
        around = explore(LAND, (), journey, LAND.tracks[row].id)
        rivals = next(it for it in around if it.direction.id == "brighter").samples
        for rank, rival in enumerate(rivals):
            choice = choose_by_sound(LAND, {rival.id}, journey, ())
            assert choice is not None
            assert choice.track in (rivals[0], rival)
            drawn += rank > 0 and choice.track == rival
    assert 5 <= drawn <= 75, "not so near that nothing else counts"


def test_what_is_coming_is_not_chosen_again() -> None:
    journey = replace(at(LAND), direction="brighter")
    first = choose_by_sound(LAND, (), journey, ())
    assert first is not None
    second = choose_by_sound(LAND, (), journey, (first.track.id,))
    assert second is not None
    assert second.track != first.track


def test_when_nothing_is_left_that_way_it_says_so_and_what_is() -> None:
    brightest = int(np.argmax(LAND.scores[:, LAND.axes.directions["brighter"].axis]))
    _, (choice,) = walk(LAND, at(LAND, brightest), ["brighter"])
    assert "Nothing is brighter than this any more" in choice.reason
    assert "lie open" in choice.reason


# --- the drift ----------------------------------------------------------------------------------------------------


def test_a_drift_never_loops_spaces_artists_and_sees_the_whole_country() -> None:
    _, choices = walk(LAND, at(LAND, seed=7), [None] * 200)
    ids = [choice.track.id for choice in choices]
    assert len(set(ids)) == 200
    artists = [choice.track.artist for choice in choices]
    assert all(artist not in artists[max(0, n - 10) : n] for n, artist in enumerate(artists))
    assert visits(LAND, ids).min() >= 4


def test_a_drift_goes_on_smoothly() -> None:
    _, choices = walk(LAND, at(LAND, seed=3), [None] * 100)
    path = LAND.matrix[[LAND.rows[choice.track.id] for choice in choices]]
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    pairs = np.linalg.norm(path - np.random.default_rng(0).permutation(path), axis=1)
    assert np.median(steps) < 0.85 * np.median(pairs)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**63), st.lists(st.none() | st.sampled_from(DIRECTIONS), max_size=12), st.randoms())
def test_the_same_seed_library_and_commands_give_the_same_journey(
    seed: int, directions: list[str | None], random: "np.random.Generator"
) -> None:
    tracks, analyses = country(60)
    one = space_of(tracks, analyses)
    random.shuffle(tracks)
    other = space_of(tracks, dict(reversed(analyses.items())))
    paths = [[choice.track.id for choice in walk(land, at(land, 0, seed), directions)[1]] for land in (one, other)]
    assert paths[0] == paths[1]


# --- small and strange libraries ----------------------------------------------------------------------------------


def strange() -> dict[str, tuple[list[Track], dict[str, Analysis]]]:
    tracks, analyses = country(8)
    silent = {
        track.id: sounding(tempo_bpm=None, tempo=0, camelot=None, key=None, integrated_lufs=-70, bass=0, energy=0)
        for track in tracks
    }
    bare = [make_track(n).model_copy(update={"artist": "", "album": "", "title": "曲"}) for n in range(1, 9)]
    hours = tracks[0].model_copy(update={"duration_seconds": 10_800.0, "last_sound_seconds": 10_800.0})
    return {
        "one": (tracks[:1], analyses),
        "three": (tracks[:3], analyses),
        "alike": (tracks, {track.id: sounding() for track in tracks}),
        "silence": (tracks, silent),
        "no tags": (bare, {track.id: analyses[tracks[n].id] for n, track in enumerate(bare)}),
        "three hours": ([hours, *tracks[1:]], analyses),
        "half heard": (tracks, dict(list(analyses.items())[:4])),
        "not heard": (tracks, {}),
    }


@pytest.mark.parametrize("name", strange())
def test_strange_libraries_play_on(name: str) -> None:
    tracks, analyses = strange()[name]
    land = space_of(tracks, analyses)
    assert np.isfinite(land.matrix).all()
    assert np.isfinite(land.scores).all()
    _, choices = walk(land, at(land), [None, "brighter", "slower", None, "more_tonal"] * 6)
    heard = [land.tracks[0].id, *(choice.track.id for choice in choices)]
    if len(tracks) > 1:
        assert all(one != other for one, other in pairwise(heard))
        assert len(set(heard)) == len(tracks), "everything is heard at last"


def test_nothing_is_chosen_where_there_is_nothing() -> None:
    assert choose_by_sound(EMPTY, (), Journey(1), ()) is None
    assert explore(EMPTY, (), Journey(1), "x") == []


def test_a_reason_never_says_slower_of_what_is_faster() -> None:
    tracks, analyses = country(2)
    slow, fast = (track.id for track in tracks)
    analyses[slow] = sounding(tempo_bpm=72, tempo=72)
    analyses[fast] = sounding(tempo_bpm=120, tempo=120)
    land = space_of(tracks, analyses)
    _, (choice,) = walk(land, at(land, land.rows[slow]), ["faster"])
    assert choice.track.id == fast
    assert choice.reason.startswith("Faster. 48 BPM faster")


def test_what_was_not_heard_yet_comes_after_what_was() -> None:
    tracks, analyses = country(20)
    land = space_of(tracks, dict(list(analyses.items())[:10]))
    start = next(row for row in range(20) if land.is_analysed[row])
    _, choices = walk(land, at(land, start), [None] * 9)
    assert all(land.is_analysed[land.rows[choice.track.id]] for choice in choices)


def test_a_track_without_a_beat_is_neither_fast_nor_slow() -> None:
    tracks, analyses = country(50)
    still = tracks[7].id
    analyses[still] = sounding(tempo_bpm=None, tempo=0, onset_density=float(np.e))
    land = space_of(tracks, analyses)
    fast = land.axes.directions["faster"]
    assert abs(float(land.scores[land.rows[still], fast.axis])) < 0.5


# --- seen from here -----------------------------------------------------------------------------------------------


def test_the_explorer_tells_of_every_direction_how_many_lie_there_and_which() -> None:
    journey = replace(at(LAND, 17), draws=1)
    found = explore(LAND, (), journey, LAND.tracks[17].id)
    assert {it.direction.id for it in found} >= set(DIRECTIONS)
    for it in found:
        gains = [
            score(LAND, track.id, it.direction.id) - score(LAND, LAND.tracks[17].id, it.direction.id)
            for track in it.samples
        ]
        assert all(gain >= CLEAR_STEP for gain in gains)
        assert len(it.samples) == min(3, it.count)
        if it.count:
            choice = choose_by_sound(LAND, (), replace(journey, direction=it.direction.id), ())
            assert choice is not None
            assert choice.track == it.samples[0]


def test_discovered_directions_are_named_after_what_makes_them() -> None:
    rng = np.random.default_rng(5)
    tracks, analyses = country(300)
    for track in tracks:
        width = rng.standard_normal()
        sound = {"spread": float(np.exp(7 + 0.5 * width)), "timbre": (float(10 * width),) * 24}
        features = analyses[track.id].features.model_copy(update=sound)
        analyses[track.id] = analyses[track.id].model_copy(update={"features": features})
    land = space_of(tracks, analyses)
    found = land.axes.directions["discovered_1"]
    assert "wide" in found.label
    assert "narrow" in land.axes.directions[found.opposite].label
    narrow = min(land.tracks, key=lambda track: analyses[track.id].features.spread)
    _, (choice,) = walk(land, at(land, land.rows[narrow.id]), ["discovered_1"])
    assert analyses[choice.track.id].features.spread > 1.3 * analyses[narrow.id].features.spread


def test_the_map_is_bounded_and_does_not_jump_when_tracks_come() -> None:
    tracks, analyses = country(400)
    before, after = (space_of(tracks[:count], analyses) for count in (360, 400))
    old, new = coordinates(before), coordinates(after)
    assert ((old > 0) & (old < 1)).all()
    moved = [np.linalg.norm(old[row] - new[after.rows[track.id]]) for row, track in enumerate(before.tracks)]
    assert max(moved) < 0.1
    assert old.std(axis=0).min() > 0.1


# --- mixing -------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(1, 12), st.sampled_from("AB"), st.integers(1, 12), st.sampled_from("AB"))
def test_keys_are_as_far_apart_as_on_the_wheel(one: int, kind: str, other: int, its: str) -> None:
    numbers = np.array([key_number(f"{other}{its}")], np.int8)
    steps = min((one - other) % 12, (other - one) % 12) + (kind != its)
    assert key_distance(numbers, key_number(f"{one}{kind}"))[0] == steps


def test_tempi_within_reach_or_in_octaves_of_it_are_no_strain() -> None:
    bpm = np.array([120, 126, 60, 240, 122 / 2, 85, 0], np.float32)
    strain = tempo_penalty(bpm, 120.0)
    assert strain[:5] == pytest.approx(0, abs=1e-6)
    assert strain[5] > 0.9
    assert strain[6] == 0
