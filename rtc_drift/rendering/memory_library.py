"""The library of a rendering: in memory, and in an order of its own. What a rendering does to it stays there."""

import logging
from collections.abc import Callable, Iterable, Mapping

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.normalisation import Normalisation, album_loudness
from rtc_drift.library.track import Track, legible
from rtc_drift.media import TARGET_LUFS
from rtc_drift.selection.feature_space import EMPTY, FeatureSpace, space_of

logger = logging.getLogger(__name__)


class MemoryLibrary:
    """Tracks in the order of their ids, however they are handed in; and the space that is drawn of them."""

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
        """`analyses` by track id; `whole_analysis` gives one with beats and curves, where `analyses` are without.

        `target_lufs`, `album_balance`: see `Library`.
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
        """How loud tracks are to be played."""
        if self._normalisation is None:
            albums = album_loudness(self._tracks.values()) if self._album_balance else {}
            self._normalisation = Normalisation(self._target_lufs, albums)
        return self._normalisation

    @property
    def space(self) -> FeatureSpace:
        """All tracks as a space: drawn once, and again when one of them turned out to be broken."""
        if self._space is None:
            is_heard = any(track_id in self._analyses for track_id in self._tracks)
            self._space = space_of(self._tracks.values(), self._analyses) if is_heard else EMPTY
        return self._space

    def playable(self) -> tuple[Track, ...]:
        """What can be played."""
        return tuple(self._tracks.values())

    def get(self, track_id: str) -> Track | None:
        """The track of an id, if it can be played."""
        return self._tracks.get(track_id)

    def analysis(self, track_id: str) -> Analysis | None:
        """How a track sounds, with beats and curves, if it was listened to."""
        return self._whole_analysis(track_id)

    def mark_unplayable(self, track: Track, reason: str, *, lasting: bool = True) -> None:
        """Playing it failed: it is left out from now on. Only here, so that the next rendering is the same."""
        if self._tracks.pop(track.id, None) is not None:
            self._normalisation = self._space = None
            logger.warning("%s is left out: %s", legible(track.path), reason)
