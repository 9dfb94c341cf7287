"""A network namespace around the server and a client, for clients that don't use loopback (Linux, root)."""

import contextlib
import ctypes
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.network_namespace import network_namespace

CLONE_NEWNET = 0x40000000
OURS = Path("/proc/thread-self/ns/net")


@contextlib.contextmanager
def inside_namespace() -> Iterator[str]:
    """Move this thread, and all that it starts, into a namespace; yield an address. Raises NoNamespaceError.

    Nothing leads out of it. The default route is there since browsers offer only the address that it would use.
    """
    with network_namespace() as network, OURS.open() as ours:
        subprocess.run((*network.command, "ip", "route", "add", "default", "dev", "here"), check=True)
        with Path("/run/netns", network.command[-1]).open() as theirs:
            _enter(theirs.fileno())
        try:
            yield network.address
        finally:
            _enter(ours.fileno())


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns failed")


def no_namespace() -> str | None:
    """Return why no namespace can be made, or None."""
    try:
        with inside_namespace():
            return None
    except Exception as error:
        return f"no network namespace can be made ({error})"
