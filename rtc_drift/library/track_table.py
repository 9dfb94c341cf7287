"""The tracks in memory, as columns: a hundred thousand take 40 MB, where models of their own would take 300."""

import os
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rtc_drift.library.numbered_names import NumberedNames
from rtc_drift.library.track import Track, id_of, number_of
from rtc_drift.library.track_page import TrackPage, page_of
from rtc_drift.library.track_texts import TrackTexts

Value = TypeVar("Value")

UNKNOWN = -1
"""Stands for a year or a number within the album that is not known."""
_MAX_MADE = 1_024
"""Most tracks that are kept once they were made."""


@dataclass(frozen=True, slots=True)
class TrackColumns:
    """Fields that choices need of each row of a table, also of removed tracks. They never change."""

    ids: NDArray[np.uint64]
    """`(rows,)`: the track's id as a number."""
    is_there: NDArray[np.bool_]
    """False where the track was removed."""
    artists: NDArray[np.int32]
    """A number for each artist, whatever the capitals; −1 without one."""
    albums: NDArray[np.int32]
    """A number for each album of an artist; −1 without one."""
    lufs: NDArray[np.float64]
    """Integrated loudness."""
    durations: NDArray[np.float64]
    """Seconds."""
    sides: NDArray[np.int32]
    """A number for the tracks of one album in one folder; −1 without an album."""

    def __len__(self) -> int:
        return len(self.ids)


