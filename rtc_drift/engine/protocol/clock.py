"""When the next tick is due: an absolute schedule, so that lateness never adds up. Pure arithmetic on readings."""

from dataclasses import dataclass

from rtc_drift.media import BLOCK_SAMPLES, SAMPLE_RATE

TICK_NS = BLOCK_SAMPLES * 1_000_000_000 // SAMPLE_RATE
CATCH_UP_SPACING_NS = 10_000_000
"""Late ticks follow each other at twice the normal pace: a burst would grow the listeners' buffers for good."""
MAX_BEHIND_TICKS = 10
"""Held up for longer (0.2 s), the engine leaves ticks out rather than play late."""


@dataclass(frozen=True, slots=True)
class TickClock:
    """Tick `n` is due at `epoch_ns + n · 20 ms` of the monotonic clock, which all processes of a machine share."""

    epoch_ns: int

    def due_ns(self, tick: int) -> int:
        return self.epoch_ns + tick * TICK_NS

    def tick_at(self, now_ns: int) -> int:
        """The latest tick that is due at `now_ns`."""
        return (now_ns - self.epoch_ns) // TICK_NS

    def following(self, tick: int, started_ns: int, step: int = 1) -> tuple[int, int]:
        """After `tick` was started at `started_ns`: the next tick and when to start it (ns).

        On time: `step` ticks on. Late: caught up at twice the pace. Too late: the missed ticks are left out.
        """
        behind = self.tick_at(started_ns) - tick
        if behind > MAX_BEHIND_TICKS:
            tick += behind
        return tick + step, max(self.due_ns(tick + step), started_ns + CATCH_UP_SPACING_NS)


RENDER_AHEAD = 4
"""Blocks rendered in one go, 80 ms: a quarter of the wake-ups of caches and decoders, and half the CPU time of
rendering block by block. Sessions take turns, so that each tick renders a quarter of them."""
