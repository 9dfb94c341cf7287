"""The catalogue, on real SQLite files."""

import os
import sqlite3
from pathlib import Path

import pytest

from rtc_drift.analysis.model import VERSION
from rtc_drift.library.analysed import Analysed
from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.library.loved import LovedTracks
from rtc_drift.library.resources import Resources
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.workers.pool import Workers
from tests.support.analyses import make_analysis, stored_tempi
from tests.support.surveys import file_states

ROOT = Path("/music")


def track(path: Path, number: int = 1) -> Track:
    return Track(
        id=f"{number:016x}",
        path=path,
        title=f"Track {number}",
        artist="Someone",
        year=1999,
        has_cover=True,
        duration_seconds=200.5,
        integrated_lufs=-14.25,
        true_peak_dbtp=-0.5,
        first_sound_seconds=0.25,
        last_sound_seconds=199.75,
    )


def filled(path: Path) -> Catalogue:
    catalogue = Catalogue.open(path)
    catalogue.record(ROOT / "a.mp3", 10, 20, track(ROOT / "a.mp3", 1))
    catalogue.record(ROOT / "b.mp3", 11, 21, Unplayable(path=ROOT / "b.mp3", reason="Why."))
    return catalogue


def test_records_are_there_after_a_restart(tmp_path: Path) -> None:
    filled(tmp_path / "deep" / "c.db").close()
    catalogue = Catalogue.open(tmp_path / "deep" / "c.db")
    assert list(catalogue.tracks([ROOT]).values()) == [track(ROOT / "a.mp3", 1)]
    assert catalogue.unplayable([ROOT]) == [Unplayable(path=ROOT / "b.mp3", reason="Why.")]
    assert file_states(catalogue, ROOT) == {ROOT / "a.mp3": (10, 20), ROOT / "b.mp3": (11, 21)}
    catalogue.close()


def test_only_tracks_in_the_given_folders_are_returned(tmp_path: Path) -> None:
    catalogue = filled(tmp_path / "c.db")
    other = Path("/music0/a.mp3")
    catalogue.record(other, 1, 1, track(other, 2))
    assert file_states(catalogue, Path("/music0")).keys() == {other}
    assert [found.path for found in catalogue.tracks([ROOT]).values()] == [ROOT / "a.mp3"]
    assert len(catalogue.tracks([ROOT, Path("/music0")])) == 2
    assert len(file_states(catalogue, Path("/"))) == 3
    assert not catalogue.tracks([])
    assert not catalogue.tracks([Path("/mus")])
    catalogue.close()


def test_each_content_is_one_track(tmp_path: Path) -> None:
    catalogue = filled(tmp_path / "c.db")
    copy = ROOT / "copy.mp3"
    catalogue.record(copy, 10, 20, track(copy, 1))
    assert [found.path for found in catalogue.tracks([ROOT]).values()] == [ROOT / "a.mp3"]
    catalogue.forget([ROOT / "a.mp3"])
    assert [found.path for found in catalogue.tracks([ROOT]).values()] == [copy]
    catalogue.close()


def test_a_marked_file_can_be_recorded_again(tmp_path: Path) -> None:
    catalogue = filled(tmp_path / "c.db")
    catalogue.mark_unplayable(ROOT / "a.mp3", "It broke.")
    assert not catalogue.tracks([ROOT])
    assert len(catalogue.unplayable([ROOT])) == 2
    catalogue.record(ROOT / "a.mp3", 12, 22, track(ROOT / "a.mp3", 3))
    assert [found.id for found in catalogue.tracks([ROOT]).values()] == [f"{3:016x}"]
    catalogue.close()


def test_file_names_that_are_not_utf8_are_kept(tmp_path: Path) -> None:
    catalogue = Catalogue.open(tmp_path / "c.db")
    strange = ROOT / os.fsdecode(b"caf\xe9.mp3")
    catalogue.record(strange, 1, 2, track(strange))
    assert file_states(catalogue, ROOT) == {strange: (1, 2)}
    assert next(iter(catalogue.tracks([ROOT]).values())).path == strange
    catalogue.close()


def test_a_broken_database_is_moved_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "c.db"
    for number in (1, 2):
        path.write_bytes(b"not a database " * 1000)
        catalogue = Catalogue.open(path)
        assert file_states(catalogue, ROOT) == {}
        catalogue.close()
        assert (tmp_path / f"c.db.broken-{number}").exists()
    assert len(caplog.records) == 2
    assert "was damaged" in caplog.text


