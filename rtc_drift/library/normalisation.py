"""Loudness normalisation: the gain at which a track is played."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rtc_drift.library.track import Track
from rtc_drift.media import TARGET_LUFS, amplitude

MAX_BOOST_DB = 12.0
MAX_CUT_DB = 24.0
_SILENCE_LUFS = -60.0


@dataclass(frozen=True)
class Normalisation:
    """A target loudness (EBU R128), and the albums whose balance is kept."""

    target_lufs: float = TARGET_LUFS
    """Loudness of every track, or of every album, when played."""
    albums: Mapping[str, float] = field(default_factory=dict)
    """Loudness of the whole album in LUFS, by track id, for tracks that keep their album's balance."""

    def gain(self, track: Track) -> float:
        """Return the linear gain that brings a track, or its album, to the target, from -24 to +12 dB.

        Silence keeps its level: a boost would only raise noise.
        """
        lufs = self.albums.get(track.id, track.integrated_lufs)
        if lufs <= _SILENCE_LUFS:
            return 1.0
        return amplitude(max(-MAX_CUT_DB, min(MAX_BOOST_DB, self.target_lufs - lufs)))


def album_loudness(tracks: Iterable[Track]) -> dict[str, float]:
    """Return the loudness in LUFS of each track's album, by track id, for albums with two or more tracks in a folder.

    It is the mean power of the tracks' integrated loudness, weighted by length. Measuring the album as a whole gives
    the same, except for the gating.
    """
    albums = defaultdict[tuple[str, Path], list[Track]](list)
    for track in tracks:
        if track.album and track.integrated_lufs > _SILENCE_LUFS:
            albums[track.album, track.path.parent].append(track)
    return {track.id: _mean_lufs(album) for album in albums.values() if len(album) > 1 for track in album}


def _mean_lufs(album: list[Track]) -> float:
    power = sum(track.duration_seconds * 10 ** (track.integrated_lufs / 10) for track in album)
    return 10 * math.log10(power / sum(track.duration_seconds for track in album))
