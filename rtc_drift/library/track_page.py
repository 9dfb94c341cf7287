"""Reads the rows of many tracks at once from the catalogue, and believes none of them."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtc_drift.library import stored
from rtc_drift.library.track import MAX_SECONDS, Track

_IDS = re.compile(b"[0-9a-f]*")
_ID_CHARACTERS = 16
_NUMBER_RANGES = (
    ("duration_seconds", 0, MAX_SECONDS),
    ("integrated_lufs", -200, 20),
    ("true_peak_dbtp", -200, 200),
    ("first_sound_seconds", 0, MAX_SECONDS),
    ("last_sound_seconds", 0, MAX_SECONDS),
)
_POSITIVE = ("duration_seconds", "last_sound_seconds")


@dataclass(frozen=True, slots=True)
class TrackPage:
    """Some tracks as columns, each a list of one value for each track."""

    ids: Sequence[int]
    folders: Sequence[str]
    names: Sequence[str]
    """Names of the files within their folders."""
    titles: Sequence[str]
    artists: Sequence[str]
    albums: Sequence[str]
    genres: Sequence[str]
    years: Sequence[int | None]
    track_numbers: Sequence[int | None]
    has_cover: Sequence[int]
    durations: Sequence[float]
    lufs: Sequence[float]
    peaks: Sequence[float]
    first_sounds: Sequence[float]
    last_sounds: Sequence[float]


def page_of(tracks: Sequence[Track]) -> TrackPage:
    """Return some tracks as a page."""
    places = [os.path.split(track.path) for track in tracks]
    return TrackPage(
        ids=[int(track.id, 16) for track in tracks],
        folders=[folder for folder, _ in places],
        names=[name for _, name in places],
        titles=[track.title for track in tracks],
        artists=[track.artist for track in tracks],
        albums=[track.album for track in tracks],
        genres=[track.genre for track in tracks],
        years=[track.year for track in tracks],
        track_numbers=[track.track_number for track in tracks],
        has_cover=[track.has_cover for track in tracks],
        durations=[track.duration_seconds for track in tracks],
        lufs=[track.integrated_lufs for track in tracks],
        peaks=[track.true_peak_dbtp for track in tracks],
        first_sounds=[track.first_sound_seconds for track in tracks],
        last_sounds=[track.last_sound_seconds for track in tracks],
    )


def read_page(rows: Sequence[Sequence[Any]]) -> tuple[TrackPage, list[Sequence[Any]]]:
    """Return the tracks of some rows, and the rows that hold none. A row is a path and `stored.TRACK_COLUMNS`.

    All rows at once take a tenth of the time; if one of them is wrong, they are read one by one.
    """
    try:
        return _read_at_once(rows), []
    except (ValueError, TypeError, OverflowError):
        return _read_one_by_one(rows)


def _read_one_by_one(rows: Sequence[Sequence[Any]]) -> tuple[TrackPage, list[Sequence[Any]]]:
    tracks, unreadable = list[Track](), list[Sequence[Any]]()
    for row in rows:
        try:
            tracks.append(stored.track_of(row[0], row[1:]))
        except ValueError:
            unreadable.append(row)
    return page_of(tracks), unreadable


def _read_at_once(rows: Sequence[Sequence[Any]]) -> TrackPage:
    """Read rows of which each is as a probe gives it; raises ValueError, TypeError or OverflowError otherwise."""
    paths, *values = zip(*rows, strict=True) if rows else [()] * (1 + len(stored.TRACK_COLUMNS))
    column = dict(zip(stored.TRACK_COLUMNS, values, strict=True))
    _require(_are(paths, bytes) and not any(b"\0" in path for path in paths))
    places = [os.fsdecode(path).rpartition("/") for path in paths]
    _check_numbers(column)
    texts = {name: _texts(column[name]) for name in ("title", "artist", "album", "genre")}
    _require(all(_are(column[name], int, type(None)) for name in ("year", "track_number")))
    _require(set(column["has_cover"]) <= {0, 1})
    return TrackPage(
        ids=_ids(column["id"]),
        folders=[folder or "/" for folder, _, _ in places],
        names=[name for _, _, name in places],
        titles=texts["title"],
        artists=texts["artist"],
        albums=texts["album"],
        genres=texts["genre"],
        years=column["year"],
        track_numbers=column["track_number"],
        has_cover=column["has_cover"],
        durations=column["duration_seconds"],
        lufs=column["integrated_lufs"],
        peaks=column["true_peak_dbtp"],
        first_sounds=column["first_sound_seconds"],
        last_sounds=column["last_sound_seconds"],
    )


def _check_numbers(column: dict[str, tuple[Any, ...]]) -> None:
    numbers = {}
    for name, least, greatest in _NUMBER_RANGES:
        _require(_are(column[name], float, int))
        numbers[name] = values = np.array(column[name], np.float64)
        _require(bool(((values >= least) & (values <= greatest)).all()))  # false for NaN
    _require(all(bool((numbers[name] > 0).all()) for name in _POSITIVE))
    end = numbers["duration_seconds"] + stored.END_TOLERANCE_SECONDS
    first, last = numbers["first_sound_seconds"], numbers["last_sound_seconds"]
    _require(bool(((first <= last) & (last <= end)).all()))


def _ids(column: Sequence[Any]) -> list[int]:
    _require(_are(column, bytes) and all(len(it) == _ID_CHARACTERS for it in column))
    joined = b"".join(column)
    _require(_IDS.fullmatch(joined) is not None)
    ids: list[int] = np.frombuffer(bytes.fromhex(joined.decode()), ">u8").tolist()
    return ids


def _texts(column: Sequence[Any]) -> list[str]:
    _require(_are(column, bytes))
    texts = [it.decode() for it in column]
    _require(all(len(it) <= stored.MAX_TAG_CHARACTERS for it in texts))
    return texts


def _are(column: Sequence[Any], *types: type) -> bool:
    return set(map(type, column)) <= set(types)


def _require(is_right: bool) -> None:
    if not is_right:
        raise ValueError("not as a probe gives it")
