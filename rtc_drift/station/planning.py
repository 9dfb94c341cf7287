"""Has transitions planned for all stations, in a thread of its own: the event loop must not stand still for it."""

import asyncio
import logging

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.track import Track
from rtc_drift.mixing import MixTrack
from rtc_drift.selection.track_source import TrackSource
from rtc_drift.station.mix_tracks import MixTracks
from rtc_drift.station.plan_requests import Plan, PlanRequest
from rtc_drift.workers.threads import Threads, ThreadsClosedError

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 10.0
"""Longest time to wait for a plan, on a disk that hangs, for example."""


class Planning:
    """The planning of all stations. What fails is counted, and logged once; the programme then stays as it is."""

    def __init__(self, tracks: TrackSource, threads: Threads | None = None) -> None:
        """Plan for tracks of this source in `threads`; without them, only at once."""
        self._tracks = tracks
        self._threads = threads
        self._mix_tracks = MixTracks()
        self._logged = set[str]()
        self.failures = 0
        """Number of plans that failed."""

    @property
    def is_at_once(self) -> bool:
        """True if there is no thread for it: every plan is made where it is needed."""
        return self._threads is None

    def mix_track(self, track: Track) -> MixTrack:
        """Return a track as the mixing sees it, with its analysis if that can be had at once."""
        return self._mix_tracks.of(track, self._tracks.analysis(track.id))

    async def plan(self, request: PlanRequest) -> Plan | None:
        """Return the plan that answers a request; None if there is none, or it failed."""
        assert self._threads is not None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                analyses = {track.id: await self._tracks.read_analysis(track.id) for track in request.tracks}
                return await self._threads.run(self._plan, request, analyses)
        except ThreadsClosedError:
            return None
        except TimeoutError:
            self._failed(f"A transition was not planned within {PATIENCE_SECONDS:.0f} seconds: the disk may hang.")
        except Exception as error:
            self._failed(f"A transition can't be planned ({type(error).__name__}).", error)
        return None

    def _plan(self, request: PlanRequest, analyses: dict[str, Analysis | None]) -> Plan | None:
        return request.plan(lambda track: self._mix_tracks.of(track, analyses[track.id]))

    def _failed(self, sentence: str, error: Exception | None = None) -> None:
        self.failures += 1
        if sentence not in self._logged:
            self._logged.add(sentence)
            logger.warning("%s", sentence, exc_info=error)
