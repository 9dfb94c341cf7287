"""Searching the tracks by words, cheap enough for every keystroke."""

import asyncio
import unicodedata
from collections.abc import Sequence

from rtc_drift.library.track import Track

MAX_WORDS = 8


class Search:
    """Prepared once for each sequence of tracks it is asked about, which must not change."""

    def __init__(self) -> None:
        self._tracks: Sequence[Track] = ()
        self._prepared: list[tuple[str, Track]] = []

    async def find(self, tracks: Sequence[Track], query: str) -> list[Track]:
        """The tracks whose title, artist or album holds every word, accents aside, by artist, album and number.

        LeadSource is left to a thread, so that the loop has other turns meanwhile; cancelling wastes that work.
        """
        if tracks is not self._tracks:
            prepared = await asyncio.to_thread(_prepare, tracks)
            self._tracks, self._prepared = tracks, prepared
        else:
            prepared = self._prepared
        words = sorted(dict.fromkeys(folded(query).split()), key=len, reverse=True)  # the rarest first, most likely
        for word in words[:MAX_WORDS]:
            prepared = [entry for entry in prepared if word in entry[0]]
        return [track for _, track in prepared]


def folded(text: str) -> str:
    """Text without capitals and accents: `Beyoncé` is found by `beyonce`, and the other way round."""
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
    # Sorting keeps the interpreter to itself: a few milliseconds for plain strings, three times that for tuples.
    return [(texts[position], tracks[position]) for position in sorted(range(len(tracks)), key=keys.__getitem__)]
