"""A programme rendered offline, faster than real time: what the server would play with the same seed."""

from rtc_drift.rendering.collection import Collection
from rtc_drift.rendering.journal import Journal
from rtc_drift.rendering.orders import Order
from rtc_drift.rendering.render import render_programme

__all__ = ["Collection", "Journal", "Order", "render_programme"]
