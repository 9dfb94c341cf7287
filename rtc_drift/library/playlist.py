"""Playlist files as text: reads M3U, M3U8 and XSPF, and writes extended M3U8 and XSPF. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import quote, unquote
from xml.parsers import expat
from xml.sax.saxutils import escape

MAX_BYTES = 1 << 20
"""Most bytes of a playlist that is read."""
MAX_ENTRIES = 5_000
"""Most entries of a playlist that is read."""
MAX_DEPTH = 16
"""Most elements of an XSPF within each other; those of the format are five."""
TYPES = {"m3u": "audio/x-mpegurl", "xspf": "application/xspf+xml"}
"""MIME types by format."""
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_TEXTS = ("location", "creator", "title", "album")


class BadPlaylistError(Exception):
    """The text is no playlist that can be read; the message says why."""


@dataclass(frozen=True, slots=True)
class PlaylistEntry:
    """An entry of a playlist; what is not known is empty."""

    location: str = ""
    """A path or a URL."""
    artist: str = ""
    title: str = ""
    """In an M3U that was read: artist and title, as one text."""
    album: str = ""
    seconds: float = 0.0
    note: str = ""

    @property
    def text(self) -> str:
        """Artist and title, as one text."""
        return f"{self.artist} - {self.title}" if self.artist else self.title


def read_playlist(text: str) -> list[PlaylistEntry]:
    """Read a playlist. Raises BadPlaylistError."""
    text = text.removeprefix("\ufeff")
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise BadPlaylistError(f"is larger than {MAX_BYTES >> 20} MiB")
    entries = _read_xspf(text) if text.lstrip().startswith("<") else _read_m3u(text)
    if not entries:
        raise BadPlaylistError("has no entries")
    return entries


def _read_m3u(text: str) -> list[PlaylistEntry]:
    entries, told, artist = list[PlaylistEntry](), "", ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#EXTINF:"):
            told = line.partition(",")[2].strip()
        elif line.startswith("#EXTART:"):
            artist = line.removeprefix("#EXTART:").strip()
        elif line and not line.startswith("#"):
            entries.append(PlaylistEntry(line, artist if told and artist not in told else "", told))
            told = artist = ""
            _check_count(entries)
    return entries


def _read_xspf(text: str) -> list[PlaylistEntry]:
    reader = _XspfReader()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(text.strip().encode(errors="replace"), True)
    except expat.ExpatError:
        raise BadPlaylistError("is not valid XML") from None
    return reader.entries


def _refuse(*_: object) -> NoReturn:
    raise BadPlaylistError("has a document type, which is not allowed")


class _XspfReader:
    """Takes what a parser finds in an XSPF."""

    def __init__(self) -> None:
        self.entries: list[PlaylistEntry] = []
        self._path: list[str] = []
        self._texts: dict[str, str] = {}

    def start(self, name: str, _: object) -> None:
        self._path.append(name.rpartition(":")[2])
        if len(self._path) > MAX_DEPTH:
            raise BadPlaylistError("has too many elements within each other")
        if self._path[0] != "playlist":
            raise BadPlaylistError("is neither M3U nor XSPF")

    def characters(self, data: str) -> None:
        name = self._path[-1]
        if self._path[:-1] == ["playlist", "trackList", "track"] and name in _TEXTS:
            self._texts[name] = self._texts.get(name, "") + data

    def end(self, _: str) -> None:
        if self._path == ["playlist", "trackList", "track"]:
            location, creator, title, album = (self._texts.get(name, "").strip() for name in _TEXTS)
            path = location if "://" in location else unquote(location)  # of a relative URI
            self.entries.append(PlaylistEntry(path, creator, title, album))
            self._texts = {}
            _check_count(self.entries)
        self._path.pop()


def _check_count(entries: list[PlaylistEntry]) -> None:
    if len(entries) > MAX_ENTRIES:
        raise BadPlaylistError(f"has more than {MAX_ENTRIES} entries")


def m3u_text(entries: Iterable[PlaylistEntry]) -> str:
    """Return entries as an extended M3U8."""
    lines = ["#EXTM3U"]
    for entry in entries:
        location = _on_a_line(entry.location)
        lines.append(f"#EXTINF:{round(entry.seconds)},{_on_a_line(entry.text)}")
        lines.append(f"./{location}" if location.startswith("#") else location)
    return "\n".join(lines) + "\n"


def _on_a_line(text: str) -> str:
    return _CONTROL.sub(" ", _legible(text)).strip()


def xspf_text(name: str, entries: Iterable[PlaylistEntry]) -> str:
    """Return entries as an XSPF."""
    tracks = "".join(f"    <track>\n{_track(entry)}    </track>\n" for entry in entries)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<playlist version="1" xmlns="http://xspf.org/ns/0/">\n'
        f"  <title>{_in_xml(name)}</title>\n  <trackList>\n{tracks}  </trackList>\n</playlist>\n"
    )


def _track(entry: PlaylistEntry) -> str:
    found = (
        ("location", quote(entry.location, errors="surrogateescape")),
        ("title", entry.title),
        ("creator", entry.artist),
        ("annotation", entry.note),
        ("album", entry.album),
        ("duration", str(round(entry.seconds * 1000)) if entry.seconds else ""),
    )
    return "".join(f"      <{name}>{_in_xml(text)}</{name}>\n" for name, text in found if text)


def _in_xml(text: str) -> str:
    return escape(_NOT_IN_XML.sub(" ", _legible(text)))


def _legible(text: str) -> str:
    """Return a text without surrogates, which stand for bytes of a file name that are no UTF-8."""
    return text.encode(errors="surrogateescape").decode(errors="replace") if not text.isascii() else text
