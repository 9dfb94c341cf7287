"""All engines as one: stations are spread over them, and each is kept alive by a supervisor of its own."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from rtc_drift.engine.host.supervisor import EngineSupervisor
from rtc_drift.engine.protocol import messages as m


class EnginePool:
    """`count` engines. A station is rendered and sent by the one that its number falls to."""

    def __init__(
        self,
        count: int,
        epoch_ns: int,
        on_message: Callable[[int, m.ToControl], None],
        restore: Callable[[], Iterable[m.ToEngine]],
        log_level: str = "INFO",
    ) -> None:
        """`on_message` gets the engine's number and what it says; `restore` the messages that bring all up to date."""
        self._restore = restore
        self._engines = [
            EngineSupervisor(epoch_ns, partial(on_message, number), partial(self._restore_one, number), log_level)
            for number in range(count)
        ]

    @property
    def pids(self) -> list[int]:
        """The engines' processes, as far as they are there."""
        return [engine.pid for engine in self._engines if engine.pid is not None]

    @property
    def pid(self) -> int | None:
        """The first engine's process, while there is one."""
        return self._engines[0].pid

    @property
    def restarts(self) -> int:
        """How often one had to be started again."""
        return sum(engine.restarts for engine in self._engines)

    def start(self) -> None:
        """Start all, and keep them running."""
        for engine in self._engines:
            engine.start()

    def send(self, message: m.ToEngine) -> None:
        """Say something to those whom it concerns; while one is down that is left to `restore`."""
        for number, engine in enumerate(self._engines):
            if self._concerns(number, message):
                engine.send(message)

    async def close(self) -> None:
        """End all. Idempotent."""
        await asyncio.gather(*(engine.close() for engine in self._engines))

    def _restore_one(self, number: int) -> Iterator[m.ToEngine]:
        return (message for message in self._restore() if self._concerns(number, message))

    def _concerns(self, number: int, message: m.ToEngine) -> bool:
        return isinstance(message, m.AddSocket) or message.station % len(self._engines) == number
