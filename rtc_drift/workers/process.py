"""One worker process: reads a job a line on stdin, answers in a line on stdout, ends when stdin closes.

Jobs, each a JSON object:

* `{"job": "examine", "path": …}` → `{"track": {…}}` or `{"unplayable": {…}}`
* `{"job": "analyse", "path": …, "true_peak_dbtp": …}` → `{"analysis": {…}}` or `{"unplayable": {…}}`
* `{"job": "lead", "path": …, "knots": [[output_sample, file_sample], …], "destination": …}` → `{"lead": …}` or
  `{"undecodable": sentence}`
* `{"job": "demo", "number": …, "folder": …}` → `{"path": …}`

`{"alive": true}` lines come in between while a long job goes on; `{"error": …}` is the answer to a job that failed.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import av.logging

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.probe import examine
from rtc_drift.library.track import Track, Unplayable

ALIVE_SECONDS = 1.0


def main() -> None:
    """Work until stdin closes."""
    parser = argparse.ArgumentParser(prog="rtc_drift.workers.process")
    parser.add_argument("--nice", type=int, default=15, help="how much to give way to others (0 to 19)")
    # Set, not added: what starts it may run at a raised priority.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, parser.parse_args().nice)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    av.logging.set_level(av.logging.PANIC)
    answers = _take_stdout()
    for line in sys.stdin:
        _write(answers, _answer(line, _Alive(answers)))


def _take_stdout() -> TextIO:
    """The real stdout, for answers only; whatever else is printed, by C libraries too, goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    return answers


def _write(answers: TextIO, message: dict[str, Any]) -> None:
    try:
        answers.write(json.dumps(message, default=os.fspath) + "\n")
        answers.flush()
    except BrokenPipeError:  # the parent is gone
        os._exit(0)


class _Alive:
    """Tells the parent now and then that a job goes on."""

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers
        self._told = time.monotonic()

    def __call__(self) -> None:
        now = time.monotonic()
        if now - self._told >= ALIVE_SECONDS:
            self._told = now
            _write(self._answers, {"alive": True})


def _answer(line: str, alive: Callable[[], None]) -> dict[str, Any]:
    try:
        job = json.loads(line)
        match job["job"]:
            case "examine":
                result = examine(Path(job["path"]), alive=alive)
                return {"track" if isinstance(result, Track) else "unplayable": result.model_dump()}
            case "analyse":
                heard = _analyse(Path(job["path"]), job["true_peak_dbtp"], alive)
                return {"analysis" if isinstance(heard, Analysis) else "unplayable": heard.model_dump()}
            case "lead":
                return _write_lead(job, alive)
            case "demo":
                return {"path": _write_demo(job["number"], Path(job["folder"]))}
            case other:
                return {"error": f"there is no job {other!r}"}
    except OSError as error:
        return {"error": (error.strerror or "unknown error").lower()}
    except Exception as error:  # whatever it was, the next job is another one
        return {"error": f"{type(error).__name__}: {error}"}


def _analyse(path: Path, true_peak_dbtp: float, alive: Callable[[], None]) -> Analysis | Unplayable:
    from rtc_drift.library.analyse import analyse  # those that only examine files need less

    return analyse(path, true_peak_dbtp=true_peak_dbtp, alive=alive)


def _write_lead(job: dict[str, Any], alive: Callable[[], None]) -> dict[str, Any]:
    from rtc_drift.audio.decoding import DecodeError
    from rtc_drift.stretching.warp import Warp
    from rtc_drift.stretching.write_lead import write_lead

    warp = Warp(tuple((output, file) for output, file in job["knots"]))
    try:
        write_lead(job["path"], warp, Path(job["destination"]), alive)
    except DecodeError as error:
        return {"undecodable": str(error)}
    return {"lead": job["destination"]}


def _write_demo(number: int, folder: Path) -> Path:
    from rtc_drift.demo import DEMO, write  # only the few workers that make demos need the synthesiser

    return write(next(spec for spec in DEMO if spec.number == number), folder)


if __name__ == "__main__":
    main()
