"""Tells systemd that the server is ready, alive or stopping: a datagram to `$NOTIFY_SOCKET`, as sd_notify(3) says."""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

logger = logging.getLogger(__name__)

MAX_TICK_AGE_SECONDS = 10.0
"""Age of an engine's last tick beyond which it gives no sign of life. A new engine has some until then."""
SHARE = 0.4
"""Share of the watchdog's time after which it is told again."""


class ServiceManager:
    """The service manager that has started this process; does nothing if none has."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Find its address, and the time within which it wants signs of life."""
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._watchdog_seconds = _watchdog_seconds(environment)

    def ready(self) -> None:
        """Tell that the server takes requests."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """Tell that the server is about to end."""
        self._tell("STOPPING=1")

    def is_watching(self) -> bool:
        """Return True if signs of life are wanted."""
        return self._address is not None and self._watchdog_seconds is not None

    async def keep_alive(
        self, is_alive: Callable[[], bool], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Give signs of life until cancelled, as long as `is_alive`; that this runs is one of the event loop."""
        if self._watchdog_seconds is None:
            return
        was_alive = True
        while True:
            alive = is_alive()
            if alive:
                self._tell("WATCHDOG=1")
            elif was_alive:
                logger.error(
                    "An engine gives no sign of life: the service manager is told nothing, and may restart all"
                )
            was_alive = alive
            await sleep(self._watchdog_seconds * SHARE)

    def _tell(self, text: str) -> None:
        if self._address is None:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.setblocking(False)
            sock.sendto(text.encode(), self._address)


def engines_are_alive(tick_ages_seconds: list[float | None]) -> bool:
    """Return True unless an engine has not ticked for long. One that is being started has no age yet."""
    return all(age is None or age <= MAX_TICK_AGE_SECONDS for age in tick_ages_seconds)


def _address(text: str) -> str | None:
    """Return the address of the socket; an `@` stands for the abstract namespace."""
    if text.startswith("@"):
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    text = environment.get("WATCHDOG_USEC", "")
    is_ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(text) / 1e6 if is_ours and text.isdigit() and int(text) > 0 else None
