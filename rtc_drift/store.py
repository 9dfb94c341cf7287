"""The sessions in the database: what there is to know of each to bring it back."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields

from rtc_drift.library.database import Database


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session as it is stored; times are ISO 8601."""

    id: str
    following: str | None
    """The leader's id, of a follower."""
    name: str
    created: str
    last_access: str
    lock: str | None
    state: str | None
    """Of a programme (see `saving`); None for a follower."""
    history: str | None
    """Of its journey; None while saving = as it was."""


_NAMES = [field.name for field in fields(SessionRecord)]
_COLUMNS = ", ".join(_NAMES)
_CHANGED = ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name not in ("id", "history"))
_SAVE = (
    f"INSERT INTO sessions ({_COLUMNS}) VALUES ({', '.join('?' for _ in _NAMES)}) "
    f"ON CONFLICT (id) DO UPDATE SET {_CHANGED}, history = coalesce(excluded.history, history)"
)


class SessionStore:
    """Synchronous; every method raises `CatalogueError` when SQLite fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> list[SessionRecord]:
        """All sessions, in the order in which they were made."""
        with self._database.using() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM sessions ORDER BY created, id")
            return [SessionRecord(*row) for row in rows]

    def save(self, records: Sequence[SessionRecord], gone: Iterable[str]) -> None:
        """Remember some sessions and forget those that are gone, all at once."""
        with self._database.using() as connection:
            connection.executemany("DELETE FROM sessions WHERE id = ?", [(session_id,) for session_id in gone])
            connection.executemany(_SAVE, [astuple(record) for record in records])
