"""Notes that control's event loop is alive, so that anybody can see if something has blocked it."""

import asyncio
import time

BEAT_SECONDS = 2.0


class LoopMeter:
    """A timer on the event loop. If the loop is blocked, its beats stop."""

    def __init__(self) -> None:
        self._last_beat = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def age_seconds(self) -> float:
        """Time since the last beat: up to two seconds while the loop is well."""
        return time.monotonic() - self._last_beat

    def start(self) -> None:
        """Begin to beat, every two seconds."""
        self._last_beat = time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(BEAT_SECONDS, self.start)

    def close(self) -> None:
        """Stop. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
