"""How loud a track is played."""

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
    """Where loudness is to lie (EBU R128), and what counts as a track's own."""

    target_lufs: float = TARGET_LUFS
    albums: Mapping[str, float] = field(default_factory=dict)
    """LUFS of the whole album, by track id, for tracks that keep their album's balance."""

    def gain(self, track: Track) -> float:
        """Linear gain that brings a track, or its album, to the target, within +12 and -24 dB.

        Silence is left alone: there is nothing to level, and the boost would only raise noise.
        """
        lufs = self.albums.get(track.id, track.integrated_lufs)
        if lufs <= _SILENCE_LUFS:
            return 1.0
        return amplitude(max(-MAX_CUT_DB, min(MAX_BOOST_DB, self.target_lufs - lufs)))


def album_loudness(tracks: Iterable[Track]) -> dict[str, float]:
    """LUFS of the album each track belongs to, by track id; of albums with two tracks or more in a folder.

    The mean power of the tracks' integrated loudness, by their length: what measuring the album in one go gives, but
    for its gating.
    """
    albums = defaultdict[tuple[str, Path], list[Track]](list)
    for track in tracks:
        if track.album and track.integrated_lufs > _SILENCE_LUFS:
            albums[track.album, track.path.parent].append(track)
    return {track.id: _mean_lufs(album) for album in albums.values() if len(album) > 1 for track in album}


def _mean_lufs(album: list[Track]) -> float:
    power = sum(track.duration_seconds * 10 ** (track.integrated_lufs / 10) for track in album)
    return 10 * math.log10(power / sum(track.duration_seconds for track in album))
