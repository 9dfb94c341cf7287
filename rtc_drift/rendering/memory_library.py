"""The library of a rendering, in memory. Changes, such as loves and broken files, are not saved."""

import logging
from collections.abc import Callable, Iterable

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.analysed import Analysed
from rtc_drift.library.normalisation import Normalisation, Normaliser
from rtc_drift.library.track import Track, legible
from rtc_drift.library.track_table import TrackTable
from rtc_drift.media import TARGET_LUFS
from rtc_drift.selection.feature_space import EMPTY, FeatureSpace, space_of

logger = logging.getLogger(__name__)


class MemoryLibrary:
    """Some tracks, and their feature space."""

    def __init__(
        self,
        tracks: TrackTable,
        analysed: Analysed,
        *,
        whole_analysis: Callable[[str], Analysis | None],
        loved: Iterable[str] = (),
        target_lufs: float = TARGET_LUFS,
        album_balance: bool = False,
    ) -> None:
        """Make a library, which takes over the table of its tracks.

        Args:
            tracks: the tracks, in any order.
            analysed: the numbers of those that are analysed.
            whole_analysis: returns the analysis of a track id with beats and curves.
            loved: ids of the loved tracks.
            target_lufs: loudness of every track.
            album_balance: keep relative loudness within an album.
        """
        self._tracks = tracks
        self._analysed = analysed
        self._whole_analysis = whole_analysis
        self._loved = set(loved)
        self._normaliser = Normaliser(self.playable, target_lufs, album_balance=album_balance)
        self._space: FeatureSpace | None = None

    @property
    def loved(self) -> set[str]:
        """Ids of the loved tracks."""
        return self._loved

    @property
    def normalisation(self) -> Normalisation:
        """The gains that bring tracks to the target loudness."""
        return self._normaliser.latest

    @property
    def space(self) -> FeatureSpace:
        """The feature space of all tracks: built once, and again after a track turned out to be broken."""
        if self._space is None:
            self._space = space_of(self._tracks.columns(), self._analysed.columns())
            if not self._space.is_analysed.any():
                self._space = EMPTY
        return self._space

    def playable(self) -> TrackTable:
        """Return all tracks that can be played."""
        return self._tracks

    def get(self, track_id: str) -> Track | None:
        """Return the track of an id; None if there is none that can be played."""
        return self._tracks.get(track_id)

    def analysis(self, track_id: str) -> Analysis | None:
        """Return the analysis of a track, with beats and curves; None if it is not analysed."""
        return self._whole_analysis(track_id)

    async def read_analysis(self, track_id: str) -> Analysis | None:
        """Return the analysis of a track, with beats and curves; None if it is not analysed."""
        return self._whole_analysis(track_id)

    def has_analysis_at_hand(self, track_id: str) -> bool:
        """Return True if a track is analysed: reading it takes as long as it takes."""
        return track_id in self._analysed

    def mark_unplayable(self, track: Track, reason: str, *, lasting: bool = True, position: int | None = None) -> None:
        """Exclude a track whose playback failed. The catalogue does not change: the next rendering must be the same."""
        if self._tracks.pop(track.id, None) is not None:
            self._space = None
            logger.warning("%s is skipped: %s", legible(track.path), reason)
