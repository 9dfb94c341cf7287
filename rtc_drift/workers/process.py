"""A worker process: reads one job per line from stdin, writes one answer per line to stdout, ends when stdin closes.

A job is `{"job": "package.module:function", "arguments": {…}, "cpuSeconds": …}`. The function is called with the
arguments and with `alive`. The answer is `{"result": …}`, or `{"error": sentence}` if the function raised an exception.
During a long job `{"alive": true}` lines come before the answer. The system ends a process whose job computes for
longer than `cpuSeconds`.
"""

import argparse
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from rtc_drift.workers import sandbox
from rtc_drift.workers.precedence import Precedence, take

ALIVE_SECONDS = 1.0
"""Least time between two signs of life."""


def main() -> None:
    """Do jobs until stdin closes."""
    parser = argparse.ArgumentParser(prog="rtc_drift.workers.process")
    names = [each.name.lower() for each in Precedence]
    parser.add_argument("precedence", choices=names, nargs="?", default="background", help="rank among all processes")
    parser.add_argument("--unconfined", action="store_true", help="let jobs reach all files")
    sandbox.add_options(parser)
    arguments = parser.parse_args()
    rights = sandbox.Rights.from_options(arguments)
    sandbox.harden(arguments.parent, may_write=bool(rights.writes))
    sandbox.limit_address_space(sandbox.MAX_ADDRESS_SPACE)
    take(Precedence[arguments.precedence.upper()])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    answers = _reserve_stdout()
    take_rights = (lambda: None) if arguments.unconfined else sandbox.confine(rights)
    for line in sys.stdin:
        _write(answers, _answer(line, _Heartbeat(answers), take_rights))


def _reserve_stdout() -> TextIO:
    """Return the real stdout, for answers only. Anything else that is printed, also by C libraries, goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    return answers


def _write(answers: TextIO, message: dict[str, Any]) -> None:
    try:
        answers.write(json.dumps(message, default=os.fspath) + "\n")
        answers.flush()
    except BrokenPipeError:  # the parent is gone
        os._exit(0)


class _Heartbeat:
    """Signs of life to the parent: one per call, but at most one per second."""

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers
        self._sent_at = time.monotonic()

    def __call__(self) -> None:
        now = time.monotonic()
        if now - self._sent_at >= ALIVE_SECONDS:
            self._sent_at = now
            _write(self._answers, {"alive": True})


def _answer(line: str, alive: Callable[[], None], take_rights: Callable[[], None]) -> dict[str, Any]:
    try:
        job = json.loads(line)
        function = _function(job["job"])
        take_rights()
        sandbox.allow_cpu_seconds(job["cpuSeconds"])
        return {"result": function(**job["arguments"], alive=alive)}
    except OSError as error:
        return {"error": (error.strerror or "unknown error").lower()}
    except Exception as error:  # the next job may succeed
        return {"error": f"{type(error).__name__}: {error}"}


def _function(job: str) -> Callable[..., Any]:
    # Imported late: a worker that only probes files never loads the synthesiser.
    module, _, name = job.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


if __name__ == "__main__":
    main()
