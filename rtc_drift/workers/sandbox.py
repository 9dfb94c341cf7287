"""A process that touches media has as little as possible: limits, no secrets, no rights but to what it works on.

Control starts such a process with `Rights.options` and `environment`. The process calls `harden` first of all, and
`confine` before it touches any media. A measure that the system does not know is left out.
"""

import argparse
import ctypes
import logging
import os
import resource
import signal
import site
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Self

from rtc_drift.workers import landlock, opener
from rtc_drift.workers.log_lines import FORMAT_VARIABLE

logger = logging.getLogger(__name__)

MAX_ADDRESS_SPACE = 1 << 30
"""Address space (1 GiB) that a process may take to work on media: analysing twelve hours of music takes 710 MB."""
MAX_FILE_BYTES = 256 << 20
"""Size of the largest file that a process may write, if it may write at all: all stretched intros together."""
LOG_BYTES = 1 << 30
"""Size by which a log file may grow meanwhile, if stderr is one."""
MAX_DESCRIPTORS = 4_096
"""Descriptors of a process that touches media. Each deck has two."""
_PASSED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    FORMAT_VARIABLE,
)
_PASSED_ON_PREFIXES = ("LC_", "PYTHON", "OMP_", "OPENBLAS_", "MALLOC_")
"""Environment variables that child processes get. Others may hold passwords: RTC_DRIFT_TURN does."""
_SYSTEM_FOLDERS = ("/usr", "/lib", "/lib64", "/nix/store", "/gnu/store", "/etc/ld.so.cache", "/etc/localtime")
"""Places of the libraries that Python modules may load late."""
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_PARENT, _READ, _WRITE = "--parent", "--read", "--write"


@dataclass(frozen=True, slots=True)
class Rights:
    """The files and folders that a process may read, and the folders that it may also write to. Absolute paths."""

    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()

    @classmethod
    def of(cls, *reads: Path, writes: Sequence[Path] = ()) -> Self:
        """Make rights from paths that may be relative."""
        return cls(tuple(path.absolute() for path in reads), tuple(path.absolute() for path in writes))

    def options(self) -> list[str]:
        """Return the options for a child of this process, which `add_options` defines."""
        options = [f"{_PARENT}={os.getpid()}"]
        options += [f"{_READ}={path}" for path in self.reads]
        return [*options, *(f"{_WRITE}={path}" for path in self.writes)]

    @classmethod
    def from_options(cls, arguments: argparse.Namespace) -> Self:
        """Return the rights that were given as options."""
        return cls(tuple(arguments.read), tuple(arguments.write))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Define the options of a process that may do little."""
    parser.add_argument(_PARENT, type=int, help="process with which this one ends")
    parser.add_argument(_READ, type=Path, action="append", default=[], help="file or folder that it may read")
    parser.add_argument(_WRITE, type=Path, action="append", default=[], help="folder that it may write to")


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child: what it needs of this process's, and `own`."""
    passed_on = {
        name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    return passed_on | dict(own)


def end_with(parent: int | None) -> None:
    """Have this process killed when its parent ends. It leaves no memory image, and gains no rights by executing."""
    limit(resource.RLIMIT_CORE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:  # it has ended already
        os._exit(0)


def harden(parent: int | None, *, may_write: bool = False) -> None:
    """Take from this process what no media needs. To be called first of all."""
    end_with(parent)
    limit(resource.RLIMIT_NOFILE, MAX_DESCRIPTORS)
    limit(resource.RLIMIT_FSIZE, max(MAX_FILE_BYTES if may_write else 0, _log_bytes()))


def limit(kind: int, value: int, *, lowers_hard: bool = True) -> None:
    """Limit a resource of this process, for good if it `lowers_hard`. A lower limit that is set already stays."""
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value if lowers_hard else hard))


def limit_address_space(bytes_: int) -> None:
    """Let allocating fail beyond a limit, since a damaged file may make a decoder ask for any amount. Linux only.

    It comes on top of what the process has when this is called first: with some languages that is 200 MB of locales.
    """
    if sys.platform == "linux":
        limit(resource.RLIMIT_AS, bytes_ + _mapped_at_first(), lowers_hard=False)


def allow_cpu_seconds(seconds: float) -> None:
    """Have the system end this process with SIGXCPU once it has computed for so long from now on."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit(resource.RLIMIT_CPU, int(usage.ru_utime + usage.ru_stime + seconds) + 1, lowers_hard=False)


def confine(rights: Rights) -> Callable[[], None]:
    """Start the opener of a process that has one thread so far. Return a function that takes all other rights.

    That one is to be called when most modules are loaded; it does nothing when it is called again.
    """
    if not landlock.available_version():
        return lambda: None
    for folder in rights.writes:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    opener.use(opener.start((*rights.reads, *rights.writes)))
    return cache(partial(_restrict, rights))


def describe() -> str:
    """Return a sentence about how this system protects from hostile files."""
    version = landlock.available_version()
    if version:
        return f"Hostile files: decoding has limits and reaches no other files (Landlock, version {version})"
    return "Hostile files: decoding has limits, but may reach other files: there is no Landlock here"


def _restrict(rights: Rights) -> None:
    try:
        landlock.restrict(dict.fromkeys(_program_files(rights)), rights.writes)
    except OSError as error:
        logger.warning("Files that are decoded may reach other files: Landlock failed (%s)", error.strerror or error)


def _program_files(rights: Rights) -> Iterator[Path]:
    """Yield the places from which Python may load modules and libraries late; no folder that holds people's own."""
    yield Path(__file__).parents[1]
    yield from (Path(folder) for folder in _SYSTEM_FOLDERS)
    yield Path(os.__file__).parent
    yield from (Path(folder) for folder in site.getsitepackages())
    home = Path(os.path.realpath(os.environ.get("HOME") or "/"))
    peoples = {_identity(folder) for folder in (home, *home.parents)}
    for name in dict.fromkeys((sys.prefix, sys.base_prefix, *sys.path)):
        # The files themselves are not touched: on a drive that is gone even that would hang.
        holds_files = any(path.is_relative_to(Path(name).absolute()) for path in (*rights.reads, *rights.writes))
        if not holds_files and _identity(name) not in peoples:
            yield Path(name)


@cache
def _mapped_at_first() -> int:
    """Return the address space that this process had when this was called first."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


def _identity(path: str | Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path or ".")  # noqa: PTH116 (a path of its own for each takes longer)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _log_bytes() -> int:
    """Return the size up to which stderr may grow if it is a file, else 0."""
    try:
        status = os.fstat(2)
    except OSError:
        return 0
    return status.st_size + LOG_BYTES if stat.S_ISREG(status.st_mode) else 0


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), *(ctypes.c_ulong(0),) * 3)
