"""Playlist files: what is read of them, what is written, and how their entries are found in a library."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.library.playlist import (
    MAX_BYTES,
    MAX_ENTRIES,
    BadPlaylistError,
    PlaylistEntry,
    m3u_text,
    read_playlist,
    xspf_text,
)
from rtc_drift.library.playlist_search import match
from rtc_drift.library.track import Track
from rtc_drift.library.track_table import TrackTable
from tests.support.music import make_track

XSPF = "http://xspf.org/ns/0/"
TEXTS = st.text(max_size=30)


def track(number: int, path: str, artist: str = "", title: str = "") -> Track:
    return make_track(number, path=Path(path), artist=artist).model_copy(update={"title": title or f"Title {number}"})


LIBRARY = (
    track(1, "/music/Björk/Post/01 - Intro.flac", "Björk", "Army of Me"),
    track(2, "/music/Air/Moon Safari/01 - Intro.flac", "Air", "La femme d'argent"),
    track(3, "/music/Air/Moon Safari/02 - Sexy Boy.flac", "Air", "Sexy Boy"),
    track(4, "/music/covers/boy.mp3", "Others", "Sexy Boy"),
    track(5, "/music/unique.ogg", "A - B", "C - D"),
)


def found(*entries: PlaylistEntry) -> list[int | None]:
    table = TrackTable(LIBRARY)
    result = []
    for entry in entries:
        matched = match([entry], table.files(), table.texts())
        result.append(int(matched.track_ids[0], 16) if matched.track_ids else None)
        assert matched.not_found == ([] if matched.track_ids else [entry])
    return result


def test_entries_are_found_by_path() -> None:
    paths = {
        "/music/Air/Moon Safari/02 - Sexy Boy.flac": 3,
        "/elsewhere/Björk/POST/01 - intro.flac": 1,
        "D:\\Music\\Air\\Moon Safari\\01 - Intro.flac": 2,
        "file:///music/Air/Moon%20Safari/01%20-%20Intro.flac": 2,
        "../Post/01 - Intro.flac": 1,
        "unique.ogg": 5,
        "/other/folder/unique.ogg": 5,
        "01 - Intro.flac": 1,
        "/other/folder/01 - Intro.flac": None,
        "https://example.org/unique.ogg": None,
        "nowhere.flac": None,
        "/": None,
    }
    assert found(*map(PlaylistEntry, paths)) == list(paths.values())


def test_entries_are_found_by_artist_and_title_if_the_path_is_not_known() -> None:
    assert found(
        PlaylistEntry("/x/1.mp3", "BJORK", "army  of me"),
        PlaylistEntry("/x/1.mp3", "", "Air - Sexy Boy"),
        PlaylistEntry("/x/unique.ogg", "Air", "Sexy Boy"),
        PlaylistEntry("", "", "A - B - C - D"),
        PlaylistEntry("", "", "La Femme d'Argent"),
        PlaylistEntry("", "", "Sexy Boy"),
        PlaylistEntry("", "Nobody", "Sexy Boy"),
    ) == [1, 3, 3, 5, 2, None, None]


def test_the_order_is_that_of_the_playlist() -> None:
    table = TrackTable(LIBRARY)
    del table[LIBRARY[2].id]
    entries = [
        PlaylistEntry("unique.ogg"),
        PlaylistEntry("x"),
        PlaylistEntry("", "Björk", "Army of Me"),
        PlaylistEntry("unique.ogg"),
    ]
    matched = match([*entries, PlaylistEntry("02 - Sexy Boy.flac")], table.files(), table.texts())
    assert [int(it, 16) for it in matched.track_ids] == [5, 1, 5]
    assert [entry.location for entry in matched.not_found] == ["x", "02 - Sexy Boy.flac"], "it was removed"


def test_an_m3u_is_read() -> None:
    text = "\ufeff#EXTM3U\r\n#EXTINF:123,Air - Sexy Boy\r\n\r\n#EXTVLCOPT:x\r\nAir/2.flac\r\nplain.mp3\r\n"
    assert read_playlist(text) == [PlaylistEntry("Air/2.flac", "", "Air - Sexy Boy"), PlaylistEntry("plain.mp3")]
    with_artist = "#EXTINF:1 tvg-id=1,Sexy Boy\n#EXTART:Air\n2.flac\n"
    assert read_playlist(with_artist) == [PlaylistEntry("2.flac", "Air", "Sexy Boy")]


def test_an_xspf_is_read() -> None:
    text = f"""<?xml version="1.0" encoding="ISO-8859-1"?>
    <playlist version="1" xmlns="{XSPF}"><title>no</title><trackList>
    <track><location>file:///a%20b.ogg</location><title>T &amp; <![CDATA[<U>]]></title><creator>É</creator>
    <extension application="x"><title>no</title></extension></track><track/></trackList></playlist>"""
    assert read_playlist(text) == [PlaylistEntry("file:///a%20b.ogg", "É", "T & <U>"), PlaylistEntry()]
    prefixed = (
        f'<x:playlist xmlns:x="{XSPF}"><x:trackList><x:track><x:title>T</x:title></x:track></x:trackList></x:playlist>'
    )
    assert read_playlist(prefixed) == [PlaylistEntry("", "", "T")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no entries"),
        ("#EXTM3U\n", "has no entries"),
        ("<playlist>", "is not valid XML"),
        ("<html></html>", "is neither M3U nor XSPF"),
        ("<playlist/>", "has no entries"),
        ('<!DOCTYPE playlist [<!ENTITY a "b">]><playlist>&a;</playlist>', "document type"),
        ('<!DOCTYPE playlist SYSTEM "file:///etc/passwd"><playlist/>', "document type"),
        ("<playlist>&unknown;</playlist>", "is not valid XML"),
        ("<playlist>" + "<a>" * 20, "within each other"),
        ("x\n" * (MAX_ENTRIES + 1), "more than"),
        ("é" * (MAX_BYTES // 2 + 1), "larger than"),
        ("<playlist>\ud800</playlist>", "has no entries"),
    ],
)
def test_other_texts_are_refused(text: str, reason: str) -> None:
    with pytest.raises(BadPlaylistError, match=reason):
        read_playlist(text)


@given(st.lists(st.builds(PlaylistEntry, TEXTS, TEXTS, TEXTS, TEXTS, st.floats(0, 1e6), TEXTS), min_size=1, max_size=4))
def test_what_is_written_is_valid_whatever_the_tags(entries: list[PlaylistEntry]) -> None:
    root = ElementTree.fromstring(xspf_text("<name>", entries).encode())
    tracks = root.findall(f"{{{XSPF}}}trackList/{{{XSPF}}}track")
    assert [root.tag, len(tracks)] == [f"{{{XSPF}}}playlist", len(entries)]
    assert all(len(it) == len({child.tag for child in it}) for it in tracks)
    lines = m3u_text(entries).splitlines()
    assert (lines[0], len(lines)) == ("#EXTM3U", 1 + 2 * len(entries))
    assert all(line.startswith("#EXTINF:") for line in lines[1::2])
    assert not any(line.startswith("#") for line in lines[2::2])


def test_what_is_written_can_be_read() -> None:
    entries = [PlaylistEntry("Air/Moon Safari/é 100%.flac", "Air", 'A "&" <B>', "Moon", 61.5, "Started")]
    (from_m3u,), (from_xspf,) = read_playlist(m3u_text(entries)), read_playlist(xspf_text("x", entries))
    assert (from_m3u.location, from_m3u.text) == (entries[0].location, entries[0].text)
    assert (from_xspf.location, from_xspf.text, from_xspf.album) == (entries[0].location, entries[0].text, "Moon")
