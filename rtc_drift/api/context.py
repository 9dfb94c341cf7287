"""What request handlers may use, and how they find it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from rtc_drift.delivery.direct import DirectDelivery
from rtc_drift.dj.navigator.space import Space
from rtc_drift.engines import Engines
from rtc_drift.keeper import Keeper
from rtc_drift.library.library import Library
from rtc_drift.metrics import Metrics
from rtc_drift.session import Session
from rtc_drift.sessions import Sessions
from rtc_drift.signaling import Listeners
from rtc_drift.stretching.preparer import Preparer


@dataclass(frozen=True, slots=True)
class Context:
    """The service as its HTTP door sees it."""

    library: Library
    chart: Callable[[], Space]
    """The library as the navigator sees it."""
    sessions: Sessions
    listeners: Listeners
    metrics: Metrics
    engine: Engines
    direct: DirectDelivery | None
    """The shared UDP port, where there is one."""
    keeper: Keeper
    preparer: Preparer
    """Who renders tracks at other tempi."""
    frontend: Path
    max_event_readers: int
    """Of each programme."""


CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)


def context(request: web.Request) -> Context:
    """The service behind this request."""
    return request.app[CONTEXT]


def session_of(request: web.Request) -> Session:
    """The session named in the path. Raises NoSuchSessionError."""
    session = context(request).sessions.find(request.match_info["session_id"])
    session.touch()
    return session
