"""Tags and cover pictures. Nothing here raises: a file with broken tags counts as a file without tags."""

import errno
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from tinytag import TinyTag

from rtc_drift.workers.opener import list_folder, open_file

logger = logging.getLogger(__name__)

_COVER_STEMS = ("cover", "folder", "front")
_COVER_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_COVER_MAX_BYTES = 8_000_000
_TAG_MAX_CHARACTERS = 500
_TAGS_MAX_BYTES = 64 << 20
"""Most bytes that are read for the tags of a file, covers included."""


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of a file; a missing tag is empty or None."""

    title: str
    artist: str = ""
    album: str = ""
    genre: str = ""
    year: int | None = None
    track_number: int | None = None
    has_cover: bool = False


def read_tags(path: Path) -> Tags:
    """Read the tags of a file. The title falls back to the file's name without its suffix."""
    name = _clean(path.stem) or _clean(path.name)
    found = _tinytag(path)
    if found is None:
        return Tags(title=name, has_cover=_cover_beside(path) is not None)
    return Tags(
        title=_clean(found.title) or name,
        artist=_clean(found.artist) or _clean(found.albumartist),
        album=_clean(found.album),
        genre=_clean(found.genre),
        year=_number(found.year, r"\d{4}"),
        track_number=_number(found.track, r"\d{1,4}"),
        has_cover=found.images.any is not None or _cover_beside(path) is not None,
    )


def cover(track_path: Path) -> tuple[bytes, str] | None:
    """Read the cover of a track: its bytes and MIME type, or None.

    It is embedded, or a file called `cover`, `folder` or `front` in the same folder; at most 8 MB.
    """
    for data in _cover_candidates(track_path):
        mime = _mime(data)
        if mime is not None and len(data) <= _COVER_MAX_BYTES:
            return data, mime
    return None


def _cover_candidates(track_path: Path) -> Iterator[bytes]:
    found = _tinytag(track_path)
    image = found.images.any if found is not None else None
    if image is not None:
        yield image.data
    beside = _cover_beside(track_path)
    if beside is not None:
        try:
            with beside.open("rb") as file:
                yield file.read(_COVER_MAX_BYTES + 1)
        except OSError as error:
            logger.info("The cover %s can't be read: %s", beside, error.strerror)


class _BoundedFile:
    """A file of which no more is read than tags need: a damaged one may claim tags of any size."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _TAGS_MAX_BYTES
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """Read bytes. Raises OSError if too much is read in all."""
        data = self._file.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise OSError(errno.EFBIG, "the tags are too large")
        return data


def _tinytag(path: Path) -> TinyTag | None:
    try:
        with open_file(path) as file:
            bounded = cast(BinaryIO, _BoundedFile(file))
            return TinyTag.get(path, bounded, duration=False, image=True)
    except Exception as error:  # hostile tags make it raise anything, from struct.error to RecursionError
        logger.debug("No tags in %s: %r", path, error)
        return None


def _cover_beside(path: Path) -> Path | None:
    pictures: dict[tuple[int, int], Path] = {}
    try:
        with list_folder(path.parent) as entries:
            for entry in entries:
                stem, suffix = os.path.splitext(entry.name.lower())  # noqa: PTH122 (no Path for every file)
                if stem in _COVER_STEMS and suffix in _COVER_SUFFIXES and entry.is_file():
                    pictures[_COVER_STEMS.index(stem), _COVER_SUFFIXES.index(suffix)] = path.parent / entry.name
    except OSError:
        return None
    return pictures[min(pictures)] if pictures else None


def _mime(data: bytes) -> str | None:
    """Detect the MIME type by the first bytes: the type in a tag is often wrong, and browsers rely on it."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def _clean(text: object) -> str:
    """Return one line of valid UTF-8: no NULs, control characters, double spaces or lone surrogates."""
    if not isinstance(text, str):
        return ""
    text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", text).split())[:_TAG_MAX_CHARACTERS].rstrip()


def _number(value: object, pattern: str) -> int | None:
    """Return the first positive number in a value such as `2004-05-01`, `3/12` or 7; None if there is none."""
    match = re.search(pattern, str(value), re.ASCII) if value is not None else None
    return int(match.group()) if match and int(match.group()) > 0 else None
