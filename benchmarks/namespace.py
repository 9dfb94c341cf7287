"""A network namespace with an address that leads nowhere, for programs that leave loopback out (Linux, root)."""

import contextlib
import os
import subprocess
from collections.abc import Iterator

from benchmarks.crowds import Place

ADDRESS = "192.0.2.1"
"""Of the block for documentation (RFC 5737)."""


class NoNamespaceError(Exception):
    """There can be none; the message says why."""


@contextlib.contextmanager
def network_namespace() -> Iterator[Place]:
    """Both ends of a virtual cable in a namespace of their own, removed afterwards. Raises NoNamespaceError."""
    name = f"rtc-drift-bench-{os.getpid()}"
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "link", "add", "here", "type", "veth", "peer", "name", "there")
        _ip("-n", name, "address", "add", f"{ADDRESS}/24", "dev", "here")
        for end in ("here", "there"):
            _ip("-n", name, "link", "set", end, "up")
        yield Place(ADDRESS, ("ip", "netns", "exec", name))
    finally:
        _ip("netns", "delete", name)


def _ip(*arguments: str) -> None:
    try:
        subprocess.run(("ip", *arguments), check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise NoNamespaceError("there is no `ip` (iproute2)") from None
    except subprocess.CalledProcessError as error:
        raise NoNamespaceError(f"ip {' '.join(arguments)}: {error.stderr.strip()}") from error
