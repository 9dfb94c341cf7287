"""Rows of the catalogue that can't be read: each costs its own track, and nothing that is read stops a programme."""

import json
import logging
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtc_drift.analysis.curves import CURVES, curves_of
from rtc_drift.analysis.model import VERSION, Analysis, Section
from rtc_drift.analysis.numbers import COLUMN, numbers_of
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.normalisation import AlbumLoudness, Normalisation
from rtc_drift.library.stored_curves import Curves, packed
from rtc_drift.library.track import Track
from rtc_drift.library.track_table import TrackTable
from rtc_drift.mixing import MixTrack, plan_skip, plan_transition
from rtc_drift.selection.choice import Choice
from rtc_drift.selection.journey import History, Journey
from rtc_drift.selection.next_track import choose_by_sound
from rtc_drift.station import programme as steps
from rtc_drift.station.programme import Programme
from rtc_drift.station.views import TrackInfo
from tests.support.analyses import beat_analysis, rounded, stored_tempi
from tests.support.music import make_track
from tests.support.surveys import file_states
from tests.support.synthetic_library import memory_library

ROOT = Path("/music")
BAD, GOOD = f"{1:016x}", f"{2:016x}"


def fill(catalogue: Catalogue) -> None:
    """Record two analysed and loved tracks, the first of which is to be damaged."""
    for number in (1, 2):
        track = make_track(number, duration=180, artist="Somebody", first_sound=0.1, last_sound=179.5)
        catalogue.record(track.path, 10, 20, track.model_copy(update={"album": "One"}))
        bass = (0.5,) * 450
        catalogue.record_analysis(
            track.id, beat_analysis(120 + number, heard_bass=bass, short_term_lufs=(-14.0,) * 180)
        )
        catalogue.set_loved(track.id, True)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with closing(Catalogue.open(tmp_path / "c.db")) as opened:
        fill(opened)
        yield opened


def execute(catalogue: Catalogue, statement: str, *arguments: object) -> None:
    with catalogue.database.transaction() as connection:
        connection.execute(statement, arguments)


def changed(**changes: float) -> bytes:
    """Return the numbers of an analysis as they are stored, with some of them changed."""
    numbers = numbers_of(beat_analysis(121))
    for name, value in changes.items():
        numbers[COLUMN[name]] = value
    return numbers.tobytes()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("numbers", ""),
        ("numbers", 7),
        ("numbers", b"\x00\xff"),
        ("numbers", changed() + b"\0" * 8),
        ("numbers", changed(integrated_lufs=np.nan)),
        ("numbers", changed(integrated_lufs=np.inf)),
        ("numbers", changed(integrated_lufs=1e300)),
        ("numbers", changed(tempo=1e300)),
        ("numbers", changed(tempo_bpm=0)),
        ("numbers", changed(tempo_bpm=-np.inf)),
        ("numbers", changed(bass=1.01)),
        ("numbers", changed(**{"timbre 24": 1e99})),
        ("camelot", "99Z"),
        ("camelot", 7),
        ("camelot", b"8A\0"),
        ("key", "x" * 1_000_000),
        ("key", b"\xff"),
        ("track_id", BAD.upper()[:-1] + "A"),
        ("track_id", "1"),
    ],
)
def test_an_unreadable_analysis_costs_one_track(
    catalogue: Catalogue, caplog: pytest.LogCaptureFixture, column: str, value: object
) -> None:
    execute(catalogue, f"UPDATE analyses SET {column} = ? WHERE track_id = ?", value, BAD)
    for _ in range(2):
        tempi, failed = stored_tempi(catalogue)
        assert (tempi, failed) == ({GOOD: 122}, set())
        assert catalogue.analysis(BAD) is None
        assert catalogue.analysis(GOOD) is not None
    assert catalogue.unreadable >= 2
    assert [record.message for record in caplog.records] == [
        "The catalogue has 1 analyses that can't be read. Their tracks are analysed again."
    ]
    analysis = beat_analysis(100)
    catalogue.record_analysis(BAD, analysis)
    assert catalogue.analysis(BAD) == rounded(analysis)
    assert set(stored_tempi(catalogue)[0]) == {BAD, GOOD}


