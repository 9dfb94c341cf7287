"""Saved sessions as they come back: each is checked by itself, so that damage costs no other."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from rtc_drift.station.session import MASTER, is_name
from rtc_drift.station.snapshot import SavedStation, SessionRecord

_FOLLOWER = re.compile("follower_[a-z0-9]{8}")
_LOCK = re.compile("[0-9a-f]{64}")
MAX_NAME_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class SavedSession:
    """A saved session that was read."""

    id: str
    following: str | None
    name: str
    created: datetime
    last_access: datetime
    lock: str | None
    station: SavedStation | None
    """The station of a leader; None for a follower, and for a leader that begins anew."""
    is_whole: bool
    """False if a leader begins anew, because its state is damaged."""


def read_session(record: SessionRecord) -> SavedSession:
    """Read a record, whatever is in it. Raises ValueError if it is not even known who may command the session."""
    is_follower = record.following is not None and record.id != MASTER
    if not (_FOLLOWER.fullmatch(record.id) if is_follower else _is_leader(record.id)):
        raise ValueError("not the id of a session")
    if is_follower and not _is_leader(record.following or ""):
        raise ValueError("not the id of a leader")
    if record.lock is not None and not _LOCK.fullmatch(record.lock):  # nobody could unlock it
        raise ValueError("not the hash of a key")
    station = None if is_follower else _station(record)
    return SavedSession(
        id=record.id,
        following=record.following if is_follower else None,
        name=record.name if 0 < len(record.name) <= MAX_NAME_CHARACTERS else record.id,
        created=_time(record.created),
        last_access=_time(record.last_access),
        lock=record.lock if record.id != MASTER else None,
        station=station,
        is_whole=is_follower or station is not None,
    )


def _is_leader(text: str) -> bool:
    return text == MASTER or is_name(text)


def _station(record: SessionRecord) -> SavedStation | None:
    try:
        return SavedStation(record.state or "", "{}" if record.history is None else record.history)
    except ValueError:
        return None


def _time(text: str) -> datetime:
    """Return a time in UTC; the present one if it can't be read. It may lie in the future: clocks are set."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.now(UTC)
