"""Conducts and renders a programme, each from moment to moment of the other."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable

from rtc_drift.engine.fades import fading
from rtc_drift.engine.protocol.plays import Fade
from rtc_drift.media import SAMPLE_RATE, Audio, samples
from rtc_drift.rendering.memory_library import Collection
from rtc_drift.rendering.offline_timeline import RenderedTimeline
from rtc_drift.rendering.render_log import CarriedOut, Journal
from rtc_drift.rendering.script import Order, carry_out
from rtc_drift.station.autodj import Conductor, NothingToPlayError
from rtc_drift.station.commands import Steering
from rtc_drift.station.event_publisher import Herald
from rtc_drift.station.lead_prefetch import Preparing, Rehearsal

LAST_FADE = samples(2.0)
"""The programme ends with this fade."""
MOST_AT_ONCE = SAMPLE_RATE
"""Samples rendered in one go."""


async def render_programme(
    collection: Collection,
    *,
    seed: int,
    length: int,
    journal: Journal,
    orders: Iterable[Order] = (),
    preparing: Preparing | None = None,
) -> AsyncGenerator[Audio, None]:
    """The first `length` samples of a programme, in blocks of `(n, 2) float32`, n up to a second; it fades out at last.

    The journal tells what is heard, up to what was yielded so far. Without `preparing` no wishes come true. The
    same arguments give the same samples. Close it (`aclosing`) when it is not read to its end.

    Raises NothingToPlayError as soon as there is no track to play (any more), OrderError for a command that is refused,
    and what `preparing` raises.
    """
    last_fade = Fade(length - min(LAST_FADE, length), min(LAST_FADE, length))
    booth = _Booth(collection, seed, journal, orders, preparing)
    try:
        await booth.begin()
        while (now := booth.timeline.now()) < length:
            count = min(await booth.due(), length) - now
            audio = booth.timeline.render(count)
            if now + count > last_fade.start:
                audio = audio * fading(last_fade, now, count)
            yield audio
            await asyncio.sleep(0)  # a rendering can be cancelled
    finally:
        await booth.close()


class _Booth:
    """A conductor, those who steer it, and the timeline that it conducts."""

    def __init__(
        self,
        collection: Collection,
        seed: int,
        journal: Journal,
        orders: Iterable[Order],
        preparing: Preparing | None,
    ) -> None:
        self.timeline = RenderedTimeline()
        self._collection = collection
        self._journal = journal
        self._orders = deque(orders)
        herald = Herald("rendering", self.timeline.now, collection.loved, lambda _: None)
        self._conductor = Conductor(collection, seed, self.timeline, herald, collection.chart)
        self._steering = Steering(self._conductor, self.timeline, herald, collection.get)
        self._rehearsal = Rehearsal(self._conductor, preparing, lambda: None) if preparing is not None else None

    async def begin(self) -> None:
        """As a session begins: it stands until the first track is there and the second one planned."""
        await self._settle()
        await self._settle()
        self.timeline.running = True

    async def due(self) -> int:
        """Do what is due at this moment, and say until when it can be rendered."""
        now = self.timeline.now()
        while self._orders and self._orders[0].at <= now:
            order = self._orders.popleft()
            self._journal.commands.append(CarriedOut(order, carry_out(order, self._steering, self._collection, now)))
        next_order = self._orders[0].at if self._orders else now + MOST_AT_ONCE
        return max(now + 1, min(await self._settle(), next_order, now + MOST_AT_ONCE))

    async def close(self) -> None:
        if self._rehearsal is not None:
            await self._rehearsal.close()
        self.timeline.close()

    async def _settle(self) -> int:
        """Until nothing is to be done any more before time goes on; gives when the conductor is to come again."""
        while True:
            if not self._collection.playable():
                raise NothingToPlayError
            due = self._conductor.advance()
            if self._rehearsal is not None and self.timeline.running:
                self._rehearsal.keep_up()
                await self._rehearsal.caught_up()
            self._journal.note(self._conductor.programme, self.timeline.now())
            failures = self.timeline.failures()
            if not failures:
                return due
            for failure in failures:
                self._conductor.deck_failed(failure)
