"""Keeps a decoder process alive: starts it, tells it which engine it decodes for, replaces it when it dies or hangs."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from rtc_drift.decoder.messages import MAX_BYTES, NEEDS_SHARE, SOCKET_TYPE
from rtc_drift.engine.host.keeper import STARTING_SECONDS, Keeper, end_child, start_child
from rtc_drift.workers.patience import done_within

logger = logging.getLogger(__name__)

SILENCE_SECONDS = 2.5
"""Time without a sign of life, which comes every 1.5 s, after which the decoder counts as hung and is killed.

With the start of the next one, that is less than its decks are ahead.
"""
HARMLESS = (0, NEEDS_SHARE, -signal.SIGKILL)
"""Exit statuses for which no file is to blame, as far as is known."""
MOST_PAUSE_SECONDS = 0.5
"""Longest pause before a restart: what is decoded lasts for three seconds."""


class DecoderSupervisor:
    """The owner of a decoder process, the socket to it, and the task that keeps it running."""

    def __init__(
        self,
        on_ready: Callable[[], None],
        on_death: Callable[[bool], None],
        log_level: str = "INFO",
        reads: Sequence[Path] = (),
    ) -> None:
        """Make a supervisor of a decoder that reads the files below `reads`.

        `on_ready` is called when a new decoder can be connected with the engine. `on_death` is called when it has died,
        with True if it ended by itself, False if it was killed.
        """
        self._on_ready = on_ready
        self._on_death = on_death
        self._log_level = log_level
        self._reads = reads
        self._socket: socket.socket | None = None
        self._is_ready = False
        self._keeps_share = False
        """True once a decoder has starved from giving way to others."""
        self._process: asyncio.subprocess.Process | None = None
        self._keeper = Keeper("decoder", self._run_once, most_pause_seconds=MOST_PAUSE_SECONDS)

    @property
    def pid(self) -> int | None:
        """Id of the decoder process, or None while there is none."""
        return self._process.pid if self._process else None

    @property
    def restarts(self) -> int:
        """Number of times that the decoder had to be started again."""
        return self._keeper.restarts

    def start(self) -> None:
        """Start the decoder and keep it running."""
        self._keeper.start()

    def connect(self) -> socket.socket | None:
        """Have the decoder serve a new engine. Return the engine's end of the socket, or None if it is not ready."""
        if self._socket is None or not self._is_ready:
            return None
        theirs, engines = socket.socketpair(socket.AF_UNIX, SOCKET_TYPE)
        with theirs:
            try:
                socket.send_fds(self._socket, [b"engine"], [theirs.fileno()])
            except OSError:  # it has just ended
                engines.close()
                return None
        return engines

    async def close(self) -> None:
        """End the decoder. Idempotent."""
        await self._keeper.close()

    async def _run_once(self) -> None:
        """Run the decoder process until its socket ends or it hangs."""
        is_hung = False
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, SOCKET_TYPE)
        self._socket.setblocking(False)
        try:
            with theirs:
                options = ["--fd", str(theirs.fileno()), "--log-level", self._log_level]
                options += ["--keeps-share"] if self._keeps_share else []
                self._process = await start_child("rtc_drift.decoder", options, [theirs.fileno()], self._reads)
            is_hung = await self._watch(self._socket, self._process)
        finally:
            self._is_ready = False
            self._socket.close()
            self._socket = None
            if (process := self._process) is not None:
                await end_child(process)
                self._process = None
                self._keeps_share = self._keeps_share or process.returncode == NEEDS_SHARE
                self._on_death(not is_hung and process.returncode not in HARMLESS)

    async def _watch(self, sock: socket.socket, process: asyncio.subprocess.Process) -> bool:
        """Take signs of life until the socket ends. Kill a decoder that gives none, and return True."""
        loop, patience = asyncio.get_running_loop(), STARTING_SECONDS
        while True:
            receiving = asyncio.ensure_future(loop.sock_recv(sock, MAX_BYTES))
            try:
                if not await done_within(receiving, patience):
                    logger.error("The decoder has given no sign of life for %.0f s", patience)
                    process.kill()
                    return True
                if not receiving.result():
                    return False
            except ConnectionError:
                return False
            finally:
                receiving.cancel()
            patience = SILENCE_SECONDS
            if not self._is_ready:
                self._is_ready = True
                self._on_ready()
