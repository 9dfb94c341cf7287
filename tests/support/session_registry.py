"""A session registry on a fake library and a fake engine."""

import asyncio
from typing import Any

from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.sessions import Sessions
from rtc_drift.station.sources import Sources
from tests.support.fakes import FakeEngine, FakeLibrary
from tests.support.music import make_tracks


def make_sessions(engine: FakeEngine | None = None, library: FakeLibrary | None = None, **options: Any) -> Sessions:
    """Make a registry; by default with a library of nine tracks. `options` go to `Sessions`."""
    tracks = library or FakeLibrary(*make_tracks(9))
    send = (engine or FakeEngine()).send
    return Sessions(tracks, Sources(tracks), TickClock(0), send, **options)  # type: ignore[arg-type]


async def run_due_tasks() -> None:
    """Give the tasks of all stations a few turns of the event loop."""
    for _ in range(4):
        await asyncio.sleep(0)
