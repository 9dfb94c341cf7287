"""The joining of two tracks. Pure functions: no clock, no files, no event loop.

May import `library`, `stretching`, `analysis` and rooms below; not `selection` or `station`.
Begin with `plan_transition` in `plan`, then the styles: `gapless`, `beat_match`, and `blend` for the others.
"""

from rtc_drift.mixing.mix_track import MixTrack
from rtc_drift.mixing.plan import plan_transition
from rtc_drift.mixing.skip import plan_cut_instead, plan_matched_skip, plan_skip

__all__ = ["MixTrack", "plan_cut_instead", "plan_matched_skip", "plan_skip", "plan_transition"]
