"""The demo library: synthesised music for those who have none at hand, with its ground truth for tests."""

from rtc_drift.demo.files import missing, write
from rtc_drift.demo.ground_truth import DemoTruth, truth
from rtc_drift.demo.specs import DEMO, TrackSpec
from rtc_drift.demo.synthesis import render

__all__ = ["DEMO", "DemoTruth", "TrackSpec", "missing", "render", "truth", "write"]
