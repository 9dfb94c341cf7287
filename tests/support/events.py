"""What stations publish: the frames that a hub keeps, and the queue as a client follows it."""

from collections.abc import Iterable

from rtc_drift.station.event_hub import EventHub
from rtc_drift.station.events import QueueChanged


def kept_frames(hub: EventHub) -> list[bytes]:
    """Return the frames that a hub keeps, oldest first."""
    return list(hub._frames._ring)


def follow_queue(queue: list[str], changes: Iterable[QueueChanged]) -> list[str] | None:
    """Return a queue of track ids after some changes, as a client would; None if the whole queue has to be read."""
    for change in changes:
        if change.position is None or change.track_id is None:
            return None
        if change.change == "added":
            queue = [*queue[: change.position], change.track_id, *queue[change.position :]]
        elif change.change == "moved":
            assert change.from_position is not None
            assert queue[change.from_position] == change.track_id
            rest = queue[: change.from_position] + queue[change.from_position + 1 :]
            queue = [*rest[: change.position], change.track_id, *rest[change.position :]]
        else:
            assert queue[change.position] == change.track_id
            queue = queue[: change.position] + queue[change.position + 1 :]
        assert len(queue) == change.length
    return queue
