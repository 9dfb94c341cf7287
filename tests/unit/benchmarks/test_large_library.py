"""The library of the bench of large libraries: files and catalogue agree, and making it can be interrupted."""

import os
from contextlib import closing
from pathlib import Path
from random import Random

import numpy as np
import pytest

from benchmarks.large import library as making
from benchmarks.large.first_audio import OggPackets
from benchmarks.large.library import LargeLibrary, make_large_library
from benchmarks.large.names import make_tags
from benchmarks.large.old_catalogue import make_old_catalogue
from rtc_drift.analysis.curves import FIELDS
from rtc_drift.audio.ogg import OggMuxer
from rtc_drift.library.catalogue import Catalogue

COUNT = 200


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> LargeLibrary:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "BARS", 4)
        patch.setattr("benchmarks.large.analyses.SOUNDS", 50)
        return make_large_library(tmp_path_factory.mktemp("large"), COUNT)


def files_of(library: LargeLibrary) -> dict[Path, tuple[int, int]]:
    """Return size and modification time of each file in the music folder."""
    files = [path for path in library.music.rglob("*") if path.is_file()]
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def rows_of(library: LargeLibrary) -> dict[Path, tuple[int, int]]:
    """Return the same as the catalogue knows it."""
    with closing(Catalogue.open(library.catalogue)) as catalogue, catalogue.database.transaction() as connection:
        rows = connection.execute("SELECT path, size, mtime_ns FROM files")
        return {Path(os.fsdecode(path)): (size, mtime_ns) for path, size, mtime_ns in rows}


def paths_by_id(library: LargeLibrary) -> dict[str, Path]:
    with closing(Catalogue.open(library.catalogue)) as catalogue:
        return {track.id: track.path for track in catalogue.tracks([library.music]).values()}


def test_files_and_rows_agree(library: LargeLibrary) -> None:
    with closing(Catalogue.open(library.catalogue)) as catalogue:
        tracks, loved = list(catalogue.tracks([library.music]).values()), catalogue.loved()
        analyses = [catalogue.analysis(track.id) for track in tracks]
    assert len(files_of(library)) == COUNT and rows_of(library) == files_of(library)
    assert {track.id for track in tracks} == set(library.ids()) >= loved != set()
    assert {track.path for track in tracks} == files_of(library).keys()
    for track, analysis in zip(tracks, analyses, strict=True):
        assert analysis is not None and all(getattr(analysis, name) for name in FIELDS)
        assert track.artist == track.path.parent.parent.name and track.album == track.path.parent.name
    assert len({analysis.features.timbre for analysis in analyses if analysis is not None}) == COUNT


def test_making_goes_on_after_an_interruption(library: LargeLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "BARS", 4)
    whole = files_of(library)
    for path in list(whole)[::3]:
        path.unlink()
    with closing(Catalogue.open(library.catalogue)) as catalogue:
        catalogue.forget(list(whole)[::2])
    (library.data / "made").unlink()
    assert make_large_library(library.music.parent, COUNT) == library
    assert rows_of(library) == files_of(library) == whole
    monkeypatch.setattr(making, "make_files", None)  # now it is not made again
    assert make_large_library(library.music.parent, COUNT) == library


def test_copies_are_linked_where_a_file_has_all_the_links_it_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def link_twice(source: Path, target: Path) -> None:
        if source.stat().st_nlink > 2:
            raise OSError(31, "Too many links")
        link(source, target)

    monkeypatch.setattr(making, "BARS", 4)
    monkeypatch.setattr("os.link", link_twice)
    library = LargeLibrary(20, tmp_path / "music", tmp_path / "data")
    making.make_files(library, tmp_path / "originals")
    files = files_of(library)
    assert len(files) == 20 and len({path.stat().st_ino for path in files}) == 10


def test_an_old_catalogue_holds_the_same_library(library: LargeLibrary, tmp_path: Path) -> None:
    old = tmp_path / "old" / "catalogue.sqlite"
    old.parent.mkdir()
    make_old_catalogue(library, old)
    with closing(Catalogue.open(library.catalogue)) as new, closing(Catalogue.open(old)) as migrated:
        tracks = new.tracks([library.music])
        assert migrated.tracks([library.music]) == tracks
        assert migrated.loved() == new.loved()
        assert not len(migrated.analysed()[0].ids), "they are made again"


def test_a_few_words_are_frequent_and_albums_have_no_number_twice() -> None:
    tags = make_tags(5_000, np.random.default_rng(1))
    assert len({(it.artist, it.album, it.track_number) for it in tags}) == 5_000
    assert len({it.artist for it in tags}) == pytest.approx(500, rel=0.2)
    titles = [set(it.title.casefold().split()) for it in tags]
    assert 0.05 < sum("love" in words for words in titles) / 5_000 < 0.3
    rare = Random(1).sample(titles, 200)
    assert sum(not any(words <= other for other in titles if other is not words) for words in rare) > 50


def test_ogg_packets_come_out_as_they_went_in() -> None:
    packets = [Random(size).randbytes(size) for size in (1, 254, 255, 256, 700, 3) * 10]
    muxer, taken = OggMuxer(), OggPackets()
    stream = b"".join(muxer.mux(b"\xfc" + packet) for packet in packets) + muxer.close()
    found = [packet for at in range(0, len(stream), 100) for packet in taken.add(stream[at : at + 100])]
    assert found[0].startswith(b"OpusHead") and found[1].startswith(b"OpusTags")
    assert found[2:] == [b"\xfc" + packet for packet in packets]
