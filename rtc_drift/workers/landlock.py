"""Landlock: a Linux process gives up rights to files, TCP ports and other processes, for good.

glibc has no functions for it, so its three system calls are made by number. See landlock(7).
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of the system calls, which are the same on every processor but those of `_OTHER_NUMBERS`."""
_OTHER_NUMBERS = ("mips", "alpha")
_ASK_VERSION = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = (1 << bit for bit in range(4))
_REMOVE_FILE, _MAKE_REG, _TRUNCATE, _IOCTL_DEV = 1 << 5, 1 << 8, 1 << 14, 1 << 15
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
"""Rights that a rule about a file, not a folder, may give."""
READ = _READ_FILE | _READ_DIR
"""Rights to what may be read."""
WRITE = READ | _WRITE_FILE | _TRUNCATE | _MAKE_REG | _REMOVE_FILE
"""Rights to a folder in which files may be made, changed, renamed and removed."""
_FS_BITS_BY_VERSION = ((5, 16), (3, 15), (2, 14), (1, 13))
"""A version of Landlock → number of rights to files that it and later ones know."""
_TCP_VERSION, _TCP_RIGHTS = 4, 0b11
_SCOPE_VERSION, _SCOPES = 6, 0b11
"""Scopes: abstract Unix sockets, and signals to processes that are not restricted in the same way."""


class Kernel(Protocol):
    """The system calls; each raises OSError."""

    def version(self) -> int:
        """Return the version of Landlock."""

    def create_ruleset(self, attributes: bytes) -> int:
        """Create a set of rules from `struct landlock_ruleset_attr`. Return its descriptor."""

    def add_rule(self, ruleset: int, attributes: bytes) -> None:
        """Add a rule from `struct landlock_path_beneath_attr`."""

    def restrict_self(self, ruleset: int) -> None:
        """Restrict this thread and those that it starts."""


class LinuxKernel:
    """The kernel that runs this process."""

    def __init__(self) -> None:
        self._syscall = ctypes.CDLL(None, use_errno=True).syscall
        self._syscall.restype = ctypes.c_long

    def version(self) -> int:
        """Return the version of Landlock. Raises OSError without it."""
        return self._call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))

    def create_ruleset(self, attributes: bytes) -> int:
        """Create a set of rules. Return its descriptor."""
        return self._call(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))

    def add_rule(self, ruleset: int, attributes: bytes) -> None:
        """Add a rule."""
        self._call(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), attributes, ctypes.c_uint32(0))

    def restrict_self(self, ruleset: int) -> None:
        """Restrict this thread and those that it starts."""
        self._call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))

    def _call(self, number: int, *arguments: object) -> int:
        result = int(self._syscall(ctypes.c_long(number), *arguments))
        if result < 0:
            raise OSError(code := ctypes.get_errno(), os.strerror(code))
        return result


def available_version(kernel: Kernel | None = None) -> int:
    """Return the version of Landlock, or 0 where there is none: another system, an old kernel, some containers."""
    if kernel is None and (sys.platform != "linux" or os.uname().machine.startswith(_OTHER_NUMBERS)):
        return 0
    try:
        return (kernel or LinuxKernel()).version()
    except OSError:
        return 0


def restrict(reads: Iterable[Path], writes: Iterable[Path], kernel: Kernel | None = None) -> None:
    """Leave this thread, and those that it starts, no rights but to read and write below these paths.

    Paths that don't exist are left out. What is open already stays so. Programs can't be executed any more, and TCP
    ports neither bound nor connected to if this version knows that. Needs `PR_SET_NO_NEW_PRIVS`. Raises OSError.
    """
    kernel = kernel or LinuxKernel()
    version = kernel.version()
    handled = (1 << next(bits for since, bits in _FS_BITS_BY_VERSION if version >= since)) - 1
    fields = [handled]
    if version >= _TCP_VERSION:
        fields.append(_TCP_RIGHTS)
    if version >= _SCOPE_VERSION:
        fields.append(_SCOPES)
    ruleset = kernel.create_ruleset(struct.pack(f"={len(fields)}Q", *fields))
    try:
        for rights, paths in ((READ, reads), (WRITE, writes)):
            for path in paths:
                with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                    _add(kernel, ruleset, rights & handled, path)
        kernel.restrict_self(ruleset)
    finally:
        os.close(ruleset)


def _add(kernel: Kernel, ruleset: int, rights: int, path: Path) -> None:
    opened = os.open(path, getattr(os, "O_PATH", 0) | os.O_CLOEXEC)
    try:
        allowed = rights if path.is_dir() else rights & _FILE_RIGHTS
        kernel.add_rule(ruleset, struct.pack("=Qi", allowed, opened))
    finally:
        os.close(opened)
