"""The event that opens a client's stream, in pieces: encoded only as it is sent, since it may be a megabyte."""

from collections.abc import Iterable, Iterator

from rtc_drift.station.event_hub import frame
from rtc_drift.station.events import Hello
from rtc_drift.station.views import Wire

_EMPTY_LISTS = b'"explorer":[],"queue":[]}}\n\n'
"""The end of a `hello` without open directions and queue, which are the last fields of a session's state."""


def hello_in_pieces(hello: Hello, event_id: str, explorer: Iterable[Wire], queue: Iterable[Wire]) -> Iterator[bytes]:
    """Yield the frame of a `hello`, to whose state both lists are added; each item is encoded when it is reached."""
    whole = frame(hello, event_id)
    head = whole.removesuffix(_EMPTY_LISTS)
    if len(head) == len(whole):
        raise ValueError("both lists of the state must be empty, and come last")
    yield head + b'"explorer":['
    yield from _joined(explorer)
    yield b'],"queue":['
    yield from _joined(queue)
    yield b"]}}\n\n"


def _joined(items: Iterable[Wire]) -> Iterator[bytes]:
    for index, item in enumerate(items):
        yield (b"," if index else b"") + item.model_dump_json(by_alias=True).encode()
