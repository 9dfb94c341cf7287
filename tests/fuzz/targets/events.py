"""`Last-Event-ID`: what a reader gets that reconnects with anything."""

from collections.abc import Iterable
from datetime import UTC, datetime

from rtc_drift.station.event_hub import EventHub, EventReader
from rtc_drift.station.events import Heartbeat
from tests.fuzz.target import Target, pack, require, unpack

CAPACITY = 8
EVENT = Heartbeat(session_id="master", at=datetime.now(UTC), media_time=0, running=False)


class LastEventId(Target):
    """`station.event_hub`: an input is the number of events so far, then an id."""

    name = "events"
    watched = ("station/event_hub.py", "rtc_drift/broadcast.py")
    tokens = (b"abcd-", b"-", b"0", b"9", b"\xd9\xa3")
    max_bytes = 512
    cpu_seconds = 0.02

    def seeds(self) -> Iterable[bytes]:
        """Return ids of this generation and of others."""
        for number in (0, 3, 7, 8, 9, 20):
            yield pack(bytes([9]), f"abcd-{number}".encode())
        yield pack(bytes([20]), b"abce-20")
        yield pack(bytes([20]), b"abcd-12")

    def run(self, data: bytes) -> None:
        """Ask for what was missed."""
        count, last_id, *_ = (*unpack(data), b"", b"")
        hub = EventHub("abcd", CAPACITY)
        for _ in range(published := count[0] if count else 0):
            hub.publish(EVENT)
        with hub.reader(last_id.decode("utf-8", "surrogateescape")) as reader:
            if not reader.is_resumed:
                return
            missed = _read_all(reader)
        require(len(missed) <= CAPACITY, "more events than are kept")
        numbers = [int(frame.split(b"\n")[0].partition(b"-")[2]) for frame in missed]
        require(numbers == list(range(published - len(missed) + 1, published + 1)), "other events than were missed")


def _read_all(reader: EventReader) -> list[bytes]:
    """Return the frames that are there; reading them never waits."""
    frames = list[bytes]()
    while reader.is_behind:
        try:
            reader.next().send(None)
        except StopIteration as done:
            frames += [it for it in done.value.split(b"\n\n") if it]
    return frames
