"""Conducts and renders a programme, each from moment to moment of the other."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable

from rtc_drift.engine.fades import fading
from rtc_drift.engine.protocol.plays import Fade
from rtc_drift.media import SAMPLE_RATE, Audio, samples
from rtc_drift.rendering.memory_library import MemoryLibrary
from rtc_drift.rendering.offline_timeline import OfflineTimeline
from rtc_drift.rendering.render_log import CarriedOut, RenderLog
from rtc_drift.rendering.script import ScriptedCommand, carry_out
from rtc_drift.station.autodj import AutoDj
from rtc_drift.station.on_air import NothingToPlayError
from rtc_drift.station.commands import Commands
from rtc_drift.station.event_publisher import EventPublisher
from rtc_drift.station.lead_prefetch import LeadPrefetch
from rtc_drift.station.sources import LeadSource, Sources

LAST_FADE = samples(2.0)
"""The programme ends with this fade."""
MOST_AT_ONCE = SAMPLE_RATE
"""Samples rendered in one go."""


async def render_programme(
    library: MemoryLibrary,
    *,
    seed: int,
    length: int,
    log: RenderLog,
    script: Iterable[ScriptedCommand] = (),
    leads: LeadSource | None = None,
) -> AsyncGenerator[Audio, None]:
    """The first `length` samples of a programme, in blocks of `(n, 2) float32`, n up to a second; it fades out at last.

    The log tells what is heard, up to what was yielded so far. Without `leads` no wishes come true. The
    same arguments give the same samples. Close it (`aclosing`) when it is not read to its end.

    Raises NothingToPlayError as soon as there is no track to play (any more), ScriptError for a refused command,
    and what `leads` raises.
    """
    last_fade = Fade(length - min(LAST_FADE, length), min(LAST_FADE, length))
    rendering = _Rendering(library, seed, log, script, leads)
    try:
        await rendering.begin()
        while (now := rendering.timeline.now()) < length:
            count = min(await rendering.due(), length) - now
            audio = rendering.timeline.render(count)
            if now + count > last_fade.start:
                audio = audio * fading(last_fade, now, count)
            yield audio
            await asyncio.sleep(0)  # a rendering can be cancelled
    finally:
        await rendering.close()


class _Rendering:
    """A autodj, those who steer it, and the timeline that it conducts."""

    def __init__(
        self,
        library: MemoryLibrary,
        seed: int,
        log: RenderLog,
        script: Iterable[ScriptedCommand],
        leads: LeadSource | None,
    ) -> None:
        self.timeline = OfflineTimeline()
        self._library = library
        self._log = log
        self._script = deque(script)
        publisher = EventPublisher("rendering", self.timeline.now, library.loved, lambda _: None)
        self._autodj = AutoDj(Sources(library, library, leads), seed, self.timeline, publisher)
        self._commands = Commands(self._autodj, library.get)
        self._lead_prefetch = LeadPrefetch(self._autodj, leads, lambda: None) if leads is not None else None

    async def begin(self) -> None:
        """As a session begins: it stands until the first track is there and the second one planned."""
        await self._settle()
        await self._settle()
        self.timeline.running = True

    async def due(self) -> int:
        """Do what is due at this moment, and say until when it can be rendered."""
        now = self.timeline.now()
        while self._script and self._script[0].at <= now:
            order = self._script.popleft()
            self._log.commands.append(CarriedOut(order, carry_out(order, self._commands, self._library, now)))
        next_command = self._script[0].at if self._script else now + MOST_AT_ONCE
        return max(now + 1, min(await self._settle(), next_command, now + MOST_AT_ONCE))

    async def close(self) -> None:
        if self._lead_prefetch is not None:
            await self._lead_prefetch.close()
        self.timeline.close()

    async def _settle(self) -> int:
        """Until nothing is to be done any more before time goes on; gives when the autodj is to come again."""
        while True:
            if not self._library.playable():
                raise NothingToPlayError
            due = self._autodj.advance()
            if self._lead_prefetch is not None and self.timeline.running:
                self._lead_prefetch.keep_up()
                await self._lead_prefetch.caught_up()
            self._log.note(self._autodj.programme, self.timeline.now())
            failures = self.timeline.failures()
            if not failures:
                return due
            for failure in failures:
                self._autodj.deck_failed(failure)