def test_an_analysis_without_curves_is_made_again(catalogue: Catalogue) -> None:
    execute(catalogue, "DELETE FROM curves WHERE track_id = ?", BAD)
    assert stored_tempi(catalogue) == ({GOOD: 122}, set())
    assert catalogue.analysis(BAD) is None
    assert catalogue.unreadable == 2


def test_one_id_as_text_and_as_bytes_is_one_track(catalogue: Catalogue) -> None:
    execute(
        catalogue,
        "INSERT INTO analyses SELECT CAST(track_id AS BLOB), version, key, camelot, numbers "
        "FROM analyses WHERE track_id = ?",
        BAD,
    )
    execute(catalogue, "INSERT INTO curves SELECT CAST(track_id AS BLOB), data FROM curves WHERE track_id = ?", BAD)
    assert stored_tempi(catalogue) == ({BAD: 121, GOOD: 122}, set())
    assert len(catalogue.analysed()[0].ids) == 2


def test_an_id_that_is_none_is_not_one_that_failed(catalogue: Catalogue) -> None:
    execute(catalogue, "INSERT INTO analyses VALUES ('nobody', ?, NULL, NULL, NULL)", VERSION)
    assert stored_tempi(catalogue) == ({BAD: 121, GOOD: 122}, set())
    assert catalogue.unreadable == 1


BEATS = np.array(beat_analysis(120).beats_seconds)


def whole_analysis() -> Analysis:
    """Make an analysis that has all curves."""
    analysis = beat_analysis(120, heard_bass=(0.5,) * 450, heard_highs=(0.25,) * 450)
    section = Section(starts_seconds=0.2, role="break", energy=-1.5, drums=0.25)
    pitches = (1.0, *(0.0,) * 10, 0.2)
    return analysis.model_copy(
        update={
            "phrases_seconds": analysis.downbeats_seconds[::8],
            "phrases_confidence": 0.5,
            "sections": (section,),
            "chroma": pitches * 180,
        }
    )


def test_an_analysis_comes_back_as_it_was(catalogue: Catalogue) -> None:
    analysis = whole_analysis()
    catalogue.record_analysis(GOOD, analysis)
    assert catalogue.analysis(GOOD) == rounded(analysis)


@pytest.mark.parametrize(
    "changes",
    [
        {"beats_seconds": [0.5, 360_001]},
        {"beats_seconds": [], "downbeats_seconds": [], "attacks_seconds": [1.0]},
        {"beats_seconds": BEATS - 1},
        {"attacks_seconds": [1.0] * 10_000},
        {"attacks_seconds": [360_001]},
        {"momentary_lufs": [-14.0]},
        {"momentary_lufs": [1e6] * 450},
        {"short_term_lufs": [-1e6]},
        {"heard_bass": [1.5] * 450},
        {"heard_bass": [-0.5] * 450},
        {"heard_bass": [0.5]},
        {"heard_highs": [0.5]},
        {"heard_highs": [1.5] * 450},
        {"section_starts": [-1.0]},
        {"section_starts": [360_001.0]},
        {"section_roles": [4]},
        {"section_roles": [-1]},
        {"section_roles": []},
        {"section_energies": [1e7]},
        {"section_drums": [1.5]},
    ],
)
def test_curves_that_no_analysis_gives_are_refused(catalogue: Catalogue, changes: dict[str, Any]) -> None:
    analysis = whole_analysis()
    curves = dict(zip(CURVES, curves_of(analysis), strict=True))
    for others, is_there in (({}, True), (changes, False)):
        changed = curves | others
        changed["downbeats_seconds"] = changed["beats_seconds"][::4]
        changed["phrases_seconds"] = changed["downbeats_seconds"][::8]
        data = packed(Curves.of([changed[name] for name in CURVES]))
        execute(catalogue, "UPDATE curves SET data = ? WHERE track_id = ?", data, BAD)
        assert (catalogue.analysis(BAD) is not None) == is_there
    assert catalogue.unreadable == 1


