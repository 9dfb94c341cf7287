"""The table of tracks: it behaves as a mapping from ids to tracks, and its columns agree with it."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rtc_drift.library.normalisation import AlbumLoudness
from rtc_drift.library.track import MAX_SECONDS, Track
from rtc_drift.library.track_page import page_of, read_page
from rtc_drift.library.track_table import TrackTable
from tests.support.music import make_track

TEXTS = st.text(st.sampled_from("aAéß曲\0\n "), max_size=6)
FOLDERS = st.sampled_from(("/music", "/music/a", "/music/a/b", "/music/ab", "/", "/musi\udce9"))


@st.composite
def tracks(draw: st.DrawFn) -> Track:
    end = draw(st.floats(0.1, MAX_SECONDS))
    return Track(
        id=f"{draw(st.integers(0, 9) | st.integers(2**64 - 3, 2**64 - 1)):016x}",
        path=Path(draw(FOLDERS)) / f"{draw(st.integers(0, 4))}.flac",
        title=draw(TEXTS),
        artist=draw(TEXTS),
        album=draw(TEXTS),
        genre=draw(TEXTS),
        year=draw(st.none() | st.integers(0, 3_000)),
        track_number=draw(st.none() | st.integers(0, 99)),
        has_cover=draw(st.booleans()),
        duration_seconds=end,
        integrated_lufs=draw(st.floats(-70, 0)),
        true_peak_dbtp=draw(st.floats(-120, 3)),
        first_sound_seconds=0.0,
        last_sound_seconds=end,
    )


class Tables(RuleBasedStateMachine):
    """A table and a dictionary with the same tracks."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.expected = TrackTable(), dict[str, Track]()

    @rule(track=tracks())
    def add(self, track: Track) -> None:
        self.table.add(track)
        self.expected.pop(track.id, None)  # it goes to the end
        self.expected[track.id] = track

    @rule(several=st.lists(tracks(), max_size=5))
    def extend(self, several: list[Track]) -> None:
        self.table.extend(page_of(several))
        for track in several:
            self.expected.setdefault(track.id, track)

    @rule(track=tracks())
    def remove(self, track: Track) -> None:
        assert self.table.pop(track.id, None) == self.expected.pop(track.id, None)

    @rule(paths=st.lists(tracks().map(lambda it: it.path), max_size=3))
    def remove_files(self, paths: list[Path]) -> None:
        self.table.remove_files(paths)
        self.expected = {track_id: it for track_id, it in self.expected.items() if it.path not in paths}

    @rule(root=FOLDERS.map(Path))
    def remove_below(self, root: Path) -> None:
        self.table.remove_below(root)
        self.expected = {track_id: it for track_id, it in self.expected.items() if not it.path.is_relative_to(root)}
        assert not self.table.has_tracks_below(root)

    @invariant()
    def holds_the_same_tracks(self) -> None:
        assert list(self.table.items()) == list(self.expected.items())
        for root in map(Path, ("/music", "/music/a", "/elsewhere")):
            is_below = any(track.path.is_relative_to(root) for track in self.expected.values())
            assert self.table.has_tracks_below(root) == is_below

    @invariant()
    def has_columns_that_agree(self) -> None:
        columns, found = self.table.columns(), list(self.expected.values())
        rows = [row for track in found if (row := self.table.row_of(track.id)) is not None]
        assert columns.is_there.sum() == len(found) and columns.is_there[rows].all()
        assert [self.table.id_at(row) for row in rows] == [track.id for track in found]
        assert columns.lufs[rows].tolist() == [track.integrated_lufs for track in found]
        for numbers, names in (
            (columns.artists, [track.artist.casefold() for track in found]),
            (columns.albums, [track.album and f"{track.artist}\0{track.album}".casefold() for track in found]),
            (columns.sides, [track.album and (track.album, track.path.parent) for track in found]),
        ):
            of_rows = numbers[rows].tolist()
            assert [number == -1 for number in of_rows] == [not name for name in names]
            same = [[one == other for one in of_rows] for other in of_rows]
            assert same == [[one == other for one in names] for other in names]


TestTables = Tables.TestCase
Tables.TestCase.settings = settings(max_examples=30, stateful_step_count=12, deadline=None)


def stored(track: Track) -> tuple[object, ...]:
    """Return a track as the catalogue's row has it."""
    values = [getattr(track, name) for name in Track.model_fields if name != "path"]
    return (
        os.fsencode(track.path),
        *(it.encode() if isinstance(it, str) else int(it) if isinstance(it, bool) else it for it in values),
    )


@given(st.lists(tracks(), max_size=6))
def test_rows_that_are_read_at_once_give_the_same_tracks(several: list[Track]) -> None:
    page, unreadable = read_page([stored(track) for track in several])
    table = TrackTable()
    table.extend(page)
    first = dict[str, Track]()
    for track in several:
        first.setdefault(track.id, track)
    assert not unreadable and list(table.items()) == list(first.items())


WRONG = st.none() | st.just(b"\xff") | st.just(float("nan")) | st.just(float("inf")) | st.integers(-(2**63), 2**63 - 1)


@given(st.lists(tracks(), min_size=1, max_size=4, unique_by=lambda it: it.id), st.data())
def test_a_wrong_row_costs_itself_alone(several: list[Track], data: st.DataObject) -> None:
    rows = [list(stored(track)) for track in several]
    at, column = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.integers(0, len(rows[0]) - 1))
    rows[at][column] = data.draw(WRONG)
    page, unreadable = read_page(rows)
    table = TrackTable()
    table.extend(page)
    others = [track for number, track in enumerate(several) if number != at]
    assert [table[track.id] for track in others] == others
    assert len(table) + len(unreadable) == len(several)
    for track in table.values():
        Track.model_validate(track.model_dump())


def test_ids_are_taken_as_they_are_written() -> None:
    table = TrackTable([make_track(0xAB)])
    assert "00000000000000ab" in table
    for text in ("00000000000000AB", "0x000000000000ab", "ab", "", "0000_0000_000_ab", " 0000000000000ab", "曲" * 16):
        assert text not in table and table.get(text) is None


def test_columns_that_were_taken_stay_as_they_were() -> None:
    table = TrackTable(make_track(number) for number in range(20))
    before = table.columns()
    for number in range(10):
        table.add(make_track(number, lufs=-20.0))
    assert table.rows == 30 and len(table) == 20
    assert before.is_there.all() and len(before) == 20 and (before.lufs == -16).all()


def test_albums_keep_their_balance_within_a_folder() -> None:
    album = {"album": "Album", "artist": "Artist"}
    quiet, loud, elsewhere, single = (
        make_track(number, lufs=lufs, path=Path(f"/music/{folder}/{number}.flac")).model_copy(update=update)
        for number, (lufs, folder, update) in enumerate(
            ((-20.0, "a", album), (-10.0, "a", album), (-10.0, "b", album), (-10.0, "a", {"album": ""}))
        )
    )
    table = TrackTable([quiet, loud, elsewhere, single])
    albums = AlbumLoudness(table)
    mean = 10 * np.log10((10**-2 + 10**-1) / 2)
    assert albums.get(quiet.id) == albums.get(loud.id) == pytest.approx(mean)
    assert albums.get(elsewhere.id) is albums.get(single.id) is albums.get("unknown") is None
    table.add(make_track(9, path=Path("/music/a/9.flac")).model_copy(update=album))
    assert albums.get(make_track(9).id) is None, "it came later"
