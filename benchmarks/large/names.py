"""Made-up tags that look like those of a music collection: a few words are everywhere, most are rare."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

COMMON = (
    *("the", "of", "love", "you", "a", "in", "my", "to", "me", "night", "blue", "time", "home", "heart", "rain"),
    *("light", "fire", "dream", "dance", "moon", "on", "and", "your", "song", "river", "midnight", "yesterday"),
)
"""The most frequent words, which the searches of the bench ask for."""
GENRES = ("Rock", "Jazz", "Electronic", "Hip Hop", "Classical", "Folk", "Ambient", "Soul", "Metal", "Bossa Nova")
WORDS = 12_000
"""Number of different words."""
TRACKS_PER_ARTIST = 10
TRACKS_PER_ALBUM = 8
_STARTS = ("b", "br", "c", "ch", "d", "dr", "f", "g", "gl", "h", "j", "k", "l", "m", "n", "p", "pr", "r", "s", "st")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "ou", "é", "ö", "ü", "ñi")
_VOWEL_SHARES = np.array((18, 18, 16, 16, 10, 5, 5, 5, 3, 2, 1, 1)) / 100
_ENDS = ("", "", "n", "r", "s", "l", "t", "m", "nd", "ck")


class Tags(NamedTuple):
    """The tags of a track."""

    artist: str
    album: str
    track_number: int
    title: str
    genre: str
    year: int


def make_tags(count: int, rng: np.random.Generator) -> list[Tags]:
    """Make the tags of `count` tracks, album by album. No two tracks of an album have the same number."""
    vocabulary = _Vocabulary(rng)
    artists = _unique(vocabulary.names(max(1, count // TRACKS_PER_ARTIST), most_words=3))
    albums = vocabulary.names(max(1, count // TRACKS_PER_ALBUM), most_words=4)
    of_artist = np.concatenate((np.arange(len(artists)), rng.integers(0, len(artists), len(albums))))[: len(albums)]
    # One artist has no two albums of the same name.
    keys = _unique([f"{artist}\0{name}" for artist, name in zip(of_artist, albums, strict=True)])
    albums = [key.partition("\0")[2] for key in keys]
    years, genres = rng.integers(1960, 2026, len(albums)), rng.integers(0, len(GENRES), len(albums))
    titles = vocabulary.names(count, most_words=5)
    of_album = np.sort(rng.integers(0, len(albums), count))
    number_in_album = np.arange(count) - np.searchsorted(of_album, of_album) + 1
    return [
        Tags(artists[of_artist[album]], albums[album], int(number), title, GENRES[genres[album]], int(years[album]))
        for album, number, title in zip(of_album.tolist(), number_in_album, titles, strict=True)
    ]


class _Vocabulary:
    """Words by rank; the probability of a word falls with its rank, as in any language (Zipf)."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        rare = [self._word() for _ in range(WORDS - len(COMMON))]
        self._words = np.array([*COMMON, *dict.fromkeys(rare)], object)
        shares = 1 / (np.arange(len(self._words)) + 2.7)
        self._shares = shares / shares.sum()

    def names(self, count: int, most_words: int) -> list[str]:
        """Return names of one to `most_words` words each, in title case."""
        lengths = self._rng.integers(1, most_words + 1, count)
        words: NDArray[np.object_] = self._rng.choice(self._words, int(lengths.sum()), p=self._shares)
        ends = np.cumsum(lengths)
        return [" ".join(words[end - length : end]).title() for end, length in zip(ends, lengths, strict=True)]

    def _word(self) -> str:
        rng = self._rng
        syllables = rng.integers(1, 4)
        return "".join(
            _STARTS[rng.integers(len(_STARTS))]
            + _VOWELS[np.searchsorted(np.cumsum(_VOWEL_SHARES), rng.random(), side="right").clip(max=11)]
            + _ENDS[rng.integers(len(_ENDS))]
            for _ in range(syllables)
        )


def _unique(names: list[str]) -> list[str]:
    """Add a number to each name that was there before."""
    seen = dict[str, int]()
    unique = list[str]()
    for name in names:
        times = seen[name] = seen.get(name, 0) + 1
        unique.append(name if times == 1 else f"{name} {times}")
    return unique
