"""Renders a programme: the DJ plans, the commands of a script are executed, and the mix is rendered, in turn."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable

from rtc_drift.engine.fades import fade_gain
from rtc_drift.engine.protocol.plays import Fade
from rtc_drift.media import SAMPLE_RATE, Audio, samples
from rtc_drift.rendering.memory_library import MemoryLibrary
from rtc_drift.rendering.offline_timeline import OfflineTimeline
from rtc_drift.rendering.render_log import ExecutedCommand, RenderLog
from rtc_drift.rendering.script import ScriptedCommand, execute
from rtc_drift.station.autodj import AutoDj
from rtc_drift.station.commands import Commands
from rtc_drift.station.event_publisher import EventPublisher
from rtc_drift.station.lead_prefetch import LeadPrefetch
from rtc_drift.station.on_air import NothingToPlayError
from rtc_drift.station.sources import LeadSource, Sources

LAST_FADE = samples(2.0)
"""Length of the fade-out at the end of the programme, in samples."""
MAX_BLOCK = SAMPLE_RATE
"""Most samples rendered at once."""


async def render_programme(
    library: MemoryLibrary,
    *,
    seed: int,
    length: int,
    log: RenderLog,
    script: Iterable[ScriptedCommand] = (),
    leads: LeadSource | None = None,
) -> AsyncGenerator[Audio, None]:
    """Render a programme; yields blocks of `(n, 2) float32`, n up to one second.

    The same arguments give the same samples. Close the generator (`aclosing`) if it is not read to its end.

    Args:
        library: the tracks; broken files and loves change it.
        seed: seed of all choices.
        length: length in samples; the end fades out.
        log: records the programme up to the last block.
        script: the commands to execute, in order of their times.
        leads: renders stretched intros; without it, no track changes its tempo.

    Raises:
        NothingToPlayError: no playable track is left.
        ScriptError: a command was refused.
        Exception: whatever `leads` raises.
    """
    last_fade = Fade(length - min(LAST_FADE, length), min(LAST_FADE, length))
    station = _OfflineStation(library, seed, log, script, leads)
    try:
        await station.begin()
        while (now := station.timeline.now()) < length:
            count = min(await station.advance(), length) - now
            audio = station.timeline.render(count)
            if now + count > last_fade.start:
                audio = audio * fade_gain(last_fade, now, count)
            yield audio
            await asyncio.sleep(0)  # Without it, the rendering could not be cancelled.
    finally:
        await station.close()


class _OfflineStation:
    """A DJ, its commands and its timeline."""

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
        """Plan the first two tracks while media time stands, as a live station does; then let media time run."""
        await self._plan()
        await self._plan()
        self.timeline.running = True

    async def advance(self) -> int:
        """Execute the commands that are due, and plan. Return the media time up to which the mix can be rendered."""
        now = self.timeline.now()
        while self._script and self._script[0].at <= now:
            scripted = self._script.popleft()
            accepted = execute(scripted, self._commands, self._library, now)
            self._log.commands.append(ExecutedCommand(scripted, accepted))
        next_command = self._script[0].at if self._script else now + MAX_BLOCK
        return max(now + 1, min(await self._plan(), next_command, now + MAX_BLOCK))

    async def close(self) -> None:
        if self._lead_prefetch is not None:
            await self._lead_prefetch.close()
        self.timeline.close()

    async def _plan(self) -> int:
        """Let the DJ plan until no deck fails. Return the media time at which it must plan again."""
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
