"""Ends the server after a signal: gracefully if it can, and within seconds whatever hangs."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol

logger = logging.getLogger(__name__)

STOP_SECONDS = 4.0
"""Time to stop; then the process ends, whatever hangs."""
LOG_SECONDS = 0.3
"""Time to log that it does: what the log is written to may hang as well."""
INTERRUPTED = 130
"""Exit code after a second SIGINT or SIGTERM."""


class Stoppable(Protocol):
    """The service that is stopped, as a signal sees it: `Service`. Any thread may use it."""

    @property
    def is_saved(self) -> bool:
        """True if nothing is lost when the process ends now."""

    @property
    def hung(self) -> str:
        """Steps that are not finished, for the log."""

    def kill_processes(self) -> None:
        """Kill all child processes at once."""


class StopSignals:
    """SIGINT, SIGTERM and SIGHUP: the first one stops the server, a second SIGINT or SIGTERM ends it at once.

    A thread of their own waits for signals, since the event loop may hang. SIGHUP stays ignored if it was at the
    start, as it is after `nohup`.
    """

    def __init__(self, service: Stoppable, on_first: Callable[[], None]) -> None:
        """Take the signals from now on; `on_first` is called in the running event loop. Only in the main thread."""
        self._service = service
        self._on_first = on_first
        self._loop = asyncio.get_running_loop()
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._handlers = {number: signal.getsignal(number) for number in _numbers()}
        for number in self._handlers:
            signal.signal(number, lambda *_: None)
        self._fd_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._has_come = False
        threading.Thread(target=self._wait, name="signals", daemon=True).start()

    def close(self, code: int) -> None:
        """End the process with an exit code if a signal has come: the interpreter's own end may hang, too.

        Otherwise give the signals back.
        """
        if self._has_come:
            with contextlib.suppress(OSError, ValueError):  # the terminal is gone
                logging.shutdown()
                sys.stdout.flush()
            os._exit(code)
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._writer.close()  # which ends the thread

    def _wait(self) -> None:
        if not self._receive(None):
            self._reader.close()
            return
        self._has_come, until = True, time.monotonic() + STOP_SECONDS
        with contextlib.suppress(RuntimeError):  # the loop is closed: the server has just ended
            self._loop.call_soon_threadsafe(self._on_first)
        while (left := until - time.monotonic()) > 0:
            # A terminal that is closed may send several SIGHUPs.
            if self._receive(left) in (signal.SIGINT, signal.SIGTERM):
                self._service.kill_processes()
                os._exit(INTERRUPTED)
        self._end()

    def _receive(self, timeout: float | None) -> int | None:
        """Return the number of the next signal; None if none came in time, or none is taken any more."""
        self._reader.settimeout(timeout)
        try:
            return next(iter(self._reader.recv(1)), None)
        except TimeoutError:
            return None

    def _end(self) -> None:
        is_saved = self._service.is_saved
        logging_thread = threading.Thread(target=self._log, args=(is_saved,), daemon=True)
        logging_thread.start()
        logging_thread.join(LOG_SECONDS)
        self._service.kill_processes()
        os._exit(0 if is_saved else 1)

    def _log(self, is_saved: bool) -> None:
        outcome = "are saved" if is_saved else "could not be saved"
        logger.error("The server ends without what hangs: %s. The sessions %s.", self._service.hung, outcome)


def _numbers() -> tuple[signal.Signals, ...]:
    ignores_hangup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM) if ignores_hangup else (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
