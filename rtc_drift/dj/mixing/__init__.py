"""How one track gives way to the next: pure functions of two analyses."""

from rtc_drift.dj.mixing.choose import plan_transition
from rtc_drift.dj.mixing.command import plan_skip
from rtc_drift.dj.mixing.side import Side

__all__ = ["Side", "plan_skip", "plan_transition"]
