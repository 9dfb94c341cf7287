"""Run a soak and print its figures as JSON lines: `python -m benchmarks.soak [--hours N | --minutes N] [--seed N]`.

It exits with 1 if a bound was not kept. What happens meanwhile is printed to standard error; the schedule, the server's
log and what the listeners observed stay in the folder, and so does the record, from which `--again` prints the figures.
"""

import argparse
import asyncio
import os
import pickle
import signal
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from benchmarks.soak.report import Record
from benchmarks.soak.run import soak
from benchmarks.soak.schedule import Schedule, schedule

DEFAULT_MINUTES = 20.0
RECORD = "record.pickle"


def main() -> None:
    """Run a soak, or read its record, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--hours", type=float, metavar="N", help="length in hours")
    length.add_argument("--minutes", type=float, metavar="N", default=DEFAULT_MINUTES, help="length in minutes (20)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the schedule (1)")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="folder for everything (a new temporary one)")
    parser.add_argument("--again", action="store_true", help="only print the figures of the soak in the folder")
    options = parser.parse_args()
    if options.again and options.folder is None:
        parser.error("--again needs --folder")
    seconds = options.hours * 3600 if options.hours else options.minutes * 60
    try:
        planned = schedule(seconds, options.seed)
    except ValueError as error:
        parser.error(str(error))
    folder = options.folder or Path(tempfile.mkdtemp(prefix="rtc-drift-soak-"))
    record = read_record(folder) if options.again else run(planned, options.seed, folder)
    for at, request, reason in record.unanswered:
        print(f"unanswered {at - record.began:.1f} s after the start: {request}: {reason}", file=sys.stderr)
    figures = record.figures()
    for figure in figures:
        print(figure.line(), flush=True)
    sys.exit(0 if all(figure.reached for figure in figures) else 1)


def run(planned: Schedule, seed: int, folder: Path) -> Record:
    """Run a soak on core 1, where the listeners are, and keep its record in the folder."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    print(f"seed {seed}, {planned.seconds:.0f} s, everything in {folder}", file=sys.stderr)
    record = asyncio.run(_interruptible(soak(planned, seed, folder)))
    (folder / RECORD).write_bytes(pickle.dumps(record))
    return record


def read_record(folder: Path) -> Record:
    """Return the record of the soak that was run in a folder."""
    record: Record = pickle.loads((folder / RECORD).read_bytes())
    return record


async def _interruptible(work: Coroutine[Any, Any, Record]) -> Record:
    """Await the work; SIGTERM cancels it, so that no process is left behind."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work


if __name__ == "__main__":
    main()
