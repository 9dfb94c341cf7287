"""The interface between the DJ and whatever plays its programme: `Playout` live, `OfflineTimeline` in a rendering."""

from collections.abc import Sequence
from typing import Protocol

from rtc_drift.engine.protocol.plays import Play


class Timeline(Protocol):
    """The time of a programme, and where its plays go. All times are media times."""

    @property
    def running(self) -> bool:
        """True while media time advances."""

    @property
    def horizon(self) -> int:
        """The media time before which plans can't change anything."""

    def now(self) -> int:
        """Return the present media time."""

    def set_plays(self, plays: Sequence[Play]) -> None:
        """Replace all plays."""

    def is_ready(self, play_id: int) -> bool:
        """Return True if the first samples of a play are decoded."""
