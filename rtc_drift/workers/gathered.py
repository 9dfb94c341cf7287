"""Gathers calls that come quickly one after the other."""

import asyncio
from collections.abc import Callable


class Gathered:
    """Calls a function at once, and what is asked for within a pause afterwards as one call at its end."""

    def __init__(self, function: Callable[[], None], pause_seconds: float) -> None:
        """Wrap a function; nothing is called yet."""
        self._function = function
        self._pause_seconds = pause_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._is_wanted = False
        self._is_closed = False

    def __call__(self) -> None:
        """Call the function, now or at the end of the pause."""
        self._is_wanted = True
        if self._timer is None and not self._is_closed:
            self._call()

    def close(self) -> None:
        """Call it no more. Idempotent."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _call(self) -> None:
        self._is_wanted = False
        self._timer = asyncio.get_running_loop().call_later(self._pause_seconds, self._end_pause)
        self._function()

    def _end_pause(self) -> None:
        self._timer = None
        if self._is_wanted:
            self._call()
