"""When a station's media time runs, and what the engine holds of the station meanwhile.

Without listeners a mixer costs nothing: its media time stands, and so do its decks. This is the state machine of that.
Its owner calls `settle` when something has changed or is due; tests bring their own clock.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import RENDER_AHEAD, TickClock
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.media import BLOCK_SAMPLES, SAMPLE_RATE

HORIZON = (RENDER_AHEAD + 3) * BLOCK_SAMPLES
"""Samples that are rendered already, or will be before a message reaches the engine: 140 ms. Plans leave them alone."""
LINGER_NS = 3_000_000_000
"""Time that a mixer goes on after its last listener, so that a reloaded page finds it running."""
EXPECTATION_NS = 16_000_000_000
"""Time that decks are kept ready for a listener who is about to connect."""
PATIENCE_NS = 1_000_000_000
"""Time to wait for decks to be ready before media time runs without them."""


class Playout:
    """The playout of one station: closed (nothing of it is in the engine), standing (its decks are ready), or running.

    Messages to the engine carry the station's `number`. A station that is `kept_ready` never closes.
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
        self._once_ready = set[int]()
        """The plays of `_plays` that were ready at any time, perhaps in another engine."""
        self._open = False
        self._demand = False
        self._demanded_at_ns = 0
        self._idle_since_ns: int | None = None
        self._expected_until_ns = 0

    # --- time ---------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """True while media time advances."""
        return self._clock.tick is not None

    def now(self) -> int:
        """Return the media time that is sent at this moment, or at which it stands, in samples."""
        media_time, tick = self._clock.media_time, self._clock.tick
        if tick is None:
            return media_time
        since = self._now_ns() - self._ticks.due_ns(tick)
        return media_time + max(0, since * SAMPLE_RATE // 1_000_000_000)

    @property
    def horizon(self) -> int:
        """The media time before which plans can't change anything."""
        return self.now() + (HORIZON if self.running else 0)

    def stand_at(self, media_time: int) -> None:
        """Set the media time of a saved station. Only before it is opened for the first time."""
        self._clock = m.SetClock(self.number, media_time, None)

    # --- what is played, and for whom ---------------------------------------------------------------------------------

    def set_plays(self, plays: Sequence[Play]) -> None:
        """Replace all plays."""
        self._plays = tuple(plays)
        self._ready.intersection_update(play.id for play in plays)
        self._once_ready.intersection_update(play.id for play in plays)
        self._send_if_open(m.SetPlays(self.number, self._plays))

    def is_ready(self, play_id: int) -> bool:
        """Return True if the first samples of a play are decoded."""
        return play_id in self._ready

    def deck_ready(self, play_id: int) -> None:
        """Note that the engine has decoded the first samples of a play."""
        self._ready.add(play_id)
        self._once_ready.add(play_id)

    def never_ready(self) -> Sequence[Play]:
        """Return the plays that no engine has got ready; none if the station is closed."""
        return [play for play in self._plays if play.id not in self._once_ready] if self._open else ()

    def want(self, wants: m.Subscribe, *, demand: bool) -> None:
        """Set which media the engine sends to control, and whether there is a `demand` for media time to run."""
        if demand and not self._demand:
            self._demanded_at_ns = self._now_ns()
            self._expected_until_ns = 0  # the expected listener has come
        self._demand = demand
        if wants != self._wants:
            self._wants = wants
            self._send_if_open(wants)

    def expect(self) -> None:
        """Get the decks ready, because a listener is about to connect."""
        self._expected_until_ns = self._now_ns() + EXPECTATION_NS

    # --- the state machine --------------------------------------------------------------------------------------------

    def settle(self) -> bool:
        """Do what is due. Return True if media time has begun to run or to stand."""
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
            # Decks that stay open can't go back to what was rendered ahead.
            stays_open = self._kept_ready or now < self._expected_until_ns
            self._set_clock(self.horizon if stays_open else self.now(), None)
        may_close = not (self._demand or self._kept_ready or self.running or now < self._expected_until_ns)
        if self._open and may_close:
            self.close()
        return self.running != was_running

    def due_in_seconds(self) -> float | None:
        """Return when to call `settle` again if nothing happens before; None if time alone changes nothing."""
        due: int | None = None
        if self._demand and not self.running:
            due = self._demanded_at_ns + PATIENCE_NS
        elif not self._demand and self.running and self._idle_since_ns is not None:
            due = self._idle_since_ns + LINGER_NS
        elif not self._demand and self._open and not self._kept_ready:
            due = self._expected_until_ns
        return None if due is None else max(0.0, (due - self._now_ns()) / 1e9)

    def close(self) -> None:
        """Remove the station from the engine; media time stands where it was. Idempotent."""
        self._clock = m.SetClock(self.number, self.now(), None)
        self._send_if_open(m.CloseStation(self.number))
        self._open = False
        self._ready.clear()

    def restore(self) -> Iterator[m.ToCore]:
        """Yield the messages that bring a new engine to the present state."""
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
        self._send_if_open(self._clock)

    def _send_if_open(self, message: m.ToCore) -> None:
        if self._open:
            self._send(message)