@pytest.mark.parametrize("value", [7.5, "", b"", b"\x00\xff", zlib.compress(b""), zlib.compress(b"\0" * 100)])
def test_curves_that_are_none_are_refused(catalogue: Catalogue, value: object) -> None:
    execute(catalogue, "UPDATE curves SET data = ? WHERE track_id = ?", value, BAD)
    assert catalogue.analysis(BAD) is None
    assert catalogue.analysis(GOOD) is not None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("integrated_lufs", 99),
        ("duration_seconds", float("inf")),
        ("duration_seconds", -1.0),
        ("duration_seconds", 1e12),
        ("duration_seconds", "long"),
        ("true_peak_dbtp", float("-inf")),
        ("first_sound_seconds", 179.9),
        ("last_sound_seconds", 1e5),
        ("title", b"\xff\xfe"),
        ("title", "x" * 2_000),
        ("year", "then"),
        ("has_cover", 7),
    ],
)
def test_the_file_of_an_unreadable_track_is_probed_again(
    catalogue: Catalogue, caplog: pytest.LogCaptureFixture, column: str, value: object
) -> None:
    copy = Path("/music/copy.flac")
    catalogue.record(copy, 10, 20, make_track(1, path=copy))
    execute(catalogue, f"UPDATE tracks SET {column} = ? WHERE id = ?", value, BAD)
    for _ in range(2):
        assert [track.id for track in catalogue.tracks([ROOT]).values()] == [GOOD]
        assert set(file_states(catalogue, ROOT)) == {Path("/music/2.flac")}, "others are new to the scan"
    assert len(caplog.records) == 1
    assert "tracks that can't be read. Their files are probed again." in caplog.text
    catalogue.record(copy, 10, 20, make_track(1, path=copy))
    assert len(catalogue.tracks([ROOT])) == 2


def test_text_that_is_not_utf8_hides_no_other_row(catalogue: Catalogue) -> None:
    catalogue.record(ROOT / "3.flac", 1, 1, make_track(3))
    catalogue.mark_unplayable(ROOT / "3.flac", "Why.")
    execute(catalogue, "UPDATE tracks SET artist = CAST(x'ff' AS TEXT) WHERE id = ?", BAD)
    execute(catalogue, "UPDATE analyses SET key = CAST(x'7bff7d' AS TEXT) WHERE track_id = ?", BAD)
    execute(catalogue, "UPDATE files SET reason = CAST(x'41ff' AS TEXT) WHERE reason NOT NULL")
    execute(catalogue, "INSERT INTO loved VALUES (CAST(x'ff' AS TEXT)), ('nothing'), (x'00')")
    assert [track.id for track in catalogue.tracks([ROOT]).values()] == [GOOD]
    assert set(stored_tempi(catalogue)[0]) == {GOOD}
    assert [it.reason for it in catalogue.unplayable([ROOT])] == ["A\ufffd"]
    before = catalogue.unreadable
    for _ in range(2):
        assert catalogue.loved() == {BAD, GOOD}
    assert catalogue.unreadable - before == 3, "they are deleted"


def test_a_file_whose_track_is_missing_is_probed_again(catalogue: Catalogue) -> None:
    execute(catalogue, "DELETE FROM tracks WHERE id = ?", BAD)
    assert set(file_states(catalogue, ROOT)) == {Path("/music/2.flac")}


def test_unreadable_rows_are_left_out_on_a_full_disk_too(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    execute(catalogue, "UPDATE tracks SET integrated_lufs = 99 WHERE id = ?", BAD)
    execute(catalogue, "INSERT INTO loved VALUES ('x')")
    execute(catalogue, "PRAGMA query_only = 1")  # each write fails
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert [track.id for track in catalogue.tracks([ROOT]).values()] == [GOOD]
            assert catalogue.loved() == {BAD, GOOD}
    assert len(caplog.records) == 2


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from((0.0, -0.0, -1e-300, 1e-300, 1e18, 1e308, float("inf"), float("-inf"))),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.sampled_from(("[]", "{}", "8A", "A minor", "é" * 70_000)),
)
NUMBERS = st.floats() | st.floats(0, 200) | st.sampled_from((-0.0, 5e-324, 1e6, 1e6 + 1, 1e308))


