"""What a walk finds, and what the catalogue knows of it."""

from pathlib import Path

from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.recorded_files import range_below, recorded_files
from rtc_drift.library.walk import FoundFile, Walk


def walked(folder: Path) -> list[FoundFile]:
    """Return all music files below a folder, in order."""
    walk, found = Walk(folder), list[FoundFile]()
    while files := walk.next_files(folder):
        found += files
    return found


def file_states(catalogue: Catalogue, folder: Path) -> dict[Path, tuple[object, object]]:
    """Return size and modification time of the files below a folder whose results the catalogue has."""
    known = recorded_files(catalogue.database, *range_below(folder), 1_000_000)
    return {FoundFile(it.name, 0, 0).path: (it.size, it.mtime_ns) for it in known if it.is_sound}
