"""Back up the data of rtc-drift while it runs: `python deploy/backup.py DATA_FOLDER COPY.sqlite`.

The catalogue is all that can't be made again without time: what was analysed, loved tracks, sessions.
docs/operations.md says how to restore it.
"""

import contextlib
import sqlite3
import sys
from pathlib import Path


def back_up(data_folder: Path, copy: Path) -> None:
    """Write a copy of the catalogue that is whole, and check it. An older copy is replaced once the new one is good."""
    unfinished = copy.with_name(f"{copy.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    address = f"{(data_folder / 'catalogue.sqlite').absolute().as_uri()}?mode=ro"
    closing = contextlib.closing
    with closing(sqlite3.connect(address, uri=True)) as source, closing(sqlite3.connect(unfinished)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
        if target.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("the copy is damaged")
    unfinished.replace(copy)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python deploy/backup.py DATA_FOLDER COPY.sqlite")
    try:
        back_up(Path(sys.argv[1]), Path(sys.argv[2]))
    except (OSError, sqlite3.Error) as error:
        sys.exit(f"The data can't be backed up ({error}).")
