"""The shuffle: every track is played before any repeats, and artists are spaced."""

from collections.abc import Iterable
from itertools import pairwise

from rtc_drift.library.track import Track
from rtc_drift.library.track_table import TrackTable
from rtc_drift.selection.shuffle import draw
from tests.support.music import make_track


def shuffled(tracks: Iterable[Track], length: int, seed: int = 1) -> list[str]:
    """Draw tracks one after the other; return their ids."""
    table, played = TrackTable(tracks), list[str]()
    for number in range(length):
        choice = draw(table, played, seed, number)
        assert choice is not None
        played.append(choice.track.id)
    return played


def test_every_track_is_played_before_any_repeats() -> None:
    tracks = [make_track(number) for number in range(40)]
    assert len(set(shuffled(tracks, 40))) == 40


def test_a_track_repeats_only_after_half_of_the_library() -> None:
    played = shuffled([make_track(number) for number in range(20)], 200)
    for index, track_id in enumerate(played):
        assert track_id not in played[max(0, index - 10) : index]


def test_artists_are_spaced() -> None:
    tracks = [make_track(number, artist=f"Artist {number % 6}") for number in range(60)]
    artists = {track.id: track.artist for track in tracks}
    played = [artists[track_id] for track_id in shuffled(tracks, 40)]
    for index, artist in enumerate(played):
        assert artist not in played[max(0, index - 3) : index]


def test_the_order_depends_on_the_seed_only() -> None:
    tracks = [make_track(number) for number in range(30)]
    assert shuffled(tracks, 30, seed=7) == shuffled(list(reversed(tracks)), 30, seed=7)
    assert shuffled(tracks, 30, seed=7) != shuffled(tracks, 30, seed=8)


def test_small_libraries_repeat() -> None:
    assert draw(TrackTable(), [], 1, 1) is None
    assert shuffled([make_track(1)], 3) == [make_track(1).id] * 3
    assert all(first != second for first, second in pairwise(shuffled([make_track(1), make_track(2)], 6)))


def test_avoided_tracks_come_only_if_there_is_no_other() -> None:
    tracks = [make_track(number) for number in range(4)]
    ids, table = {track.id for track in tracks}, TrackTable(tracks)
    for avoided in ({tracks[0].id}, ids - {tracks[2].id}, ids):
        drawn = {choice.track.id for seed in range(40) if (choice := draw(table, [], seed, 1, avoided))}
        assert drawn == (ids - avoided or ids)
    assert draw(table, [], 1, 1, {"unknown"}) == draw(table, [], 1, 1)
