"""Search for tracks by words, cheap enough for every keystroke."""

import unicodedata
from collections.abc import Sequence

from rtc_drift.library.track import Track
from rtc_drift.workers.threads import Threads

MAX_WORDS = 8


class Search:
    """A search that is prepared once per sequence of tracks. A sequence must not change afterwards."""

    def __init__(self, planning: Threads) -> None:
        self._planning = planning
        self._tracks: Sequence[Track] = ()
        self._prepared: list[tuple[str, Track]] = []

    async def find(self, tracks: Sequence[Track], query: str) -> list[Track]:
        """Return the tracks whose title, artist or album contain every word, by artist, album and number.

        Case and accents don't matter; of many words the eight longest count. A thread prepares the search, so that the
        event loop stays free; cancelling wastes that work.
        """
        if tracks is not self._tracks:
            prepared = await self._planning.run(_prepare, tracks)
            self._tracks, self._prepared = tracks, prepared
        else:
            prepared = self._prepared
        words = sorted(dict.fromkeys(folded(query).split()), key=len, reverse=True)  # longest first: likely the rarest
        for word in words[:MAX_WORDS]:
            prepared = [entry for entry in prepared if word in entry[0]]
        return [track for _, track in prepared]


def folded(text: str) -> str:
    """Return text without capitals and accents, so that `beyonce` finds `Beyoncé` and the other way round."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))


def _prepare(tracks: Sequence[Track]) -> list[tuple[str, Track]]:
    texts, keys = list[str](), list[str]()
    for track in tracks:
        artist, album = folded(track.artist), folded(track.album)
        texts.append(f"{folded(track.title)}\n{artist}\n{album}")
        keys.append(f"{artist}\0{album}\0{track.track_number or 0:04}\0{track.title}")
    # Sorting holds the GIL: a few milliseconds for plain strings, three times as long for tuples.
    return [(texts[position], tracks[position]) for position in sorted(range(len(tracks)), key=keys.__getitem__)]
