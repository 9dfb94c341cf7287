"""Loudness normalisation: the gain at which a track is played."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rtc_drift.library.track import Track
from rtc_drift.library.track_table import TrackTable
from rtc_drift.media import TARGET_LUFS, amplitude

MAX_BOOST_DB = 12.0
MAX_CUT_DB = 24.0
_SILENCE_LUFS = -60.0


class AlbumLoudness:
    """The loudness of whole albums, for each track of an album with two or more tracks in a folder."""

    def __init__(self, tracks: TrackTable) -> None:
        """Measure the albums of some tracks: the mean power of the tracks' integrated loudness, weighted by length.

        Measuring each album as a whole gives the same, except for the gating. Tracks that come later have no album.
        """
        self._row_of = tracks.row_of
        columns = tracks.columns()
        rows = np.flatnonzero(columns.is_there & (columns.sides >= 0) & (columns.lufs > _SILENCE_LUFS))
        sides, seconds = columns.sides[rows], columns.durations[rows]
        energy = np.bincount(sides, seconds * 10 ** (columns.lufs[rows] / 10))
        with np.errstate(divide="ignore", invalid="ignore"):  # numbers of albums whose tracks are gone
            lufs = 10 * np.log10(energy / np.bincount(sides, seconds))
        self._lufs = np.full(len(columns), np.nan)
        self._lufs[rows] = np.where(np.bincount(sides)[sides] > 1, lufs[sides], np.nan)

    def get(self, track_id: str) -> float | None:
        """Return the loudness of a track's album in LUFS; None if it has no album with others."""
        row = self._row_of(track_id)
        lufs = float(self._lufs[row]) if row is not None and row < len(self._lufs) else np.nan
        return None if np.isnan(lufs) else lufs


@dataclass(frozen=True)
class Normalisation:
    """A target loudness (EBU R128), and the albums whose balance is kept."""

    target_lufs: float = TARGET_LUFS
    """Loudness of every track, or of every album, when played."""
    albums: AlbumLoudness | None = None
    """Albums of the tracks that keep their album's balance."""

    def gain(self, track: Track) -> float:
        """Return the linear gain that brings a track, or its album, to the target, from -24 to +12 dB.

        Silence keeps its level: a boost would only raise noise.
        """
        album = None if self.albums is None else self.albums.get(track.id)
        lufs = track.integrated_lufs if album is None else album
        if lufs <= _SILENCE_LUFS:
            return 1.0
        return amplitude(max(-MAX_CUT_DB, min(MAX_BOOST_DB, self.target_lufs - lufs)))


class Normaliser:
    """Makes the normalisation of the tracks that there are, anew after they have changed."""

    def __init__(self, tracks: Callable[[], TrackTable], target_lufs: float, *, album_balance: bool) -> None:
        """Make it for the tracks that `tracks` returns; with `album_balance`, albums keep their balance."""
        self._tracks = tracks
        self._target_lufs, self._album_balance = target_lufs, album_balance
        self._latest = Normalisation(target_lufs)
        self._measured: tuple[TrackTable, int] | None = None
        """The tracks that the latest normalisation knows, and the number of their changes by then."""

    @property
    def latest(self) -> Normalisation:
        """Normalisation of the present tracks."""
        tracks = self._tracks()
        if self._album_balance and (
            self._measured is None or self._measured[0] is not tracks or self._measured[1] != tracks.changes
        ):
            self._measured = tracks, tracks.changes
            self._latest = Normalisation(self._target_lufs, AlbumLoudness(tracks))
        return self._latest
