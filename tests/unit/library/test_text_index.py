"""The index of all texts: what is found, and in which order."""

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rtc_drift.library.folded_texts import FoldedTexts
from rtc_drift.library.text_index import MAX_WORDS, TextIndex
from rtc_drift.library.track import Track
from rtc_drift.library.track_table import TrackTable
from tests.support import music

WORDS = (
    "the",
    "a",
    "love",
    "lové",
    "Love\u0301",
    "me",
    "yesterday",
    "Beatles",
    "straße",
    "STRASSE",
    "東京",
    "事変",
    "🎵",
)
SIGNS = "ab Eé\u0301\u0308ß東🎵—“«「.'-\0\n\t\u3000ﬁİΣς가\udc80\U0010ffff"
texts = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join),
    st.text(SIGNS, max_size=6),
    st.text("ab", min_size=7, max_size=20),
    st.text(max_size=4),
)
alike = st.lists(st.sampled_from(("a", "ab", "b", "bab", "the", "«a", "—b", "。a", "é")), max_size=4).map(" ".join)
"""Texts of so few words that one track often matches in several ways."""


def make_track(number: int, title: str, artist: str = "", album: str = "", track_number: int | None = None) -> Track:
    texts = {"title": title, "artist": artist, "album": album, "track_number": track_number}
    return music.make_track(number).model_copy(update=texts)


def index_of(*tracks: Track) -> TextIndex:
    return TextIndex.of(TrackTable(tracks).texts())


