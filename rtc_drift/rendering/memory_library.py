"""The library of a rendering, in memory. Changes, such as loves and broken files, are not saved."""

import logging
from collections.abc import Callable, Iterable, Mapping

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.normalisation import Normalisation, album_loudness
from rtc_drift.library.track import Track, legible
from rtc_drift.media import TARGET_LUFS
from rtc_drift.selection.feature_space import EMPTY, FeatureSpace, space_of

logger = logging.getLogger(__name__)


class MemoryLibrary:
    """Tracks in the order of their ids, and their feature space."""

    def __init__(
        self,
        tracks: Iterable[Track],
        analyses: Mapping[str, Analysis],
        *,
        whole_analysis: Callable[[str], Analysis | None] | None = None,
        loved: Iterable[str] = (),
        target_lufs: float = TARGET_LUFS,
        album_balance: bool = False,
    ) -> None:
        """Make a library; it keeps a reference to `analyses`.

        Args:
            tracks: the tracks, in any order.
            analyses: the analyses by track id; they may lack beats and curves.
            whole_analysis: returns the analysis of a track id with beats and curves; by default that in `analyses`.
            loved: ids of the loved tracks.
            target_lufs: loudness of every track.
            album_balance: keep relative loudness within an album.
        """
        self._tracks = {track.id: track for track in sorted(tracks, key=lambda track: track.id)}
        self._analyses = analyses
        self._whole_analysis = whole_analysis or analyses.get
        self._loved = set(loved)
        self._target_lufs, self._album_balance = target_lufs, album_balance
        self._normalisation: Normalisation | None = None
        self._space: FeatureSpace | None = None

    @property
    def loved(self) -> set[str]:
        """Ids of the loved tracks."""
        return self._loved

    @property
    def normalisation(self) -> Normalisation:
        """The gains that bring tracks to the target loudness."""
        if self._normalisation is None:
            albums = album_loudness(self._tracks.values()) if self._album_balance else {}
            self._normalisation = Normalisation(self._target_lufs, albums)
        return self._normalisation

    @property
    def space(self) -> FeatureSpace:
        """The feature space of all tracks: built once, and again after a track turned out to be broken."""
        if self._space is None:
            is_analysed = any(track_id in self._analyses for track_id in self._tracks)
            self._space = space_of(self._tracks.values(), self._analyses) if is_analysed else EMPTY
        return self._space

    def playable(self) -> tuple[Track, ...]:
        """Return all tracks that can be played."""
        return tuple(self._tracks.values())

    def get(self, track_id: str) -> Track | None:
        """Return the track of an id; None if there is none that can be played."""
        return self._tracks.get(track_id)

    def analysis(self, track_id: str) -> Analysis | None:
        """Return the analysis of a track, with beats and curves; None if it is not analysed."""
        return self._whole_analysis(track_id)

    def has_analysis_at_hand(self, track_id: str) -> bool:
        """Return True if a track is analysed: reading it takes as long as it takes."""
        return track_id in self._analyses

    def mark_unplayable(self, track: Track, reason: str, *, lasting: bool = True, position: int | None = None) -> None:
        """Exclude a track whose playback failed. The catalogue does not change: the next rendering must be the same."""
        if self._tracks.pop(track.id, None) is not None:
            self._normalisation = self._space = None
            logger.warning("%s is skipped: %s", legible(track.path), reason)
