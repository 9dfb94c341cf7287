"""Tags and covers of changed files of every format."""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from rtc_drift.library.tags import cover, read_tags
from tests.fuzz.target import Target, require
from tests.support.audio_files import CODECS, PNG, silence, write_audio

SUFFIXES = tuple(CODECS)
TAGS = {"title": "Title", "artist": "Artist", "album": "Album", "genre": "Jazz", "date": "2004-05-01", "track": "3/12"}
ID3 = (
    b"ID3\x03\x00\x00\x00\x00\x02\x00TIT2\x00\x00\x00\x06\x00\x00\x00TitleTYER\x00\x00\x00\x05\x00\x002004"
    b"APIC\x00\x00\x00\x59\x00\x00\x00image/png\x00\x03\x00" + PNG
)
MAX_CHARACTERS = 500
MAX_COVER_BYTES = 20_000_000
MIME_TYPES = ("image/jpeg", "image/png", "image/webp")


class TagsAndCovers(Target):
    """`library.tags`, and tinytag below it. The first byte of an input is the format of the file."""

    name = "tags"
    watched = ("library/tags.py", "tinytag/tinytag.py")
    tokens = (
        *(
            b"TIT2",
            b"TPE1",
            b"APIC",
            b"COMM",
            b"TXXX",
            b"ID3\x04",
            b"\xff\xfe",
            b"METADATA_BLOCK_PICTURE=",
            b"covr",
            b"\xa9nam",
        ),
        *(
            b"fLaC",
            b"\x04\x00\x00",
            b"\x06\x00\x00",
            b"OggS\x00\x02",
            b"OpusTags",
            b"\x03vorbis",
            b"LIST",
            b"INFO",
            b"id3 ",
        ),
        *(
            b"moov",
            b"udta",
            b"meta",
            b"ilst",
            b"data",
            b"FORM",
            b"AIFF",
            b"TITLE=",
            b"DATE=",
            b"COVERART=",
            b"RIFF",
            b"WAVE",
        ),
    )
    max_bytes = 16 * 1024
    cpu_seconds = 0.25
    memory_bytes = 96 << 20
    """Python reserves what a file claims, up to the bound of what is read."""
    weight = 2

    def open(self) -> None:
        """Make a folder with a cover in it."""
        self._folder = Path(tempfile.mkdtemp(prefix="tags"))

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder)

    def seeds(self) -> Iterable[bytes]:
        """Return a short file of each format, and one with a picture."""
        for number, suffix in enumerate(SUFFIXES):
            file = write_audio(self._folder / f"seed{suffix}", silence(0.03), tags=TAGS)
            content = file.read_bytes()
            file.unlink()
            yield bytes([number]) + content
            if suffix == ".mp3":
                yield bytes([number]) + ID3 + content

    def run(self, data: bytes) -> None:
        """Read tags and cover of a file."""
        suffix = SUFFIXES[data[0] % len(SUFFIXES)] if data else ".mp3"
        file = self._folder / f"file{suffix}"
        file.write_bytes(data[1:])
        tags, picture = read_tags(file), cover(file)
        require(tags.title, "no title")
        for text in (tags.title, tags.artist, tags.album, tags.genre):
            require(len(text) <= MAX_CHARACTERS and text == " ".join(text.split()), "a text that is not clean")
            text.encode()
        require(tags.year is None or 0 < tags.year <= 9999, "a year out of range")
        require(tags.track_number is None or 0 < tags.track_number <= 9999, "a track number out of range")
        if picture is not None:
            require(tags.has_cover, "a cover that the tags do not know")
            require(picture[1] in MIME_TYPES and len(picture[0]) <= MAX_COVER_BYTES, "a picture that is none")
