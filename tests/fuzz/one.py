"""The process that fuzzes one target: `python -m tests.fuzz.one TARGET SECONDS SEED FILE`; prints JSON lines.

It writes each input to FILE before it runs it, so that an input that hangs or ends the process is known.
"""

import json
import logging
import mmap
import resource
import sys
from pathlib import Path

from tests.fuzz.corpus import save_find
from tests.fuzz.loop import Find, Loop
from tests.fuzz.targets import TARGETS

HEAD_BYTES = 16
"""Number of the run and length of the input, before the input."""
FILE_BYTES = 1 << 17
WARM_SHARE = 0.3
"""Share of the time after which memory should no longer grow."""
MAX_GROWTH_BYTES = 96 << 20
"""Most by which the process may grow after that."""


class Present:
    """The file with the present input."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), FILE_BYTES)
        self._runs = 0

    def write(self, data: bytes) -> None:
        """Write the next input."""
        self._runs += 1
        data = data[: FILE_BYTES - HEAD_BYTES]
        self._map[HEAD_BYTES : HEAD_BYTES + len(data)] = data
        self._map[:HEAD_BYTES] = self._runs.to_bytes(8, "little") + len(data).to_bytes(8, "little")


def read_present(path: Path) -> tuple[int, bytes]:
    """Return the number of the present run, and its input."""
    content = path.read_bytes()
    size = int.from_bytes(content[8:HEAD_BYTES], "little")
    return int.from_bytes(content[:8], "little"), content[HEAD_BYTES : HEAD_BYTES + size]


def emit(**fields: object) -> None:
    """Print a JSON line."""
    print(json.dumps(fields), flush=True)


def show(target: str, find: Find) -> None:
    """Save a find and print it, with the command that runs it again."""
    file = save_find(target, find.data)
    replay = f'make fuzz ARGS="--replay {file.relative_to(Path.cwd())}"'
    emit(find=target, error=find.error[:400], replay=replay, trace=find.trace[-3000:])


def _resident_bytes() -> int:
    return (
        int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() if sys.platform == "linux" else 0
    )


def main() -> None:
    """Fuzz a target for a time."""
    name, seconds, seed, present = sys.argv[1:]
    logging.getLogger().addHandler(logging.NullHandler())  # what is logged is no output
    target = TARGETS[name]()
    target.open()
    loop = Loop(target, int(seed), Present(Path(present)).write)
    finds = 0
    resident = 0
    for share in (WARM_SHARE, 1 - WARM_SHARE):
        resident = resident or (_resident_bytes() if loop.runs else 0)
        for find in loop.run_for(float(seconds) * share):
            finds += 1
            show(name, find)
    growth = _resident_bytes() - resident
    if growth > MAX_GROWTH_BYTES:
        finds += 1
        emit(find=name, error=f"The process grew by {growth >> 20} MiB.", replay="", trace="")
    target.close()
    emit(
        target=name,
        runs=loop.runs,
        new_inputs=loop.new_inputs,
        steps=loop.steps,
        finds=finds,
        grew_mib=round(growth / 2**20, 1),
    )


if __name__ == "__main__":
    main()
