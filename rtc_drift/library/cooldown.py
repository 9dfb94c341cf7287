"""The cooldown: tracks whose reading failed are left out for some minutes, then tried again."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from rtc_drift.library.track import Track

COOLDOWN_SECONDS = 300.0


class Cooldown:
    """Tracks by id. Each is released after `seconds`; `release_all` releases them at once."""

    def __init__(self, seconds: float, on_release: Callable[[list[Track]], None]) -> None:
        self._seconds = seconds
        self._on_release = on_release
        self._tracks: dict[str, tuple[Track, asyncio.TimerHandle]] = {}

    def __contains__(self, track_id: object) -> bool:
        return track_id in self._tracks

    def tracks(self) -> list[Track]:
        """Return all tracks in the cooldown."""
        return [track for track, _ in self._tracks.values()]

    def add(self, track: Track) -> None:
        """Start the cooldown of a track, or start it again."""
        self.remove(track.id)
        timer = asyncio.get_running_loop().call_later(self._seconds, self._release, track)
        self._tracks[track.id] = track, timer

    def remove(self, track_id: str) -> None:
        """Remove a track, if present, without releasing it."""
        if entry := self._tracks.pop(track_id, None):
            entry[1].cancel()

    def remove_under(self, root: Path) -> None:
        """Remove the tracks below a folder without releasing them."""
        for track in self.tracks():
            if track.path.is_relative_to(root):
                self.remove(track.id)

    def release_all(self) -> None:
        """Release all tracks now."""
        tracks = self.tracks()
        self.clear()
        if tracks:
            self._on_release(tracks)

    def clear(self) -> None:
        """Remove all tracks without releasing them."""
        for _, timer in self._tracks.values():
            timer.cancel()
        self._tracks.clear()

    def _release(self, track: Track) -> None:
        self.remove(track.id)
        self._on_release([track])
