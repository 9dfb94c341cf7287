"""Tracks that are left alone for a while: reading them failed, and may well go better later."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from rtc_drift.library.track import Track

COOL_DOWN_SECONDS = 300.0


class Cooldown:
    """Tracks by id, each given back by `wake` after `seconds`, or all at once."""

    def __init__(self, seconds: float, wake: Callable[[list[Track]], None]) -> None:
        self._seconds = seconds
        self._wake = wake
        self._tracks: dict[str, tuple[Track, asyncio.TimerHandle]] = {}

    def __contains__(self, track_id: object) -> bool:
        return track_id in self._tracks

    def tracks(self) -> list[Track]:
        """All of them."""
        return [track for track, _ in self._tracks.values()]

    def add(self, track: Track) -> None:
        """Let it rest from now on."""
        self.drop(track.id)
        alarm = asyncio.get_running_loop().call_later(self._seconds, self._end, track)
        self._tracks[track.id] = track, alarm

    def drop(self, track_id: str) -> None:
        """Forget a track if it rests."""
        if known := self._tracks.pop(track_id, None):
            known[1].cancel()

    def drop_under(self, root: Path) -> None:
        """Forget the tracks of a folder."""
        for track in self.tracks():
            if track.path.is_relative_to(root):
                self.drop(track.id)

    def wake_all(self) -> None:
        """Give all back now."""
        tracks = self.tracks()
        self.clear()
        if tracks:
            self._wake(tracks)

    def clear(self) -> None:
        """Forget all."""
        for _, alarm in self._tracks.values():
            alarm.cancel()
        self._tracks.clear()

    def _end(self, track: Track) -> None:
        self.drop(track.id)
        self._wake([track])
