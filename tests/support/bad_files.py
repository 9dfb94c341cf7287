"""Files that end or hold up the process that decodes them: named so, since real ones are mended sooner or later.

`bad_files` has every Python process that is started from then on treat files by their names: see `RULES`. They are
good for their first four and a half seconds, more than a deck decodes of a track that is only planned.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ABORTS = "aborts after a seek"
ALLOCATES = "allocates without end"
HANGS = "hangs in a read"

RULES = f"""
import os, time
from rtc_drift.audio import seeking

LATE = {220_000}

decode = seeking.decode

def decode_badly(path, start):
    for position, audio in decode(path, start):
        if {ABORTS!r} in path and start > LATE:
            os.abort()
        if {ALLOCATES!r} in path and position > LATE:
            hoard = []
            while True:
                hoard.append(bytearray(1 << 24))
        if {HANGS!r} in path and position > LATE:
            time.sleep(3_600)
        yield position, audio

seeking.decode = decode_badly
"""


@contextmanager
def bad_files(folder: Path) -> Iterator[None]:
    """Make such files bad for all processes started in the block; `folder` gets the code for that."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(RULES)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), *([before] if before else [])])
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
