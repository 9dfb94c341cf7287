"""The tracks that a station has played, as the library still knows them."""

from collections.abc import Callable, Iterator, Sequence

from rtc_drift.library.track import Track
from rtc_drift.selection.journey import Start

SHOWN = 30
"""Tracks played that the state of a session holds."""

Find = Callable[[str], Track | None]
"""Returns the track of an id, if the library has it."""


def played_tracks(starts: Sequence[Start], find: Find) -> Iterator[tuple[Track, Start]]:
    """Yield the tracks that have started, oldest first. Those that have left the library are left out."""
    for start in starts:
        if (track := find(start.track_id)) is not None:
            yield track, start


def before_present(starts: Sequence[Start], present_id: str | None) -> Sequence[Start]:
    """Return the latest starts before that of the present track."""
    is_last = bool(starts) and starts[-1].track_id == present_id
    return starts[-SHOWN - 1 : -1] if is_last else starts[-SHOWN:]
