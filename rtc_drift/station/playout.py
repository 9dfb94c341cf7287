"""When a programme runs: its media time, and the engine's station behind it.

A mixer that nobody hears stands still: its media time stops, and so do its decks. This is the state machine of that.
Whoever owns it calls `settle` when something has changed or is due; tests bring a clock of their own.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import RENDER_AHEAD, TickClock
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.media import BLOCK_SAMPLES, SAMPLE_RATE

HORIZON = (RENDER_AHEAD + 3) * BLOCK_SAMPLES
"""What lies nearer than 140 ms is rendered already, or will be when the engine hears of it: plans leave it alone."""
LINGER_NS = 3_000_000_000
"""A mixer runs on for this long after its last listener: a page that is loaded anew finds it running."""
EXPECTATION_NS = 16_000_000_000
"""A listener who is on the way has decks ready for this long: one that has not connected by then is not waited for."""
PATIENCE_NS = 1_000_000_000
"""Decks that have nothing by then are not waited for."""


class Playout:
    """A programme that is closed (nothing of it in the engine), stands (its decks are ready), or runs.

    `send` speaks to the engine, under the station's `number` on the link. One that is to be `kept_ready` never closes.
    """

    def __init__(
        self,
        number: int,
        ticks: TickClock,
        send: Callable[[m.ToCore], None],
        *,
        bitrate: int,
        kept_ready: bool = False,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.number = number
        self._ticks = ticks
        self._send = send
        self._bitrate = bitrate
        self._kept_ready = kept_ready
        self._now_ns = now_ns
        self._clock = m.SetClock(number, 0, None)
        self._wants = m.Subscribe(number)
        self._plays: tuple[Play, ...] = ()
        self._ready = set[int]()
        self._open = False
        self._demand = False
        self._demanded_at_ns = 0
        self._idle_since_ns: int | None = None
        self._expected_until_ns = 0

    # --- time ---------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether media time advances."""
        return self._clock.tick is not None

    def now(self) -> int:
        """The media time that goes out at this moment, or at which the programme stands, in samples."""
        media_time, tick = self._clock.media_time, self._clock.tick
        if tick is None:
            return media_time
        since = self._now_ns() - self._ticks.due_ns(tick)
        return media_time + max(0, since * SAMPLE_RATE // 1_000_000_000)

    @property
    def horizon(self) -> int:
        """Plans leave alone what comes before this media time."""
        return self.now() + (HORIZON if self.running else 0)

    def stand_at(self, media_time: int) -> None:
        """Where a programme of an earlier life of the server stood. Before it was ever opened."""
        self._clock = m.SetClock(self.number, media_time, None)

    # --- what is played, and for whom ---------------------------------------------------------------------------------

    def set_plays(self, plays: Sequence[Play]) -> None:
        """Everything that is to be heard, replacing what was said before."""
        self._plays = tuple(plays)
        self._ready.intersection_update(play.id for play in plays)
        self._tell(m.SetPlays(self.number, self._plays))

    def is_ready(self, play_id: int) -> bool:
        """Whether the first samples of a play are decoded."""
        return play_id in self._ready

    def deck_ready(self, play_id: int) -> None:
        """The engine has decoded the first samples of a play."""
        self._ready.add(play_id)

    def want(self, wants: m.Subscribe, *, demand: bool) -> None:
        """Which media is wanted from the engine, and whether anybody is there to hear it."""
        if demand and not self._demand:
            self._demanded_at_ns = self._now_ns()
            self._expected_until_ns = 0  # who was expected has come
        self._demand = demand
        if wants != self._wants:
            self._wants = wants
            self._tell(wants)

    def expect(self) -> None:
        """A listener is on the way: have the decks ready."""
        self._expected_until_ns = self._now_ns() + EXPECTATION_NS

    # --- the state machine --------------------------------------------------------------------------------------------

    def settle(self) -> bool:
        """Do what is due; True when media time has begun to run or to stand."""
        was_running, now = self.running, self._now_ns()
        if self._demand:
            self._idle_since_ns = None
        elif self._idle_since_ns is None:
            self._idle_since_ns = now
        if not self._open and (self._demand or self._kept_ready or now < self._expected_until_ns):
            self._become_ready()
        if self._demand and not self.running and (self._is_all_ready() or now >= self._demanded_at_ns + PATIENCE_NS):
            self._set_clock(self.now(), self._ticks.tick_at(now) + 1)
        elif self.running and self._idle_since_ns is not None and now >= self._idle_since_ns + LINGER_NS:
            # Decks that stay can't go back to what was rendered ahead.
            stays_open = self._kept_ready or now < self._expected_until_ns
            self._set_clock(self.horizon if stays_open else self.now(), None)
        may_close = not (self._demand or self._kept_ready or self.running or now < self._expected_until_ns)
        if self._open and may_close:
            self.close()
        return self.running != was_running

    def due_in_seconds(self) -> float | None:
        """When `settle` should be called again, if nothing happens before; None = not by itself."""
        due: int | None = None
        if self._demand and not self.running:
            due = self._demanded_at_ns + PATIENCE_NS
        elif not self._demand and self.running and self._idle_since_ns is not None:
            due = self._idle_since_ns + LINGER_NS
        elif not self._demand and self._open and not self._kept_ready:
            due = self._expected_until_ns
        return None if due is None else max(0.0, (due - self._now_ns()) / 1e9)

    def close(self) -> None:
        """Let everything in the engine go; the programme stands where it was. Idempotent."""
        self._clock = m.SetClock(self.number, self.now(), None)
        self._tell(m.CloseStation(self.number))
        self._open = False
        self._ready.clear()

    def restore(self) -> Iterator[m.ToCore]:
        """What brings a fresh engine to the present state."""
        if self._open:
            self._ready.clear()
            yield m.OpenStation(self.number, self._bitrate)
            yield self._clock
            yield self._wants
            yield m.SetPlays(self.number, self._plays)

    def _become_ready(self) -> None:
        self._open = True
        for message in self.restore():
            self._send(message)

    def _is_all_ready(self) -> bool:
        now = self.now()
        return all(play.id in self._ready for play in self._plays if play.start <= now < play.end)

    def _set_clock(self, media_time: int, tick: int | None) -> None:
        self._clock = m.SetClock(self.number, media_time, tick)
        self._tell(self._clock)

    def _tell(self, message: m.ToCore) -> None:
        if self._open:
            self._send(message)
