"""The sources that stations play from and share: the tracks, the space they span, stretched intros and plans."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rtc_drift.selection.feature_space import EMPTY, FeatureSpace, SpaceSource
from rtc_drift.selection.track_source import TrackSource
from rtc_drift.station.planning import Planning
from rtc_drift.stretching.warp import Warp
from rtc_drift.workers.threads import Threads


class LeadSource(Protocol):
    """Renders stretched intros for all stations: `LeadCache`."""

    async def prepare(self, path: Path, warp: Warp) -> Path | None:
        """Render the stretched intro of a file. Return the file it is in, to be released; None if it failed."""

    def release(self, path: Path) -> None:
        """Give back a file that `prepare` returned."""


@dataclass(frozen=True, slots=True)
class FixedSpace:
    """A space that never changes; by default one without tracks, where nothing was analysed."""

    space: FeatureSpace = EMPTY


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of one station, or of all."""

    tracks: TrackSource
    spaces: SpaceSource = FixedSpace()
    leads: LeadSource | None = None
    """None: no track is played at another's tempo."""
    planning: Planning | None = None
    """Makes plans in a thread; None: they are made at once."""
    taken: Callable[[], Collection[str]] | None = None
    """Returns the tracks that other stations play or begin with; None: what they play makes no difference."""
    exploring: Threads = field(default_factory=lambda: Threads("exploring", 1))
    """Threads that find the open directions."""
