"""Rows of the catalogue that can't be read: each costs its own track, and nothing that is read stops a programme."""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.normalisation import AlbumLoudness, Normalisation
from rtc_drift.library.track import Track
from rtc_drift.library.track_table import TrackTable
from rtc_drift.mixing import MixTrack, plan_skip, plan_transition
from rtc_drift.selection.choice import Choice
from rtc_drift.selection.journey import History, Journey
from rtc_drift.selection.next_track import choose_by_sound
from rtc_drift.station import programme as steps
from rtc_drift.station.programme import Programme
from rtc_drift.station.views import TrackInfo
from tests.support.analyses import beat_analysis
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


def changed(**changes: object) -> str:
    """Return an analysis without curves as JSON, with some values changed."""
    summary = json.loads(beat_analysis(121).model_dump_json())
    summary["features"] |= {name: changes.pop(name) for name in list(changes) if name in summary["features"]}
    return json.dumps(summary | changes)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("summary", ""),
        ("summary", '{"half":'),
        ("summary", "[" * 100_000),
        ("summary", b"\x00\xff"),
        ("summary", changed(integrated_lufs=float("nan"))),
        ("summary", changed(integrated_lufs=1e300)),
        ("summary", changed(tempo=1e300)),
        ("summary", changed(tempo_bpm=1e-300)),
        ("summary", changed(timbre=[1e99] * 24)),
        ("summary", changed(camelot="99Z")),
        ("summary", changed(key="x" * 1_000_000)),
        ("curves", None),
        ("curves", 7.5),
        ("curves", b"\x00\xff"),
    ],
)
def test_an_unreadable_analysis_costs_one_track(
    catalogue: Catalogue, caplog: pytest.LogCaptureFixture, column: str, value: object
) -> None:
    execute(catalogue, f"UPDATE analyses SET {column} = ? WHERE track_id = ?", value, BAD)
    for _ in range(2):
        found, failed = catalogue.analyses()
        assert (set(found) - {BAD}, failed) == ({GOOD}, set())
        assert column == "curves" or BAD not in found
        assert catalogue.analysis(BAD) is None
        assert catalogue.analysis(GOOD) is not None
    assert catalogue.unreadable >= 2
    assert [record.message for record in caplog.records] == [
        "The catalogue has 1 analyses that can't be read. Their tracks are analysed again."
    ]
    analysis = beat_analysis(99)
    catalogue.record_analysis(BAD, analysis)
    assert catalogue.analysis(BAD) == analysis
    assert set(catalogue.analyses()[0]) == {BAD, GOOD}


CURVES = json.loads(
    json.dumps({name: list(getattr(beat_analysis(120), name)) for name in ("beats_seconds", "downbeats_seconds")})
)


@pytest.mark.parametrize(
    "changes",
    [
        {"beats_seconds": None},
        {"beats_seconds": ["x"]},
        {"beats_seconds": [[1.0]]},
        {"beats_seconds": [1, 10**400]},
        {"beats_seconds": [0.5, 0.4]},
        {"beats_seconds": [float("nan")]},
        {"beats_seconds": [0.5, 1e9]},
        {"downbeats_seconds": [0.3, 0.6]},
        {"downbeats_seconds": [CURVES["beats_seconds"][0]] * 5},
        {"attacks_seconds": [1.0] * 10_000},
        {"beats_seconds": [], "downbeats_seconds": [], "attacks_seconds": [1.0]},
        {"momentary_lufs": [-14.0]},
        {"momentary_lufs": [1e300] * 450},
        {"heard_bass": [1.5] * 450},
        {"heard_bass": [0.5]},
        {"more": []},
    ],
)
def test_curves_that_no_analysis_gives_are_refused(catalogue: Catalogue, changes: dict[str, object]) -> None:
    with catalogue.database.transaction() as connection:
        (curves,) = connection.execute("SELECT curves FROM analyses WHERE track_id = ?", (BAD,)).fetchone()
    assert catalogue.analysis(BAD) is not None
    execute(
        catalogue, "UPDATE analyses SET curves = ? WHERE track_id = ?", json.dumps(json.loads(curves) | changes), BAD
    )
    assert catalogue.analysis(BAD) is None
    assert catalogue.unreadable == 1


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
    execute(catalogue, "UPDATE analyses SET summary = CAST(x'7bff7d' AS TEXT) WHERE track_id = ?", BAD)
    execute(catalogue, "UPDATE files SET reason = CAST(x'41ff' AS TEXT) WHERE reason NOT NULL")
    execute(catalogue, "INSERT INTO loved VALUES (CAST(x'ff' AS TEXT)), ('nothing'), (x'00')")
    assert [track.id for track in catalogue.tracks([ROOT]).values()] == [GOOD]
    assert set(catalogue.analyses()[0]) == {GOOD}
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
    st.sampled_from(("[]", "{}", "null", "[" * 5_000, '{"beats_seconds":[]}', "é" * 70_000)),
)
NUMBERS = st.one_of(
    st.floats(), st.integers(), st.floats(0, 200), st.none(), st.text(max_size=3), st.lists(st.floats(), max_size=2)
)


@st.composite
def damage(draw: st.DrawFn, text: str) -> str:
    """Damage JSON: replace, remove or add values anywhere, or characters."""
    if draw(st.booleans()):
        at, until = sorted(draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
        return text[:at] + draw(st.text(max_size=5)) + text[until if draw(st.booleans()) else at + 1 :]
    value = json.loads(text)
    for _ in range(draw(st.integers(1, 3))):
        place = value
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 3)):
                place = place[key]
                continue
            if draw(st.integers(0, 3)):
                place[key] = draw(NUMBERS)
            elif isinstance(place, list):
                del place[key : key + draw(st.integers(1, 400))]
            else:
                del place[key]
            break
    return json.dumps(value)


COLUMNS = [
    *(("tracks", name) for name in Track.model_fields if name not in ("path", "id")),
    *(("files", name) for name in ("path", "size", "mtime_ns", "track_id", "reason")),
    *(("analyses", name) for name in ("track_id", "version", "summary", "curves", "summary", "curves")),
    ("loved", "track_id"),
]
KEYS = {"tracks": "id", "files": "track_id", "analyses": "track_id", "loved": "track_id"}


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
            is_json = found and column in ("summary", "curves") and isinstance(found[0], bytes) and found[0][:1] == b"{"
            try:
                value: Any = data.draw(damage(found[0].decode()) | VALUES if is_json else VALUES)
            except ValueError:  # it was damaged before
                value = None
            try:
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {KEYS[table]} = ?", (value, BAD))
            except (sqlite3.IntegrityError, UnicodeEncodeError):
                continue
    tracks, (analyses, failed) = catalogue.tracks([ROOT]), catalogue.analyses()
    assert GOOD in tracks
    assert GOOD in analyses
    assert GOOD in catalogue.loved()
    assert GOOD not in failed
    catalogue.unplayable([ROOT])
    assert ROOT / "2.flac" in file_states(catalogue, ROOT)
    use(tracks, analyses, catalogue)
    catalogue.close()


def memory_database() -> Any:
    """Return a catalogue's database in memory."""
    from rtc_drift.library.database import Database
    from rtc_drift.library.schema import MIGRATIONS

    connection = sqlite3.connect(":memory:", check_same_thread=False)
    for script in MIGRATIONS:
        connection.executescript(script)
    connection.text_factory = bytes
    return Database(Path("memory"), connection, _NoLock())  # type: ignore[arg-type]


class _NoLock:
    def close(self) -> None:
        """Do nothing."""
