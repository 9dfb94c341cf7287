"""The means by which the library works: the catalogue, and threads and processes for what takes time or may hang."""

from dataclasses import dataclass, field

from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.folder_threads import FolderThreads
from rtc_drift.library.storage import Storage
from rtc_drift.workers.pool import Workers


@dataclass(frozen=True, slots=True)
class Resources:
    """The catalogue, threads and worker processes. The owner closes them."""

    catalogue: Catalogue
    workers: Workers
    """Processes that probe and analyse."""
    storage: Storage = field(default_factory=Storage)
    """The thread in which the catalogue is used."""
    files: FolderThreads = field(default_factory=FolderThreads)
    """Threads for calls on music files."""
    watching: Workers | None = None
    """A process of its own that watches the music folders; None: they are polled."""

    def close_threads(self) -> None:
        """Let the threads end that can, without waiting. Idempotent."""
        self.files.close()
