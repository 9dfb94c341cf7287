"""Keeps the engine's process alive: starts it, talks to it, and starts it again when it dies or stops answering."""

import asyncio
import contextlib
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.codec import Decoder, encode

logger = logging.getLogger(__name__)

SILENCE_SECONDS = 3.0
"""The engine reports every second; one that says nothing for this long hangs and is killed."""
STEADY_SECONDS = 10.0
"""An engine that lived this long is started again at once; one that keeps dying, after a growing pause."""
MAX_PAUSE_SECONDS = 5.0


class EngineSupervisor:
    """Owns the engine's process, its socket and the task that reads it.

    `on_message` gets what the engine says. `restore` gives the messages that bring a fresh engine to the present state;
    it is asked at every start, so nothing sent while the engine was down is lost.
    """

    def __init__(
        self,
        epoch_ns: int,
        on_message: Callable[[m.ToControl], None],
        restore: Callable[[], Iterable[m.ToEngine]],
        log_level: str = "INFO",
    ) -> None:
        self._epoch_ns = epoch_ns
        self._on_message = on_message
        self._restore = restore
        self._log_level = log_level
        self._link: _Link | None = None
        self._sockets: socket.socket | None = None
        """Where UDP sockets go to the engine."""
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The engine's process, while there is one."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the engine and keep it running."""
        self._task = asyncio.create_task(self._keep_running(), name="engine supervisor")

    def send(self, message: m.ToEngine) -> None:
        """Say something to the engine; while it is down that is left to `restore`."""
        if self._link is not None:
            if isinstance(message, m.AddSocket) and self._sockets is not None:
                # It lies there before the message says so.
                socket.send_fds(self._sockets, [b"s"], [message.fd])
            self._link.send(message)

    async def close(self) -> None:
        """End the engine. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _keep_running(self) -> None:
        pause = 0.0
        while True:
            started = time.monotonic()
            try:
                await self._run_once()
            except OSError as error:
                logger.error("The engine could not be started: %s", error)
            except Exception:
                logger.exception("The engine's supervision failed")
            self.restarts += 1
            pause = 0.0 if time.monotonic() - started > STEADY_SECONDS else min(MAX_PAUSE_SECONDS, pause * 2 + 0.1)
            logger.warning("The engine has ended; starting it again%s", f" in {pause:.1f} s" if pause > 0.1 else "")
            # The first restart after a steady run, and the first of a series, happen at once.
            await asyncio.sleep(pause if pause > 0.1 else 0)

    async def _run_once(self) -> None:
        """One life of the engine: from its start until its socket ends."""
        ours, theirs = socket.socketpair()
        self._sockets, their_sockets = socket.socketpair()
        try:
            with theirs, their_sockets:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command(theirs.fileno(), their_sockets.fileno()),
                    pass_fds=(theirs.fileno(), their_sockets.fileno()),
                    start_new_session=True,
                    env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                )
            loop = asyncio.get_running_loop()
            _, self._link = await loop.create_connection(lambda: _Link(self._on_message), sock=ours)
            for message in self._restore():
                self.send(message)
            hangs = await self._link.lost(SILENCE_SECONDS)
            if hangs and self._process is not None:
                self._process.kill()
        finally:
            if self._link is not None:
                self._link.close()
                self._link = None
            ours.close()
            self._sockets.close()
            self._sockets = None
            await self._end_process()

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        # Its socket is closed, which is how it is told to go.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(process.wait()), 0.5)
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _command(self, fd: int, sockets_fd: int) -> list[str]:
        options = ["--fd", str(fd), "--sockets-fd", str(sockets_fd)]
        options += ["--epoch-ns", str(self._epoch_ns), "--log-level", self._log_level]
        # -P: the working directory is no place to import from.
        return [sys.executable, "-P", "-m", "rtc_drift.engine", *options]


class _Link(asyncio.Protocol):
    """Control's end of the socket."""

    def __init__(self, on_message: Callable[[m.ToControl], None]) -> None:
        self._on_message = on_message
        self._decoder = Decoder()
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.WriteTransport | None = None

    def send(self, message: m.ToEngine) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode(message))

    async def lost(self, silence_seconds: float) -> bool:
        """Wait until the engine's end is closed (False), or has said nothing for `silence_seconds` (True)."""
        while not self._lost.done():
            quiet = self._loop.time() - self._heard_at
            if quiet >= silence_seconds:
                logger.error("The engine has said nothing for %.0f s", quiet)
                return True
            await asyncio.wait({self._lost}, timeout=silence_seconds - quiet)
        return False

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        for message in self._decoder.feed(data):
            try:
                self._on_message(message)  # type: ignore[arg-type]
            except Exception:
                logger.exception("A message of the engine could not be handled: %s", type(message).__name__)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(None)
