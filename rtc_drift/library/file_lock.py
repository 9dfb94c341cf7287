"""Advisory locks on files: who holds one is known to every process of the machine, and none outlives its process."""

import errno
import fcntl
import logging
import os
import re
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

_UNSUPPORTED = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP})
"""Errors of file systems without such locks, as some network file systems."""
_warned = set[int]()
"""Errors that were logged: once for each kind."""


class FileLock:
    """A lock on a file, shared by many or held by one. The system releases it when its process ends, however it ends.

    The file stays, and means nothing without a lock on it. Where there are no locks, every request is granted.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file, without a lock on it. Raises OSError."""
        self._path = path
        # Not inherited by child processes: one that is left behind must not keep the lock.
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def try_alone(self) -> bool:
        """Take the lock for this holder alone, in place of a shared one. Return False if others hold it."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Take the lock together with others. Return False if one holds it alone."""
        return self._try(fcntl.LOCK_SH)

    def sign(self) -> None:
        """Write the id of this process into the file, for those who find it locked. Does nothing on a full disk."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, b"%d\n" % os.getpid(), 0)

    def signature(self) -> int | None:
        """Return the process id in the file, or None."""
        found = re.match(rb"\d{1,10}", os.pread(self._descriptor, 32, 0))
        return int(found[0]) if found else None

    def close(self) -> None:
        """Release the lock. Idempotent."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    @property
    def _descriptor(self) -> int:
        if self._file is None:
            raise ValueError("the lock is closed")
        return self._file

    def _try(self, operation: int) -> bool:
        try:
            fcntl.flock(self._descriptor, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            if error.errno not in _warned:
                _warned.add(error.errno)
                logger.warning(
                    "%s can't be locked (%s): make sure that only one server uses this folder.",
                    *(self._path, error.strerror),
                )
        return True
