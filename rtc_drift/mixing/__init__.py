"""The joining of two tracks. Pure functions: no clock, no files, no event loop.

May import `library`, `stretching`, `analysis` and rooms below; not `selection` or `station`.
Begin with `plan_transition` in `plan`, then the styles: `gapless`, `beat_match`, and `blend` for the others.
"""

from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.plan import plan_skip, plan_transition

__all__ = ["MixTrack", "plan_skip", "plan_transition"]
