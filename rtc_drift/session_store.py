"""Keeps the sessions in the database: what a killed server has lost is at most a few seconds."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields

from rtc_drift.library.database import CatalogueError, Database
from rtc_drift.selection.journey import History
from rtc_drift.sessions import Session, Sessions
from rtc_drift.station.snapshot import SessionRecord, Snapshot, history_text, state_text

_NAMES = [field.name for field in fields(SessionRecord)]


_COLUMNS = ", ".join(_NAMES)


_CHANGED = ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name not in ("id", "history"))


_SAVE = (
    f"INSERT INTO sessions ({_COLUMNS}) VALUES ({', '.join('?' for _ in _NAMES)}) "
    f"ON CONFLICT (id) DO UPDATE SET {_CHANGED}, history = coalesce(excluded.history, history)"
)


class SessionTable:
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


logger = logging.getLogger(__name__)

SAVE_SECONDS = 2.0


class SessionStore:
    """Saves what has changed every two seconds, in a thread, and once more when it is closed."""

    def __init__(self, sessions: Sessions, store: SessionTable) -> None:
        self._sessions = sessions
        self._store = store
        self._saved: dict[str, tuple[object, ...]] = {}
        self._saved_history: dict[str, History] = {}
        self._task: asyncio.Task[None] | None = None
        self.failures = 0
        """How often the sessions could not be saved or read."""

    async def load(self) -> None:
        """Bring back the sessions of an earlier life of the server."""
        try:
            records = await asyncio.to_thread(self._store.load)
        except CatalogueError as error:
            self._failed(error)
            return
        self._saved = dict.fromkeys((record.id for record in records), ())
        for record in sorted(records, key=lambda each: each.following is not None):
            self._sessions.adopt(record)

    def start(self) -> None:
        """Begin to save."""
        self._task = asyncio.create_task(self._keep_saving(), name="session store")

    async def close(self) -> None:
        """Save once more. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.save()

    async def save(self) -> None:
        """Save what has changed since the last time."""
        seen = {session.id: _seen(session) for session in self._sessions.values() if session.is_restored}
        changed = [
            self._sessions[session_id] for session_id, state in seen.items() if state != self._saved.get(session_id)
        ]
        gone = [session_id for session_id in self._saved if session_id not in self._sessions]
        records = [self._record(session) for session in changed]
        if not records and not gone:
            return
        histories = {session.id: session.station.autodj.journey.history for session in changed}
        try:
            await asyncio.to_thread(self._store.save, records, gone)
        except CatalogueError as error:
            self._failed(error)
            return
        self._saved.update({session.id: seen[session.id] for session in changed})
        self._saved_history.update(histories)
        for session_id in gone:
            self._saved.pop(session_id, None)
            self._saved_history.pop(session_id, None)

    async def _keep_saving(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            # A save that has begun is finished, so that the last one never overtakes it.
            saving = asyncio.ensure_future(self.save())
            try:
                await asyncio.shield(saving)
            except asyncio.CancelledError:
                await saving
                raise
            except Exception:
                logger.exception("The sessions could not be saved")

    def _record(self, session: Session) -> SessionRecord:
        state = history = None
        if session.following is None:
            autodj = session.station.autodj
            state = state_text(autodj.snapshot())
            if self._saved_history.get(session.id) is not autodj.journey.history:
                history = history_text(autodj.journey.history)
        return SessionRecord(
            id=session.id,
            following=session.following,
            name=session.name,
            created=session.created.isoformat(),
            last_access=session.last_access.isoformat(),
            lock=session.lock,
            state=state,
            history=history,
        )

    def _failed(self, error: CatalogueError) -> None:
        self.failures += 1
        if self.failures == 1:
            logger.warning("The sessions can't be kept over a restart: %s", error)


def _seen(session: Session) -> tuple[object, ...]:
    """What, when it is another, is worth saving."""
    if session.following is not None:
        return (session.last_access,)
    autodj = session.station.autodj
    snapshot: Snapshot = autodj.snapshot()
    return (session.last_access, snapshot, autodj.journey.history)
