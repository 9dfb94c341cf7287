"""Computes when ticks are due: absolute times, so that lateness never adds up. Pure arithmetic on clock readings."""

from dataclasses import dataclass

from rtc_drift.media import BLOCK_SAMPLES, SAMPLE_RATE

TICK_NS = BLOCK_SAMPLES * 1_000_000_000 // SAMPLE_RATE
"""Length of a tick: 20 ms."""
CATCH_UP_SPACING_NS = 10_000_000
"""Time between late ticks: half the normal one. A burst would make the listeners' jitter buffers longer for good."""
MAX_BEHIND_TICKS = 10
"""Lateness (0.2 s) above which the engine leaves ticks out rather than play late."""


@dataclass(frozen=True, slots=True)
class TickClock:
    """A clock by which tick `n` is due at `epoch_ns + n · 20 ms` of the monotonic clock that all processes share."""

    epoch_ns: int

    def due_ns(self, tick: int) -> int:
        """Return when a tick is due, in ns of the monotonic clock."""
        return self.epoch_ns + tick * TICK_NS

    def tick_at(self, now_ns: int) -> int:
        """Return the latest tick that is due at `now_ns`."""
        return (now_ns - self.epoch_ns) // TICK_NS

    def following(self, tick: int, started_ns: int, step: int = 1) -> tuple[int, int]:
        """Return the next tick after `tick`, which was started at `started_ns`, and when to start it (ns).

        On time: `step` ticks later. Late: at twice the pace. Too late: the missed ticks are left out.
        """
        behind = self.tick_at(started_ns) - tick
        if behind > MAX_BEHIND_TICKS:
            tick += behind
        return tick + step, max(self.due_ns(tick + step), started_ns + CATCH_UP_SPACING_NS)


RENDER_AHEAD = 4
"""Blocks rendered at once (80 ms). Decoders wake up and caches are filled a quarter as often; rendering takes half the
CPU time that single blocks take. Stations take turns, so that each tick renders a quarter of them."""
