"""Keeps tracks as the mixing sees them, since most are looked at again: as the next track, then as the present one."""

import threading

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.track import Track
from rtc_drift.mixing import MixTrack

MAX_KEPT = 48
"""Most tracks kept; each takes about 200 kB, with its analysis."""


class MixTracks:
    """The tracks that were mixed last, by id. Any thread may use it."""

    def __init__(self) -> None:
        self._kept: dict[str, MixTrack] = {}
        """The one used last comes last."""
        self._lock = threading.Lock()

    def of(self, track: Track, analysis: Analysis | None) -> MixTrack:
        """Return a track with an analysis as the mixing sees it; made anew if either has changed."""
        with self._lock:
            kept = self._kept.pop(track.id, None)
        if kept is None or kept.track != track or kept.analysis is not analysis:
            kept = MixTrack(track, analysis)
        with self._lock:
            self._kept[track.id] = kept
            if len(self._kept) > MAX_KEPT:
                del self._kept[next(iter(self._kept))]
        return kept
