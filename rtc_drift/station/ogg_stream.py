"""The Ogg stream of one reader, with a new logical stream at the start of each track if it wants titles."""

from collections.abc import Callable

from rtc_drift.audio.ogg import OggMuxer
from rtc_drift.station.titles import Title


class OggStream:
    """Packets with their media times in, bytes out."""

    def __init__(self, title_at: Callable[[int], Title] | None) -> None:
        """Make a stream with the titles that `title_at` returns for media times; without it, one without titles."""
        self._title_at = title_at
        self._title: Title | None = None
        self._muxer: OggMuxer | None = None

    def add(self, opus: bytes, media_time: int) -> bytes:
        """Add one packet and return the pages that are full now."""
        title = self._title_at(media_time) if self._title_at is not None else None
        pages = b""
        if self._muxer is None:
            self._muxer = OggMuxer(title.tags if title is not None else {})
        elif title is not None and title != self._title:
            pages = self._muxer.begin_again(title.tags)
        self._title = title
        return pages + self._muxer.mux(opus)
