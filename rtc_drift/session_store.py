"""Saves the sessions in the database, so that a killed server loses a few seconds at most."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields

from rtc_drift.library.database import CatalogueError, Database
from rtc_drift.library.storage import NO_ANSWER, Storage
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
    """The table of sessions. Synchronous; every method raises CatalogueError if SQLite fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> list[SessionRecord]:
        """Return all sessions in order of creation."""
        with self._database.transaction() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM sessions ORDER BY created, id")
            return [SessionRecord(*row) for row in rows]

    def save(self, records: Sequence[SessionRecord], gone: Iterable[str]) -> None:
        """Write some sessions and delete those that are `gone`, in one transaction."""
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM sessions WHERE id = ?", [(session_id,) for session_id in gone])
            connection.executemany(_SAVE, [astuple(record) for record in records])


logger = logging.getLogger(__name__)

SAVE_SECONDS = 2.0
LAST_SAVE_SECONDS = 2.5
"""Longest time for saving when the server stops."""


class SessionStore:
    """Saves changed sessions every two seconds, in a thread, and once more when it is closed."""

    def __init__(self, sessions: Sessions, store: SessionTable, storage: Storage) -> None:
        self._sessions = sessions
        self._store = store
        self._storage = storage
        self.is_saved = True
        """True if nothing is lost when the process ends now: it has not begun yet, or has saved when it was closed."""
        self._saved: dict[str, tuple[object, ...]] = {}
        self._saved_history: dict[str, History] = {}
        self._task: asyncio.Task[None] | None = None
        self.failures = 0
        """Number of failures to save or read the sessions."""

    async def load(self) -> None:
        """Bring back all saved sessions."""
        try:
            records = await self._storage.run(self._store.load)
        except CatalogueError as error:
            self._failed(error)
            return
        self._saved = dict.fromkeys((record.id for record in records), ())
        for record in sorted(records, key=lambda each: each.following is not None):
            self._sessions.adopt(record)

    def start(self) -> None:
        """Start the task that saves."""
        self.is_saved = False
        self._task = asyncio.create_task(self._keep_saving(), name="session store")

    async def close(self) -> None:
        """Stop the task and save once more, unless that takes too long. Idempotent."""
        task, self._task = self._task, None
        if task is None:
            return
        try:
            async with asyncio.timeout(LAST_SAVE_SECONDS):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                self.is_saved = await self.save()
        except TimeoutError:
            self._failed(CatalogueError(NO_ANSWER))

    async def save(self) -> bool:
        """Save the sessions that have changed since the last call, and delete those that have ended. False if not."""
        seen = {session.id: _fingerprint(session) for session in self._sessions.values() if session.is_restored}
        changed = [
            self._sessions[session_id] for session_id, state in seen.items() if state != self._saved.get(session_id)
        ]
        gone = [session_id for session_id in self._saved if session_id not in self._sessions]
        records = [self._record(session) for session in changed]
        if not records and not gone:
            return True
        histories = {session.id: session.station.autodj.journey.history for session in changed}
        try:
            await self._storage.run(self._store.save, records, gone)
        except CatalogueError as error:
            self._failed(error)
            return False
        self._saved.update({session.id: seen[session.id] for session in changed})
        self._saved_history.update(histories)
        for session_id in gone:
            self._saved.pop(session_id, None)
            self._saved_history.pop(session_id, None)
        return True

    async def _keep_saving(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            # A save that has begun is finished first, so that the last one never overtakes it.
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
            logger.warning("The sessions can't be saved or read, so a restart loses them: %s", error)


def _fingerprint(session: Session) -> tuple[object, ...]:
    """Return what has to differ for the session to be saved again."""
    if session.following is not None:
        return (session.last_access,)
    autodj = session.station.autodj
    snapshot: Snapshot = autodj.snapshot()
    return (session.last_access, snapshot, autodj.journey.history)
