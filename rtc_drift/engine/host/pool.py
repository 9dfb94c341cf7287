"""All engines as one: each station belongs to one of them, and each engine has a supervisor of its own."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from rtc_drift.engine.host.supervisor import EngineSupervisor
from rtc_drift.engine.protocol import messages as m


class EnginePool:
    """`count` engines. A station's number decides which of them renders and sends it."""

    def __init__(
        self,
        count: int,
        epoch_ns: int,
        on_message: Callable[[int, m.ToControl], None],
        restore: Callable[[], Iterable[m.ToEngine]],
        log_level: str = "INFO",
    ) -> None:
        """Create engines that are not started yet.

        `on_message` gets an engine's number and a message of it; `restore` gives the messages that bring all engines to
        the present state.
        """
        self._restore = restore
        self._engines = [
            EngineSupervisor(epoch_ns, partial(on_message, number), partial(self._restore_one, number), log_level)
            for number in range(count)
        ]

    @property
    def pids(self) -> list[int]:
        """Ids of the engine processes that exist now."""
        return [engine.pid for engine in self._engines if engine.pid is not None]

    @property
    def pid(self) -> int | None:
        """Id of the first engine process, or None while there is none."""
        return self._engines[0].pid

    @property
    def restarts(self) -> int:
        """Number of times that an engine had to be started again."""
        return sum(engine.restarts for engine in self._engines)

    def start(self) -> None:
        """Start all engines, and keep them running."""
        for engine in self._engines:
            engine.start()

    def send(self, message: m.ToEngine) -> None:
        """Send a message to the engines it is for. While one is down, `restore` makes up for it."""
        for number, engine in enumerate(self._engines):
            if self._goes_to(number, message):
                engine.send(message)

    async def close(self) -> None:
        """End all engines. Idempotent."""
        await asyncio.gather(*(engine.close() for engine in self._engines))

    def _restore_one(self, number: int) -> Iterator[m.ToEngine]:
        return (message for message in self._restore() if self._goes_to(number, message))

    def _goes_to(self, number: int, message: m.ToEngine) -> bool:
        return isinstance(message, m.AddSocket) or message.station % len(self._engines) == number
