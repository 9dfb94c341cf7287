"""Makes large libraries: a short list of audio files under many names, and a catalogue in which all are analysed."""

import contextlib
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.large.analyses import make_analyses
from benchmarks.large.names import Tags, make_tags
from rtc_drift.analysis.model import VERSION as ANALYSIS_VERSION
from rtc_drift.demo import DEMO, write
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.probe import probe
from rtc_drift.library.schema import VERSION as SCHEMA_VERSION
from rtc_drift.library.track import Track

KEEP_VARIABLE = "RTC_DRIFT_BENCH_KEEP"
"""Name of the environment variable with a folder that keeps the made libraries for the next time."""
BARS = 87
"""Bars of the demo track that is linked: four minutes."""
PART = 5_000
"""Number of tracks that are written into the catalogue as one task."""
LOVED_EVERY = 200
"""Every so many tracks, one is loved."""
_ID_SEED, _TAG_SEED = 1, 2


@dataclass(frozen=True, slots=True)
class LargeLibrary:
    """A music folder, and a data folder whose catalogue has everything about it."""

    count: int
    music: Path
    data: Path

    @property
    def catalogue(self) -> Path:
        """Path of the catalogue."""
        return self.data / "catalogue.sqlite"

    def ids(self) -> list[str]:
        """Return the ids of all tracks, in the order of their making."""
        numbers = np.random.default_rng(_ID_SEED).integers(0, 2**64, self.count, np.uint64, endpoint=False)
        return [f"{number:016x}" for number in numbers.tolist()]

    def forget_sessions(self) -> None:
        """Delete the saved sessions, so that every start is the first."""
        catalogue = Catalogue.open(self.catalogue)
        with contextlib.closing(catalogue), catalogue.database.transaction() as connection:
            connection.execute("DELETE FROM sessions")


@contextlib.contextmanager
def bench_folder() -> Iterator[Path]:
    """Yield the folder that `KEEP_VARIABLE` names, or one that is deleted afterwards."""
    if kept := os.environ.get(KEEP_VARIABLE):
        folder = Path(kept).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as temporary:
        yield Path(temporary)


def make_large_library(folder: Path, count: int) -> LargeLibrary:
    """Make a library in a folder, or return the one that is there. One that was not finished is finished."""
    catalogue = folder / f"catalogue-{count}-{SCHEMA_VERSION}-{ANALYSIS_VERSION}"
    library, done = LargeLibrary(count, folder / f"music-{count}", catalogue), catalogue / "made"
    if not done.exists():
        tracks = make_files(library, folder / f"originals-{count}")
        _fill(library, tracks)
        done.touch()
    return library


def make_files(library: LargeLibrary, originals: Path) -> list[Track]:
    """Link one piece of music into folders of artists and albums. Return a track for each, with an id of its own."""
    originals.mkdir(parents=True, exist_ok=True)
    original = write(DEMO[0], originals, bars=BARS)
    examined = probe(original)
    assert isinstance(examined, Track)
    linker, tracks, folders = _Linker(original), list[Track](), set[Path]()
    tags = make_tags(library.count, np.random.default_rng(_TAG_SEED))
    for track_id, it in zip(library.ids(), tags, strict=True):
        path = library.music / it.artist / it.album / f"{it.track_number:02d} {it.title}.opus"
        if path.parent not in folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            folders.add(path.parent)
        linker.link(path)
        tracks.append(_track(examined, track_id, path, it))
    return tracks


def _track(examined: Track, track_id: str, path: Path, tags: Tags) -> Track:
    return examined.model_copy(update={"id": track_id, "path": path, **tags._asdict()})


class _Linker:
    """Gives a file further names; where a file has as many as it may have, a copy is linked."""

    def __init__(self, original: Path) -> None:
        self._original = original
        self._copies = 0

    def link(self, path: Path) -> None:
        """Give the file a further name, if it is not there."""
        try:
            os.link(self._original, path)
        except FileExistsError:
            return
        except OSError:
            self._copies += 1
            copy = self._original.with_name(f"copy-{self._copies}.opus")
            shutil.copyfile(self._original, copy)
            self._original = copy
            try:
                os.link(self._original, path)
            except OSError:  # no links here at all
                shutil.copyfile(self._original, path)


def _fill(library: LargeLibrary, tracks: list[Track]) -> None:
    """Write all tracks and their analyses into the catalogue, in as many processes as there are cores."""
    library.data.mkdir(exist_ok=True)
    parts = [tracks[first : first + PART] for first in range(0, len(tracks), PART)]
    with contextlib.ExitStack() as stack:
        catalogue = stack.enter_context(contextlib.closing(Catalogue.open(library.catalogue)))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=library.data)))
        paths = [scratch / f"{number}.sqlite" for number in range(len(parts))]
        filled: Iterator[Path] = map(fill_part, paths, parts)
        if len(parts) > 1:
            spawn = multiprocessing.get_context("spawn")
            filled = stack.enter_context(ProcessPoolExecutor(mp_context=spawn)).map(fill_part, paths, parts)
        for path in filled:
            copy_rows(path, catalogue)
            path.unlink()
        for track in tracks[::LOVED_EVERY]:
            catalogue.set_loved(track.id, True)


def fill_part(path: Path, tracks: Sequence[Track]) -> Path:
    """Write tracks and their analyses into a catalogue of their own. Return its path."""
    analyses = make_analyses(len(tracks), np.random.default_rng(int(tracks[0].id, 16)))
    with contextlib.closing(Catalogue.open(path)) as catalogue:
        with catalogue.database.transaction() as connection:
            connection.execute("PRAGMA synchronous = OFF")  # if the machine stops now, it is made again
        for track, analysis in zip(tracks, analyses, strict=True):
            state = track.path.stat()
            catalogue.record(track.path, state.st_size, state.st_mtime_ns, track)
            catalogue.record_analysis(track.id, analysis)
    return path


def copy_rows(source: Path, catalogue: Catalogue, tables: Sequence[str] = ()) -> None:
    """Copy all rows of a catalogue, or those of some tables, into another."""
    with catalogue.database.transaction() as connection:
        connection.execute("ATTACH ? AS source", (str(source),))
        found = connection.execute("SELECT name FROM source.sqlite_schema WHERE type = 'table'").fetchall()
        for table in tables or [name.decode() for (name,) in found]:
            connection.execute(f"INSERT OR REPLACE INTO main.{table} SELECT * FROM source.{table}")
        connection.commit()
        connection.execute("DETACH source")