@st.composite
def damage(draw: st.DrawFn, stored: bytes) -> bytes:
    """Damage numbers, or curves before they are packed, or any bytes as they are stored."""
    if draw(st.booleans()):
        return damaged_anywhere(draw, stored)
    with suppress(zlib.error):
        return zlib.compress(damaged_anywhere(draw, zlib.decompress(stored)))
    numbers = np.frombuffer(stored[: len(stored) // 8 * 8], "<f8").copy()
    for _ in range(draw(st.integers(1, 3))):
        numbers[draw(st.integers(0, len(numbers) - 1))] = draw(NUMBERS)
    return numbers.tobytes()


def damaged_anywhere(draw: st.DrawFn, data: bytes) -> bytes:
    at, until = sorted(draw(st.tuples(st.integers(0, len(data)), st.integers(0, len(data)))))
    return data[:at] + draw(st.binary(max_size=5)) + data[until if draw(st.booleans()) else at + 1 :]


COLUMNS = [
    *(("tracks", name) for name in Track.model_fields if name not in ("path", "id")),
    *(("files", name) for name in ("path", "size", "mtime_ns", "track_id", "reason")),
    *(("analyses", name) for name in ("track_id", "version", "key", "camelot", "numbers", "numbers")),
    *(("curves", name) for name in ("track_id", "data", "data", "data")),
    ("loved", "track_id"),
]
KEYS = {"tracks": "id", "files": "track_id", "analyses": "track_id", "curves": "track_id", "loved": "track_id"}


def use(table: TrackTable, analyses: dict[str, Analysis], catalogue: Catalogue) -> None:
    """Plan, mix, choose and show with what was read."""
    tracks = list(table.values())
    for track in tracks:
        assert np.isfinite(Normalisation(albums=AlbumLoudness(table)).gain(track))
        json.dumps(TrackInfo.of(track, ()).model_dump(), allow_nan=False)
    library = memory_library(tracks, analyses)
    assert np.isfinite(library.space.matrix).all()
    journey = Journey(seed=1, direction="faster", history=History(tuple(table)[:1]))
    choose_by_sound(library, library.space, journey, ())
    mixed = [MixTrack(track, catalogue.analysis(track.id) if track.id in analyses else None) for track in tracks]
    for outgoing in mixed:
        for incoming in mixed:
            begun = steps.begin(Programme(), Choice(outgoing.track, ""), 0)
            plan = plan_transition(outgoing, incoming, begun.plays[0].offset + 2, may_stretch=False)
            steps.plan_next(begun, Choice(incoming.track, ""), 1, 2, plan)
            plan_transition(outgoing, incoming, begun.plays[0].offset + 2)
            plan_skip(outgoing, incoming, 48_000, "bar")


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_damaged_row_stops_a_programme(data: st.DataObject) -> None:
    catalogue = Catalogue(memory_database())
    fill(catalogue)
    for table, column in data.draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=2)):
        with catalogue.database.transaction() as connection:
            found = connection.execute(f"SELECT {column} FROM {table} WHERE {KEYS[table]} = ?", (BAD,)).fetchone()
            is_whole = found and column in ("numbers", "data") and isinstance(found[0], bytes) and len(found[0]) > 99
            value: Any = data.draw(damage(found[0]) | VALUES if is_whole else VALUES)
            try:
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {KEYS[table]} = ?", (value, BAD))
            except (sqlite3.IntegrityError, UnicodeEncodeError):
                continue
    tracks, (tempi, failed) = catalogue.tracks([ROOT]), stored_tempi(catalogue)
    assert GOOD in tracks
    assert GOOD in tempi
    assert GOOD in catalogue.loved()
    assert GOOD not in failed
    catalogue.unplayable([ROOT])
    assert ROOT / "2.flac" in file_states(catalogue, ROOT)
    analyses = {track_id: analysis for track_id in tempi if (analysis := catalogue.analysis(track_id)) is not None}
    use(tracks, analyses, catalogue)
    catalogue.close()


def memory_database() -> Any:
    """Return a catalogue's database in memory."""
    from rtc_drift.library.database import Database
    from rtc_drift.library.schema import SCHEMA

    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.executescript(SCHEMA)
    connection.text_factory = bytes
    return Database(Path("memory"), connection, _NoLock())  # type: ignore[arg-type]


class _NoLock:
    def close(self) -> None:
        """Do nothing."""