def test_damage_within_the_file_is_detected(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    filled(path).close()
    pages = bytearray(path.read_bytes())
    pages[4096:] = b"\xff" * (len(pages) - 4096)
    path.write_bytes(pages)
    Catalogue.open(path).close()
    assert (tmp_path / "c.db.broken-1").exists()


def test_a_newer_or_unusable_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(CatalogueError, match="newer version"):
        Catalogue.open(path)
    assert path.exists()
    with pytest.raises(CatalogueError, match="can't be opened"):
        Catalogue.open(path / "below" / "c.db")
    assert [file.name for file in tmp_path.iterdir() if "broken" in file.name] == []


def test_loves_are_set_and_taken_back(tmp_path: Path) -> None:
    catalogue = filled(tmp_path / "c.db")
    for value in (True, True, False, True):
        catalogue.set_loved("0123456789abcdef", value)
    assert catalogue.loved() == {"0123456789abcdef"}
    catalogue.set_loved("0123456789abcdef", False)
    assert catalogue.loved() == set()
    catalogue.close()


A, B, C = (f"{number:016x}" for number in (10, 2**64 - 1, 12))


def test_an_analysis_outlives_its_file(tmp_path: Path) -> None:
    catalogue = filled(tmp_path / "c.db")
    analysis = make_analysis(tempo_bpm=124.5, beats_seconds=(0.25, 0.73), short_term_lufs=(-14.0, -13.5))
    catalogue.record_analysis(A, analysis)
    catalogue.record_analysis(B, None)
    catalogue.forget([ROOT / "a.mp3", ROOT / "b.mp3"])
    catalogue.close()
    catalogue = Catalogue.open(tmp_path / "c.db")
    assert catalogue.analysis(A) == analysis
    assert stored_tempi(catalogue) == ({A: 124.5}, {B})
    assert catalogue.analysis(B) is catalogue.analysis(C) is None
    catalogue.close()


def test_an_analysis_of_another_version_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = filled(tmp_path / "c.db")
    catalogue.record_analysis(A, make_analysis())
    monkeypatch.setattr("rtc_drift.library.catalogue.VERSION", VERSION + 1)
    assert stored_tempi(catalogue) == ({}, set())
    assert catalogue.analysis(A) is None
    catalogue.record_analysis(A, make_analysis(tempo_bpm=90))
    assert stored_tempi(catalogue) == ({A: 90}, set())
    catalogue.close()


def test_a_new_result_replaces_all_of_the_old_one(tmp_path: Path) -> None:
    catalogue = filled(tmp_path / "c.db")
    long, short = (make_analysis(tempo_bpm=tempo, momentary_lufs=(-14.0,) * tempo) for tempo in (120, 90))
    for analysis in (long, short):
        catalogue.record_analysis(A, analysis)
        assert catalogue.analysis(A) == analysis
    catalogue.record_analysis(A, None)
    assert catalogue.analysis(A) is None
    assert stored_tempi(catalogue) == ({}, {A})
    with catalogue.database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM curves").fetchone() == (0,)
    catalogue.close()


def test_an_analysis_that_would_be_refused_is_made_again(tmp_path: Path) -> None:
    catalogue = filled(tmp_path / "c.db")
    catalogue.record_analysis(A, make_analysis(momentary_lufs=(1e300,)))
    assert catalogue.analysis(A) is None
    assert stored_tempi(catalogue) == ({}, set())
    catalogue.close()


def test_all_pages_of_numbers_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtc_drift.library.catalogue._PAGE_ANALYSES", 7)
    catalogue = filled(tmp_path / "c.db")
    expected = {f"{number:016x}": 100.0 + number for number in range(1, 24)}
    for track_id, tempo in expected.items():
        catalogue.record_analysis(track_id, make_analysis(tempo_bpm=tempo))
    assert stored_tempi(catalogue) == (expected, set())
    columns, _ = catalogue.analysed()
    known = Analysed(columns)
    known.add(A, make_analysis(tempo_bpm=61))
    assert len(known) == 23
    assert all(array.flags.writeable for array in (columns.ids, columns.numbers, columns.keys)), "they are taken over"
    catalogue.close()


def loved_tracks(catalogue: Catalogue) -> LovedTracks:
    return LovedTracks(Resources(catalogue, Workers(1)))


async def test_loves_outlive_the_file_and_the_server(tmp_path: Path) -> None:
    catalogue = filled(tmp_path / "c.db")
    loves, loved, other = loved_tracks(catalogue), track(ROOT / "a.mp3").id, f"{7:016x}"
    for track_id in (loved, other):
        await loves.set(track_id, True)
    await loves.set(other, False)
    catalogue.forget([ROOT / "a.mp3"])
    catalogue.close()
    with pytest.raises(CatalogueError):
        await loves.set(other, True)
    assert (loved in loves, other in loves) == (True, False), "a love that can't be stored does not count"
    loves = loved_tracks(catalogue := Catalogue.open(tmp_path / "c.db"))
    assert loved not in loves
    await loves.load()
    assert (loved in loves, other in loves) == (True, False)
    catalogue.close()


def test_a_closed_catalogue_raises(tmp_path: Path) -> None:
    catalogue = filled(tmp_path / "c.db")
    catalogue.close()
    catalogue.close()
    with pytest.raises(CatalogueError):
        catalogue.tracks([ROOT])


def test_a_thousand_tracks_load_together(tmp_path: Path) -> None:
    catalogue = Catalogue.open(tmp_path / "c.db")
    for number in range(1000):
        catalogue.record(ROOT / f"{number}.mp3", 1, 1, track(ROOT / f"{number}.mp3", number))
    assert len(catalogue.tracks([ROOT])) == 1000
    catalogue.close()
