"""A programme rendered offline, faster than real time: what the server would play with the same seed."""

from rtc_drift.rendering.memory_library import Collection
from rtc_drift.rendering.render import render_programme
from rtc_drift.rendering.render_log import Journal
from rtc_drift.rendering.script import Order

__all__ = ["Collection", "Journal", "Order", "render_programme"]