def plain(text: str) -> str:
    """Fold a text one character at a time."""
    decomposed = unicodedata.normalize("NFKD", text.replace("\0", " ").replace("\n", " ").casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def is_of_word(character: str) -> bool:
    """Return False for the signs that separate words."""
    signs = ((0x80, 0xBF), (0x2000, 0x203F), (0x3000, 0x303F))
    code = ord(character)
    return character.isalnum() if code < 0x80 else not any(low <= code <= high for low, high in signs)


def fit(word: str, fields: Sequence[str]) -> int:
    """Return 0 to 2 for a word at the beginning of a word of title, artist or album; 3 to 5 inside; 6 nowhere."""
    begins = [
        any(text[at:].startswith(word) and (at == 0 or not is_of_word(text[at - 1])) for at in range(len(text)))
        for text in fields
    ]
    return [*begins, *(word in text for text in fields), True].index(True)


def rank(fields: Sequence[str], words: Sequence[str]) -> int | None:
    """Return the rank of a track for a query, as its description says; None if it does not match."""
    counting = sorted(dict.fromkeys(words), key=len, reverse=True)[:MAX_WORDS]
    worst = max(fit(word, fields) for word in counting)
    if worst == 6:
        return None
    phrase = " ".join(words)
    title = fields[0]
    ranks = [(7, 9, 10, 11, 12, 13)[worst]]
    ranks += [place for place, text in enumerate(fields) if text in (phrase, f"the {phrase}")]
    ranks += [3 + place for place, text in enumerate(fields) if text.startswith((phrase, f"the {phrase}"))]
    for place in range(1, len(words) if len(words) <= MAX_WORDS else 0):
        first, last = " ".join(words[:place]), " ".join(words[place:])
        ranks += [6] * (title in (first, last, f"the {first}", f"the {last}"))
        ranks += [8] * title.startswith((last, f"the {last}"))
    return min(ranks)


def found_one_by_one(tracks: Sequence[Track], query: str, loved: set[str], played: set[str]) -> list[str]:
    words = plain(query).split()
    keys = list[tuple[Any, str]]()
    for track in tracks:
        fields = (plain(track.title), plain(track.artist), plain(track.album))
        place = (fields[1], fields[2], track.track_number or 0, fields[0], track.id)
        if not words:
            keys.append((place, track.id))
        elif (ranked := rank(fields, words)) is not None:
            keys.append(((ranked, track.id not in loved, track.id not in played, *place), track.id))
    return [track_id for _, track_id in sorted(keys)]


@st.composite
def searches(draw: st.DrawFn) -> tuple[list[tuple[str, str, str, int]], str]:
    """Draw the texts of tracks, and a query that is made of parts of them, more often than not."""
    kind = draw(st.sampled_from((texts, alike)))
    contents = draw(st.lists(st.tuples(kind, kind, kind, st.integers(0, 2)), max_size=12))
    words = [word for row in contents for text in row[:3] for word in plain(text).split()] or ["nothing"]
    part = st.builds(
        lambda word, begin, end: word[begin:end],
        st.sampled_from(words),
        st.just(0) | st.just(1),
        st.sampled_from((1, 2, 9)),
    )
    query = st.lists(st.sampled_from(words) | part, min_size=1, max_size=10).map(" ".join)
    few = st.lists(st.sampled_from(words), min_size=1, max_size=3).map(" ".join)
    return contents, draw(st.one_of(few, query, kind))


@given(
    search=searches(),
    loved=st.sets(st.integers(0, 12), max_size=6),
    played=st.sets(st.integers(0, 12), max_size=6),
    limit=st.integers(1, 14),
    dense=st.booleans(),
)
@settings(max_examples=250, deadline=None)
def test_the_index_finds_and_orders_as_a_search_of_one_by_one_does(
    search: tuple[list[tuple[str, str, str, int]], str],
    loved: set[int],
    played: set[int],
    limit: int,
    dense: bool,
) -> None:
    contents, query = search
    tracks = [make_track(number * 7 % 13, *row[:3], row[3] or None) for number, row in enumerate(contents)]
    loved_ids, played_ids = {f"{number:016x}" for number in loved}, {f"{number:016x}" for number in played}
    expected = found_one_by_one(tracks, query, loved_ids, played_ids)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rtc_drift.library.folded_texts.SLICE", 5)
        patch.setattr("rtc_drift.library.folded_texts.DENSE_SHARE", 64 if dense else 0)
        index = index_of(*tracks)
        found = index.find(query, limit, loved_ids, played_ids)
    assert (found.ids, found.total) == (expected[:limit], len(expected))
    assert len(index) == len(tracks)


@given(pairs=st.lists(st.tuples(texts, texts), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_track_is_found_by_any_part_of_any_word(pairs: list[tuple[str, str]]) -> None:
    tracks = [make_track(number, "", *names) for number, names in enumerate(pairs)]
    index = index_of(*tracks)
    for track in tracks:
        for part in plain(f"{track.artist} {track.album}").split():
            for query in (part, part[1:], part[:-1], part[len(part) // 2 :][:1]):
                assert track.id in index.find(query, 8).ids


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("queen", ["Queen", "Bohemian Rhapsody", "Queen of Hearts", "Dancing Queen", "Oqueena"]),
        ("beatles", ["Hey Jude", "Yesterday", "Beatles Medley", "My Yesterday, Beatles", "Tribute to the Beatles"]),
        ("beatles yesterday", ["Yesterday", "My Yesterday, Beatles"]),
        ("yesterday beat", ["Yesterday", "My Yesterday, Beatles"]),
        ("beatles hey ju", ["Hey Jude"]),
        ("yesterday", ["Yesterday", "My Yesterday, Beatles", "Only Yesterday"]),
    ],
)
def test_the_best_comes_first(query: str, expected: list[str]) -> None:
    tracks = (
        make_track(1, "Oqueena", "Z"),
        make_track(2, "Dancing Queen", "ABBA"),
        make_track(3, "Queen of Hearts", "Juice Newton"),
        make_track(4, "Bohemian Rhapsody", "Queen"),
        make_track(5, "Queen", "Perfume Genius"),
        make_track(6, "Tribute to the Beatles", "Anyone"),
        make_track(7, "Beatles Medley", "Stars on 45"),
        make_track(8, "Yesterday", "The Beatles"),
        make_track(9, "Hey Jude", "The Beatles"),
        make_track(10, "Only Yesterday", "Carpenters"),
        make_track(11, "My Yesterday, Beatles", "Anyone"),
    )
    titles = {track.id: track.title for track in tracks}
    assert [titles[it] for it in index_of(*tracks).find(query, 9).ids] == expected


@pytest.mark.parametrize("sign", " (-'«¿—“。「")
def test_words_begin_after_signs(sign: str) -> None:
    index = index_of(make_track(1, "glove"), make_track(2, f"one{sign}love"))
    assert index.find("love", 9).ids == [f"{2:016x}", f"{1:016x}"]


def test_loved_and_played_tracks_come_first_among_equals_whatever_other_ids_are_named() -> None:
    tracks = [make_track(number, "Love", f"Artist {number}") for number in range(1, 6)]
    ids = [track.id for track in tracks]
    index = index_of(*tracks, make_track(6, "Lovely"))
    damaged = ["", "x" * 16, " " * 16, "12345678 9abcdef", "0" * 15, "f" * 16]
    assert index.find("love", 9).ids == [*ids, f"{6:016x}"]
    found = index.find("love", 9, loved=[*damaged, ids[3], f"{6:016x}"], played=(ids[3], *damaged, ids[4], ids[2]))
    assert found.ids == [ids[3], ids[2], ids[4], ids[0], ids[1], f"{6:016x}"]


def test_an_id_of_another_length_spoils_no_other() -> None:
    index = index_of(make_track(1, "Love"), make_track(2, "Love"))
    assert index.find("love", 1, loved=["12345678", f"{2:016x}", "12345678"]).ids == [f"{2:016x}"]


def test_of_many_words_the_eight_longest_count() -> None:
    words = [f"word{number}" for number in range(MAX_WORDS)]
    index = index_of(make_track(1, " ".join(words)), make_track(2, "no " + " ".join(words[1:])))
    assert index.find(" ".join(("no", *words, "no", "way")), 9).ids == [f"{1:016x}"]


def test_a_query_of_thousands_of_words_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    index, compared = index_of(make_track(1, "a")), list[str]()
    compare = FoldedTexts.compared

    def counted(texts: FoldedTexts, numbers: NDArray[np.intp], phrase: str) -> NDArray[np.uint8]:
        compared.append(phrase)
        return compare(texts, numbers, phrase)

    monkeypatch.setattr(FoldedTexts, "compared", counted)
    assert index.find("a " * 4_000, 9).total == 1
    assert len(compared) < 50


def test_many_tracks_are_found_wherever_they_stand() -> None:
    tracks = [make_track(n, f"Title {n} of something", f"Künstler {n % 300:03d}", f"A {n % 7}") for n in range(3_000)]
    shuffled = [tracks[at] for at in np.random.default_rng(1).permutation(len(tracks))]
    index, again = index_of(*tracks), index_of(*shuffled)
    for query in ("", "t", "title", "307", "KÜNSTLER 007  1507 title", "something 29", "nothing", "title " * 1000):
        expected = found_one_by_one(tracks, query, set(), set())
        found = index.find(query, 100)
        assert (found.ids, found.total) == (expected[:100], len(expected))
        assert again.find(query, 100) == found


def test_building_lets_other_threads_go_on() -> None:
    pauses = 0

    def pause() -> None:
        nonlocal pauses
        pauses += 1

    TextIndex.of(TrackTable([make_track(number, f"{number}é" * 100) for number in range(3_000)]).texts(), pause)
    assert pauses > 10
