"""Titles by media time: which track's title belongs to the sound of a moment."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rtc_drift.station import events, views
from rtc_drift.station.entry import SAME_TRACK, Entry

MAX_STARTS = 64
"""Starts of tracks that are remembered: a reader may be some 14 s behind."""


class Title(NamedTuple):
    """The texts of a track as clients see them."""

    artist: str
    title: str
    album: str

    @property
    def line(self) -> str:
        """Artist and title in one line."""
        return " - ".join(text for text in (self.artist, self.title) if text)

    @property
    def tags(self) -> dict[str, str]:
        """The texts as tags of an Ogg stream; those that are empty are left out."""
        return {name.upper(): text for name, text in self._asdict().items() if text}


NO_TITLE = Title("", "", "")


class Titles:
    """The titles of one station: of the tracks that have started lately, and of those about to."""

    def __init__(self, entries: Callable[[], Sequence[Entry]]) -> None:
        """Look ahead in `entries`, those of the programme in order of start."""
        self._entries = entries
        self._started: deque[tuple[int, Title]] = deque(maxlen=MAX_STARTS)

    def note(self, event: events.Event) -> None:
        """Note the start of a track, if that is what was published."""
        if isinstance(event, events.TrackStarted):
            track = event.track
            self._started.append((event.starts_at, Title(track.artist, track.title, track.album)))

    def at(self, media_time: int) -> Title:
        """Return the title at a media time; of the oldest start that is known if it lies before that."""
        # Packets are made up to 80 ms ahead, and a start is published shortly after it.
        for entry in reversed(self._entries()):
            if entry.play.start <= media_time and entry.transition.kind not in SAME_TRACK:
                track = entry.track
                return Title(views.cut(track.artist), views.cut(track.title), views.cut(track.album))
        for start, title in reversed(self._started):
            if start <= media_time:
                return title
        return self._started[0][1] if self._started else NO_TITLE
