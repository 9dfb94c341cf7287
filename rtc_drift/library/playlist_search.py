"""Finds the entries of a playlist in the library: by path, then by artist and title."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TypeVar
from urllib.parse import unquote

from rtc_drift.library.folding import folded
from rtc_drift.library.playlist import PlaylistEntry, read_playlist
from rtc_drift.library.track import id_of
from rtc_drift.library.track_table import TrackTable
from rtc_drift.library.track_texts import TrackTexts
from rtc_drift.workers.threads import Threads

MAX_WAITING = 8
"""Playlists at once, that which is being read included."""
SLICE = 2_000
"""Tracks after which another thread may have the interpreter's lock."""
_BREATH_SECONDS = 50e-6

Item = TypeVar("Item")
File = tuple[int, str, str]
"""A track's number, its folder, and its name there."""


class PlaylistsBusyError(Exception):
    """Too many playlists wait already."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The tracks of a playlist by id, in its order, and the entries of which there is none."""

    track_ids: list[str]
    not_found: list[PlaylistEntry]


class Playlists:
    """Reads playlists in a thread of its own."""

    def __init__(self) -> None:
        self._threads = Threads("playlists", 1)

    async def find(self, text: str, tracks: TrackTable) -> Matched:
        """Read a playlist and find its tracks. Raises BadPlaylistError, PlaylistsBusyError."""
        if self._threads.unfinished >= MAX_WAITING:
            raise PlaylistsBusyError
        return await self._threads.run(_find, text, tracks.files(), tracks.texts())

    def close(self) -> None:
        """End the thread. Idempotent."""
        self._threads.close()


def _find(text: str, files: Iterable[File], texts: TrackTexts) -> Matched:
    return match(read_playlist(text), files, texts)


def match(entries: Sequence[PlaylistEntry], files: Iterable[File], texts: TrackTexts) -> Matched:
    """Find the tracks of some entries.

    By path: as many of its last parts as are the same, two at least if there is a folder. Then by artist and title,
    and last by the name of the file alone, where only one track has it.
    """
    places = [_parts(entry.location) for entry in entries]
    by_name = _Files({place[-1] for place in places if place}, files)
    by_text = _Texts({_key(entry.text) for entry in entries}, texts)
    found, not_found = list[str](), list[PlaylistEntry]()
    for entry, place in zip(entries, places, strict=True):
        number = by_name.at(place)
        number = by_text.get(entry) if number is None else number
        number = by_name.only(place) if number is None else number
        if number is None:
            not_found.append(entry)
        else:
            found.append(id_of(number))
    return Matched(found, not_found)


@dataclass
class _Files:
    """The files with some names."""

    names: set[str]
    files: Iterable[File]
    found: dict[str, list[tuple[int, list[str]]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, folder, name in _in_slices(self.files):
            key = folded(name)
            if key in self.names:
                self.found.setdefault(key, []).append((number, [*_folded_parts(folder), key]))

    def at(self, place: list[str]) -> int | None:
        """Return the file whose path ends most like that of an entry."""
        if not place:
            return None
        common = [(_common_end(parts, place), -at, number) for at, (number, parts) in enumerate(self._named(place))]
        best = max(common, default=None)
        return best[2] if best is not None and best[0] >= min(2, len(place)) else None

    def only(self, place: list[str]) -> int | None:
        """Return the only file of an entry's name."""
        named = self._named(place)
        return named[0][0] if len(named) == 1 else None

    def _named(self, place: list[str]) -> list[tuple[int, list[str]]]:
        return self.found.get(place[-1], []) if place else []


class _Texts:
    """The tracks with some titles, with or without their artists."""

    def __init__(self, keys: set[str], texts: TrackTexts) -> None:
        artists = [_key(artist) for artist in texts.artists]
        self._full, self._titles = dict[str, int](), dict[str, list[int]]()
        columns = zip(texts.ids.tolist(), texts.titles, texts.artist_of.tolist(), strict=True)
        for number, text, artist in _in_slices(columns):
            title = _key(text)
            if (full := f"{artists[artist]} - {title}") in keys:
                self._full.setdefault(full, number)
            if title in keys:
                self._titles.setdefault(title, []).append(number)

    def get(self, entry: PlaylistEntry) -> int | None:
        """Return the track of an entry's artist and title; of its title, if it has no artist and one track has it."""
        key = _key(entry.text)
        with_title = self._titles.get(key, []) if key else []
        return self._full.get(key, with_title[0] if len(with_title) == 1 else None)


def _in_slices(items: Iterable[tuple[int, str, Item]]) -> Iterator[tuple[int, str, Item]]:
    for at, item in enumerate(items):
        if at % SLICE == SLICE - 1:
            time.sleep(_BREATH_SECONDS)
        yield item


def _key(text: str) -> str:
    return " ".join(folded(text).split())


def _parts(location: str) -> list[str]:
    """Return the folded parts of an entry's path; none of an address on the web."""
    scheme, separator, rest = location.partition("://")
    if separator and scheme.lower() != "file":
        return []
    path = unquote(rest) if separator else location
    return _folded_parts(path if "/" in path else path.replace("\\", "/"))


def _folded_parts(path: str) -> list[str]:
    return [folded(part) for part in path.split("/") if part not in ("", ".", "..")]


def _common_end(one: list[str], other: list[str]) -> int:
    pairs = zip(reversed(one), reversed(other), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
