"""All engines as one: each station belongs to one of them. Every engine and every decoder has a supervisor."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from rtc_drift.engine.host.decoder_supervisor import DecoderSupervisor
from rtc_drift.engine.host.engine_supervisor import EngineSupervisor
from rtc_drift.engine.protocol import messages as m

MOST_TICK_AGE_SECONDS = 3.0
"""Age of an engine's last tick above which it plays nothing: it reports every second."""


class EnginePool:
    """`count` engines, each with a decoder. A station's number decides which of them renders and sends it."""

    def __init__(
        self,
        count: int,
        epoch_ns: int,
        on_message: Callable[[int, m.ToControl], None],
        restore: Callable[[], Iterable[m.ToEngine]],
        on_repeated_death: Callable[[Callable[[int], bool]], None] = lambda _: None,
        log_level: str = "INFO",
    ) -> None:
        """Create engines that are not started yet.

        `on_message` gets an engine's number and a message of it. `restore` gives the messages that bring all engines to
        the present state. `on_repeated_death` is called before, if an engine has died twice within 30 s; it gets a
        function that tells which stations, by their number, are in that engine.
        """
        self._restore = restore
        self._engines = [
            EngineSupervisor(
                epoch_ns,
                partial(on_message, number),
                partial(self._restore_one, number),
                partial(on_repeated_death, partial(self._is_in, number)),
                log_level,
            )
            for number in range(count)
        ]
        self._decoders = [
            DecoderSupervisor(partial(self._connect, number), partial(self._decoder_died, number), log_level)
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

    @property
    def decoder_pids(self) -> list[int]:
        """Ids of the decoder processes that exist now."""
        return [decoder.pid for decoder in self._decoders if decoder.pid is not None]

    @property
    def decoder_restarts(self) -> int:
        """Number of times that a decoder had to be started again."""
        return sum(decoder.restarts for decoder in self._decoders)

    def is_ticking(self, station: int) -> bool:
        """Return True if the engine of a station, by its number, has reported a tick within the last seconds."""
        age = self._engines[station % len(self._engines)].tick_age_seconds
        return age is not None and age <= MOST_TICK_AGE_SECONDS

    @property
    def tick_ages_seconds(self) -> list[float | None]:
        """Age of each engine's latest reported tick."""
        return [engine.tick_age_seconds for engine in self._engines]

    def start(self) -> None:
        """Start all engines and decoders, and keep them running."""
        for engine, decoder in zip(self._engines, self._decoders, strict=True):
            engine.start()
            decoder.start()

    def send(self, message: m.ToEngine) -> None:
        """Send a message to the engines it is for. While one is down, `restore` makes up for it."""
        for number, engine in enumerate(self._engines):
            if self._goes_to(number, message):
                engine.send(message)

    async def close(self) -> None:
        """End all engines and decoders. Idempotent."""
        closing = [engine.close() for engine in self._engines] + [decoder.close() for decoder in self._decoders]
        await asyncio.gather(*closing)

    def _restore_one(self, number: int) -> Iterator[m.ToEngine]:
        yield from self._new_connection(number)
        yield from (message for message in self._restore() if self._goes_to(number, message))

    def _connect(self, number: int) -> None:
        """Connect an engine with its new decoder. An engine that is down asks for it when it is back."""
        for message in self._new_connection(number):
            self._engines[number].send(message)

    def _decoder_died(self, number: int, crashed: bool) -> None:
        self._engines[number].send(m.DecoderDied(crashed))

    def _new_connection(self, number: int) -> Iterator[m.AddDecoder]:
        """Yield a message that takes a new connection with the decoder to the engine, if the decoder is ready."""
        decoder = self._decoders[number]
        if (engines_end := decoder.connect()) is not None:
            with engines_end:
                yield m.AddDecoder(engines_end.fileno())

    def _goes_to(self, number: int, message: m.ToEngine) -> bool:
        if isinstance(message, m.AddSocket | m.RemoveSocket | m.AddDecoder | m.DecoderDied):
            return True
        return self._is_in(number, message.station)

    def _is_in(self, number: int, station: int) -> bool:
        return station % len(self._engines) == number