class TrackTable(MutableMapping[str, Track]):
    """Tracks by id, in the order in which they were added. Each is made when it is asked for, by any thread.

    A removed track leaves its row behind. They don't pile up: a scan that has found changes ends with a new table.
    """

    def __init__(self, tracks: Iterable[Track] = ()) -> None:
        """Make a table of some tracks."""
        self.changes = 0
        """Number of changes so far."""
        self._rows: dict[int, int] = {}
        self._ids, self._is_there = array("Q"), bytearray()
        self._titles, self._names = list[str](), list[str]()
        self._folders, self._artists, self._albums, self._genres = list[str](), list[str](), list[str](), list[str]()
        self._texts: dict[str, str] = {}
        """Each text that many tracks share, once."""
        self._tracks_in = Counter[str]()
        """Number of tracks in each folder."""
        self._years, self._track_numbers, self._has_cover = array("q"), array("q"), bytearray()
        self._durations, self._lufs, self._peaks = array("d"), array("d"), array("d")
        self._first_sounds, self._last_sounds = array("d"), array("d")
        self._artist_names, self._album_names, self._side_names = NumberedNames(), NumberedNames(), NumberedNames()
        self._artist_of, self._album_of, self._side_of = array("i"), array("i"), array("i")
        self._claimed = 0
        """Number of rows given to tracks."""
        self._made: dict[int, Track] = {}
        """Tracks that were asked for lately, by row."""
        self.extend(page_of(list(tracks)))

    # --- as a mapping -------------------------------------------------------------------------------------------------

    def __getitem__(self, track_id: str) -> Track:
        return self._track(self._rows[number_of(track_id)])

    def __setitem__(self, track_id: str, track: Track) -> None:
        if track_id != track.id:
            raise ValueError("not the id of the track")
        self.add(track)

    def __delitem__(self, track_id: str) -> None:
        self._remove(number_of(track_id))

    def __contains__(self, track_id: object) -> bool:
        return isinstance(track_id, str) and number_of(track_id) in self._rows

    def __iter__(self) -> Iterator[str]:
        return map(id_of, tuple(self._rows))

    def __len__(self) -> int:
        return len(self._rows)

    # --- adding and removing ------------------------------------------------------------------------------------------

    def add(self, track: Track) -> None:
        """Add a track, or put it in place of that of the same id."""
        number = number_of(track.id)
        if number in self._rows:
            self._remove(number)
        self.extend(page_of([track]))

    def extend(self, page: TrackPage) -> None:
        """Add the tracks of a page, but for those whose id is there."""
        new = [at for at, number in enumerate(page.ids) if number not in self._rows and self._claim(number)]

        def chosen(column: Sequence[Value]) -> Iterable[Value]:
            return column if len(new) == len(column) else (column[at] for at in new)

        self._ids.extend(chosen(page.ids))
        self._is_there.extend(bytes([1]) * len(new))
        self._titles.extend(chosen(page.titles))
        self._names.extend(chosen(page.names))
        self._years.extend(UNKNOWN if year is None else year for year in chosen(page.years))
        self._track_numbers.extend(UNKNOWN if number is None else number for number in chosen(page.track_numbers))
        self._has_cover.extend(chosen(page.has_cover))
        self._durations.extend(chosen(page.durations))
        self._lufs.extend(chosen(page.lufs))
        self._peaks.extend(chosen(page.peaks))
        self._first_sounds.extend(chosen(page.first_sounds))
        self._last_sounds.extend(chosen(page.last_sounds))
        shared = (page.folders, page.artists, page.albums, page.genres)
        for folder, artist, album, genre in zip(*map(chosen, shared), strict=True):
            self._add_shared(folder, artist, album, genre)
        self.changes += 1

    def _claim(self, number: int) -> bool:
        """Give the next row to a track."""
        self._rows[number] = self._claimed
        self._claimed += 1
        return True

    def _add_shared(self, folder: str, artist: str, album: str, genre: str) -> None:
        shared = self._texts
        folder = shared.setdefault(folder, folder)
        self._folders.append(folder)
        self._tracks_in[folder] += 1
        self._artists.append(shared.setdefault(artist, artist))
        self._albums.append(shared.setdefault(album, album))
        self._genres.append(shared.setdefault(genre, genre))
        self._artist_of.append(self._artist_names.number_of(artist.casefold(), artist))
        self._album_of.append(self._album_names.number_of(album and f"{artist}\0{album}".casefold(), album))
        self._side_of.append(self._side_names.number_of(album and f"{album}\0{folder}", ""))

    def _remove(self, number: int) -> None:
        row = self._rows.pop(number)
        self._is_there[row] = 0
        self._tracks_in[self._folders[row]] -= 1
        self.changes += 1

    def remove_files(self, paths: Iterable[Path]) -> None:
        """Remove the tracks of some files."""
        files = {os.path.split(path) for path in paths}
        folders = {folder for folder, _ in files}
        for row in [row for row, folder in enumerate(self._folders) if folder in folders]:
            if self._is_there[row] and (self._folders[row], self._names[row]) in files:
                self._remove(self._ids[row])

    def remove_below(self, root: Path) -> None:
        """Remove the tracks below a folder."""
        folders = set(self._folders_below(root))
        for row in [row for row, folder in enumerate(self._folders) if folder in folders]:
            if self._is_there[row]:
                self._remove(self._ids[row])

    def has_tracks_below(self, root: Path) -> bool:
        """Return True if there is a track below a folder."""
        return next(self._folders_below(root), None) is not None

    def _folders_below(self, root: Path) -> Iterator[str]:
        folder = os.fspath(root)
        inside = folder.rstrip("/") + "/"
        return (it for it, count in self._tracks_in.items() if count and (it == folder or it.startswith(inside)))

    # --- as columns ---------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> int:
        """Number of rows, those of removed tracks too."""
        return len(self._ids)

    def row_of(self, track_id: str) -> int | None:
        """Return the row of a track; None if it is not there."""
        return self._rows.get(number_of(track_id))

    def id_at(self, row: int) -> str:
        """Return the id of a row's track."""
        return id_of(self._ids[row])

    def ids_from(self, row: int) -> list[int]:
        """Return the ids of the tracks in rows from `row` on, as numbers."""
        return list(compress(self._ids[row:], self._is_there[row:]))

    def numbers(self) -> Iterable[int]:
        """Return the ids of all tracks, as numbers: a view that changes with the table."""
        return self._rows.keys()

    def columns(self) -> TrackColumns:
        """Return the present columns: copies of some megabytes, made in a fraction of a millisecond."""
        return TrackColumns(
            ids=np.array(self._ids, np.uint64),
            is_there=np.array(self._is_there, np.bool_),
            artists=np.array(self._artist_of, np.int32),
            albums=np.array(self._album_of, np.int32),
            lufs=np.array(self._lufs, np.float64),
            durations=np.array(self._durations, np.float64),
            sides=np.array(self._side_of, np.int32),
        )

    def files(self) -> Iterator[tuple[int, str, str]]:
        """Return number, folder and name of the tracks: of copies, so that a thread may go through them."""
        columns = zip(self._ids[:], self._folders.copy(), self._names.copy(), strict=True)
        return compress(columns, bytes(self._is_there))

    def texts(self) -> TrackTexts:
        """Return what a search needs of all tracks."""
        rows = np.flatnonzero(np.frombuffer(bytes(self._is_there), np.bool_))
        are_all = len(rows) == len(self._ids)
        return TrackTexts(
            ids=np.array(self._ids, np.uint64)[rows],
            titles=self._titles.copy() if are_all else list(map(self._titles.__getitem__, rows.tolist())),
            artists=[*self._artist_names.names, ""],  # −1 stands for the last
            artist_of=_places(self._artist_of, rows, self._artist_names),
            albums=[*self._album_names.names, ""],
            album_of=_places(self._album_of, rows, self._album_names),
            track_numbers=np.maximum(np.array(self._track_numbers, np.int64)[rows], 0),
        )

    def _track(self, row: int) -> Track:
        if (made := self._made.get(row)) is not None:
            return made
        if len(self._made) >= _MAX_MADE:
            self._made.clear()
        made = self._made[row] = self._new_track(row)
        return made

    def _new_track(self, row: int) -> Track:
        year, track_number = self._years[row], self._track_numbers[row]
        return Track.model_construct(
            id=id_of(self._ids[row]),
            path=Path(self._folders[row], self._names[row]),
            title=self._titles[row],
            artist=self._artists[row],
            album=self._albums[row],
            genre=self._genres[row],
            year=None if year == UNKNOWN else year,
            track_number=None if track_number == UNKNOWN else track_number,
            has_cover=bool(self._has_cover[row]),
            duration_seconds=self._durations[row],
            integrated_lufs=self._lufs[row],
            true_peak_dbtp=self._peaks[row],
            first_sound_seconds=self._first_sounds[row],
            last_sound_seconds=self._last_sounds[row],
        )


def _places(numbers: "array[int]", rows: NDArray[np.intp], names: NumberedNames) -> NDArray[np.int32]:
    """Return the place of each row's name in a list of the names that ends with the empty one."""
    found = np.array(numbers, np.int32)[rows]
    return np.where(found < 0, len(names.names), found).astype(np.int32)
