"""The music that plays when there is none: a synthesised demo library, with its ground truth for tests.

May import `analysis`, `audio` and `media`.
Begin with `specs` (the tracks), then `arrange` (a spec becomes a score) and `synthesis` (a score becomes sound).
"""

from rtc_drift.demo.files import missing, write
from rtc_drift.demo.ground_truth import DemoTruth, truth
from rtc_drift.demo.specs import DEMO, TrackSpec
from rtc_drift.demo.synthesis import render

__all__ = ["DEMO", "DemoTruth", "TrackSpec", "missing", "render", "truth", "write"]
