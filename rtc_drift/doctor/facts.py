"""Finds out what is the case on this machine, and changes nothing."""

import importlib
import importlib.metadata
import os
import resource
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from rtc_drift.config import ConfigError, make_data_dir
from rtc_drift.doctor.folders import MusicFolder
from rtc_drift.engine.priority import NICENESS, REAL_TIME_PRIORITY
from rtc_drift.library import server_lock
from rtc_drift.library.suffixes import SUFFIXES

Found = TypeVar("Found")

FOLDER_SECONDS = 20.0
"""Time that a music folder has to answer."""
_MODULES = {"pydantic-settings": "pydantic_settings", "prometheus-client": "prometheus_client", "pyopenssl": "OpenSSL"}
"""Packages whose module has another name."""


def requirements() -> list[str]:
    """Return the requirements of the package that is installed; none in an unusual installation."""
    try:
        return importlib.metadata.requires("rtc-drift") or []
    except importlib.metadata.PackageNotFoundError:
        return []


def installed(names: Iterable[str]) -> dict[str, str | None]:
    """Return the versions of packages; None for one that is missing or can't be loaded."""
    return {name: _version(name) for name in names}


def _version(name: str) -> str | None:
    try:
        importlib.import_module(_MODULES.get(name, name))
        return importlib.metadata.version(name)
    except Exception:
        return None


def codec_names() -> tuple[set[str], set[str]]:
    """Return those of the decoders and of the encoders that PyAV has."""
    try:
        av = importlib.import_module("av")
        names = av.codecs_available
        return {name for name in names if _has(av, name, "r")}, {name for name in names if _has(av, name, "w")}
    except ImportError:
        return set(), set()


def _has(av: object, name: str, mode: str) -> bool:
    try:
        av.codec.Codec(name, mode)  # type: ignore[attr-defined]
    except Exception:
        return False
    return True


def srtp_failure() -> str | None:
    """Encrypt a packet; return what went wrong."""
    try:
        srtp = importlib.import_module("pylibsrtp")
        policy = srtp.Policy(key=bytes(30), ssrc_type=srtp.Policy.SSRC_ANY_OUTBOUND)
        srtp.Session(policy).protect(b"\x80\x60" + bytes(30))
    except Exception as error:
        return str(error) or type(error).__name__
    return None


def port_failure(kind: socket.SocketKind, addresses: Iterable[str], port: int) -> str | None:
    """Bind a port on some addresses for a moment; return what went wrong."""
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family, kind) as sock:
                if kind is socket.SOCK_STREAM:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family is socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind((address, port))
        except OSError as error:
            return error.strerror or str(error)
    return None


def host_addresses(host: str) -> list[str]:
    """Return the addresses that a host name or address stands for; none if it is unknown."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, ValueError):
        return []
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def firewalls() -> list[str]:
    """Return the names of firewalls that seem to be active."""
    ufw = "enabled=yes" in _text("/etc/ufw/ufw.conf").lower().replace(" ", "")
    firewalld = Path("/run/firewalld").is_dir()
    return [name for name, is_active in (("ufw", ufw), ("firewalld", firewalld)) if is_active]


def may_be_real_time() -> bool:
    """Try in a thread of its own, which ends with what it was given."""
    if not hasattr(os, "sched_setscheduler"):
        return False
    scheduler = os.sched_param(REAL_TIME_PRIORITY)
    return _works(lambda: os.sched_setscheduler(0, os.SCHED_RR, scheduler))


def may_be_nice() -> bool:
    """Try likewise; Linux has a niceness for each thread."""
    if sys.platform != "linux":
        return os.geteuid() == 0
    return _works(lambda: os.setpriority(os.PRIO_PROCESS, 0, NICENESS))


def _works(call: Callable[[], object]) -> bool:
    def attempt() -> bool:
        try:
            call()
        except OSError:
            return False
        return True

    return _within(FOLDER_SECONDS, attempt) is True


def descriptor_limit() -> int | None:
    """Return the greatest number of descriptors that this process may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if hard == resource.RLIM_INFINITY else hard


def watch_limit() -> int | None:
    """Return the number of folders that this user may watch."""
    text = _text("/proc/sys/fs/inotify/max_user_watches").strip()
    return int(text) if text.isdigit() else None


def data_folder_failure(path: Path) -> str | None:
    """Write to the data folder; return what went wrong. A server may run there already."""
    existed = path.is_dir()
    try:
        make_data_dir(path)
        with tempfile.TemporaryFile(dir=path):
            pass
        if (path / server_lock.FILE).exists():
            server_lock.take(path).close()
    except (OSError, ConfigError, server_lock.FolderTakenError) as error:
        return (isinstance(error, OSError) and error.strerror) or str(error).rstrip(".")
    finally:
        if not existed:
            shutil.rmtree(path, ignore_errors=True)
    return None


def free_bytes(path: Path) -> int:
    """Return the room on the disk of a folder, which may be missing yet."""
    existing = next((folder for folder in (path, *path.parents) if folder.exists()), Path("/"))
    return shutil.disk_usage(existing).free


def music_folder(path: Path) -> MusicFolder:
    """Look through a music folder, or give up after a while: a network drive may be gone."""
    found = _within(FOLDER_SECONDS, lambda: _look_through(path))
    return found or MusicFolder(path, f"no answer within {FOLDER_SECONDS:.0f} s")


def _look_through(path: Path) -> MusicFolder:
    try:
        os.listdir(path)  # noqa: PTH208 (os.walk is silent about errors)
    except OSError as error:
        return MusicFolder(path, error.strerror or str(error))
    unreadable, folders, has_music = list[OSError](), 0, False
    for _, _, files in os.walk(path, onerror=unreadable.append):
        folders += 1
        has_music = has_music or any(os.path.splitext(name)[1].lower() in SUFFIXES for name in files)  # noqa: PTH122
    return MusicFolder(path, None, folders + len(unreadable), len(unreadable), has_music)


def clock_source() -> str | None:
    """Return the source of the system's clock; None where it is not known."""
    return _text("/sys/devices/system/clocksource/clocksource0/current_clocksource").strip() or None


def is_synchronised() -> bool | None:
    """Return whether systemd has synchronised the clock; None if something else does that."""
    folder = Path("/run/systemd/timesync")
    return (folder / "synchronized").exists() if folder.is_dir() else None


def is_in_the_past() -> bool:
    """Return True if this file is of the future."""
    return Path(__file__).stat().st_mtime > time.clock_gettime(time.CLOCK_REALTIME) + 24 * 3600


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _within(seconds: float, call: Callable[[], Found]) -> Found | None:
    """Return the result of a call in a thread of its own; None if it takes longer."""
    results = list[Found]()
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
    thread.start()
    thread.join(seconds)
    return results[0] if results else None
