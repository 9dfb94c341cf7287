"""The demo library: synthesised music for those who have none at hand, with its ground truth for tests."""

from rtc_drift.library.demo.files import missing, write
from rtc_drift.library.demo.render import render
from rtc_drift.library.demo.specs import DEMO, TrackSpec
from rtc_drift.library.demo.truth import DemoTruth, truth

__all__ = ["DEMO", "DemoTruth", "TrackSpec", "missing", "render", "truth", "write"]
