"""Keeps an engine process alive: starts it, exchanges messages with it, and replaces it when it dies or hangs."""

import asyncio
import logging
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable

from rtc_drift.engine.host.keeper import STARTING_SECONDS, Keeper, end_child, start_child
from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.engine.protocol.codec import Decoder, encode
from rtc_drift.workers.patience import STOOD_SECONDS

logger = logging.getLogger(__name__)

SILENCE_SECONDS = 3.0
"""Time without a message after which the engine counts as hung and is killed. It reports every second."""
MOST_PAUSE_SECONDS = 5.0
"""Longest pause before a restart."""
REPEATED_SECONDS = 30.0
"""Time within which a second death is no accident any more: something that the engine is to play may be the cause."""


class EngineSupervisor:
    """The owner of an engine process, its sockets, and the task that keeps it running.

    `on_message` gets the engine's messages. `restore` gives the messages that bring a new engine to the present state.
    It is called at every start, so nothing sent while the engine was down is lost. `on_repeated_death` is called before
    that if the engine has died twice within 30 s.
    """

    def __init__(
        self,
        epoch_ns: int,
        on_message: Callable[[m.ToControl], None],
        restore: Callable[[], Iterable[m.ToEngine]],
        on_repeated_death: Callable[[], None],
        log_level: str = "INFO",
    ) -> None:
        self._epoch_ns = epoch_ns
        self._on_repeated_death = on_repeated_death
        self._deaths = deque[float](maxlen=2)
        self._on_message = on_message
        self._restore = restore
        self._log_level = log_level
        self._link: _Link | None = None
        self._sockets: socket.socket | None = None
        """Sends other sockets to the engine."""
        self._process: asyncio.subprocess.Process | None = None
        self._last_tick: int | None = None
        self._keeper = Keeper("engine", self._run_once, most_pause_seconds=MOST_PAUSE_SECONDS)

    @property
    def pid(self) -> int | None:
        """Id of the engine process, or None while there is none."""
        return self._process.pid if self._process else None

    @property
    def restarts(self) -> int:
        """Number of times that the engine had to be started again."""
        return self._keeper.restarts

    @property
    def tick_age_seconds(self) -> float | None:
        """Age of the latest tick that was reported, which is up to a second and a half; None before the first one."""
        if self._last_tick is None:
            return None
        return max(0.0, (time.monotonic_ns() - TickClock(self._epoch_ns).due_ns(self._last_tick)) / 1e9)

    def start(self) -> None:
        """Start the engine and keep it running."""
        self._keeper.start()

    def send(self, message: m.ToEngine) -> None:
        """Send a message to the engine. While it is down, `restore` makes up for it."""
        if self._link is not None:
            if isinstance(message, m.AddSocket | m.AddDecoder) and self._sockets is not None:
                # The descriptor must arrive before the message about it.
                socket.send_fds(self._sockets, [b"s"], [message.fd])
            self._link.send(message)

    async def close(self) -> None:
        """End the engine. Idempotent."""
        await self._keeper.close()

    async def _run_once(self) -> None:
        """Run the engine process until its socket ends."""
        ours, theirs = socket.socketpair()
        self._sockets, their_sockets = socket.socketpair()
        try:
            with theirs, their_sockets:
                fds = (theirs.fileno(), their_sockets.fileno())
                self._process = await start_child("rtc_drift.engine", self._options(*fds), fds)
            loop = asyncio.get_running_loop()
            _, self._link = await loop.create_connection(lambda: _Link(self._receive), sock=ours)
            if len(self._deaths) == 2 and self._deaths[1] - self._deaths[0] < REPEATED_SECONDS:
                self._deaths.clear()
                self._on_repeated_death()
            for message in self._restore():
                self.send(message)
            is_hung = await self._link.wait_until_lost(SILENCE_SECONDS)
            if is_hung and self._process is not None:
                self._process.kill()
        finally:
            if self._link is not None:
                self._link.close()
                self._link = None
            ours.close()
            self._sockets.close()
            self._sockets = None
            self._deaths.append(time.monotonic())
            if self._process is not None:
                await end_child(self._process)
                self._process = None

    def _receive(self, message: m.ToControl) -> None:
        if isinstance(message, m.Health):
            self._last_tick = message.tick
        self._on_message(message)

    def _options(self, fd: int, sockets_fd: int) -> list[str]:
        options = ["--fd", str(fd), "--sockets-fd", str(sockets_fd)]
        return [*options, "--epoch-ns", str(self._epoch_ns), "--log-level", self._log_level]


class _Link(asyncio.Protocol):
    """Control's end of the socket."""

    def __init__(self, on_message: Callable[[m.ToControl], None]) -> None:
        self._on_message = on_message
        self._decoder = Decoder()
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time() + STARTING_SECONDS - SILENCE_SECONDS
        """When it was heard last; a new engine gets more time."""
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.WriteTransport | None = None

    def send(self, message: m.ToEngine) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode(message))

    async def wait_until_lost(self, silence_seconds: float) -> bool:
        """Wait until the engine closes its end (False) or has sent nothing for `silence_seconds` (True)."""
        while not self._lost.done():
            silent_seconds = self._loop.time() - self._heard_at
            if silent_seconds >= silence_seconds:
                logger.error("The engine has sent nothing for %.0f s", silent_seconds)
                return True
            due = self._heard_at + silence_seconds
            await asyncio.wait({self._lost}, timeout=due - self._loop.time())
            if self._loop.time() > due + STOOD_SECONDS:  # this process stood; the engine may have done so, too
                self._heard_at = self._loop.time()
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
                logger.exception("Handling a message of the engine failed: %s", type(message).__name__)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(None)
