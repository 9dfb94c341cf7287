"""How one track gives way to the next: pure functions of two analyses."""

from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.plan import plan_skip, plan_transition

__all__ = ["MixTrack", "plan_skip", "plan_transition"]
