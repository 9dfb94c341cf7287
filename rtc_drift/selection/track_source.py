"""The interface of the library that choices need. `Library` and `MemoryLibrary` implement it."""

from collections.abc import Collection
from typing import Protocol

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.normalisation import Normalisation
from rtc_drift.library.track import Track
from rtc_drift.library.track_table import TrackTable


class TrackSource(Protocol):
    """A collection of tracks to choose from."""

    @property
    def loved(self) -> Collection[str]:
        """Ids of the loved tracks."""

    @property
    def normalisation(self) -> Normalisation:
        """The gains that bring tracks to the target loudness."""

    def playable(self) -> TrackTable:
        """Return all tracks that can be played."""

    def get(self, track_id: str) -> Track | None:
        """Return the track of an id; None if there is none that can be played."""

    def analysis(self, track_id: str) -> Analysis | None:
        """Return the analysis of a track, with beats and curves; None if it is not analysed or not read in time."""

    async def read_analysis(self, track_id: str) -> Analysis | None:
        """Read the analysis of a track, with beats and curves; None if it is not analysed or can't be read."""

    def has_analysis_at_hand(self, track_id: str) -> bool:
        """Return True if `analysis` would return the analysis of a track, without reading it first."""

    def mark_unplayable(self, track: Track, reason: str, *, lasting: bool = True, position: int | None = None) -> None:
        """Exclude a track whose playback failed, for `reason`, a sentence, at a `position` in its file (48 kHz).

        `lasting`: the file itself is at fault.
        """
