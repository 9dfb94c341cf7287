"""A network namespace with an address other than loopback, for programs that ignore loopback (Linux, root)."""

import contextlib
import os
import subprocess
from collections.abc import Iterator

from benchmarks.light_listener_processes import Network

ADDRESS = "192.0.2.1"
"""An address from the block for documentation (RFC 5737)."""


class NoNamespaceError(Exception):
    """A network namespace can't be made. The message is the reason."""


@contextlib.contextmanager
def network_namespace() -> Iterator[Network]:
    """Make a namespace with both ends of a virtual cable, and remove it afterwards. Raises NoNamespaceError."""
    name = f"rtc-drift-bench-{os.getpid()}"
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "link", "add", "here", "type", "veth", "peer", "name", "there")
        _ip("-n", name, "address", "add", f"{ADDRESS}/24", "dev", "here")
        for end in ("here", "there"):
            _ip("-n", name, "link", "set", end, "up")
        yield Network(ADDRESS, ("ip", "netns", "exec", name))
    finally:
        _ip("netns", "delete", name)


def _ip(*arguments: str) -> None:
    try:
        subprocess.run(("ip", *arguments), check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise NoNamespaceError("there is no `ip` (iproute2)") from None
    except subprocess.CalledProcessError as error:
        raise NoNamespaceError(f"ip {' '.join(arguments)}: {error.stderr.strip()}") from error
