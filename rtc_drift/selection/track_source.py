"""What a autodj needs of the rest of the house."""

from collections.abc import Collection, Sequence
from typing import Protocol

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.normalisation import Normalisation
from rtc_drift.library.track import Track


class TrackSource(Protocol):
    """What a autodj needs of the library: records to choose from."""

    @property
    def loved(self) -> Collection[str]: ...
    @property
    def normalisation(self) -> Normalisation: ...
    def playable(self) -> Sequence[Track]: ...
    def get(self, track_id: str) -> Track | None: ...
    def analysis(self, track_id: str) -> Analysis | None: ...
    def mark_unplayable(self, track: Track, reason: str, *, lasting: bool = True) -> None: ...
