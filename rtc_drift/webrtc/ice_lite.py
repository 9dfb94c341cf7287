"""ICE-lite, the controlled agent (RFC 8445, 2.5): it responds to connectivity checks and sends none to find a path.

Once a path is selected, the agent selects another only after its own check to that path was answered. So neither a
copied binding request nor one with a forged source address can redirect a stream.
"""

import secrets
from collections.abc import Callable
from typing import NamedTuple

from rtc_drift.webrtc import stun
from rtc_drift.webrtc.udp_mux import Address, Demultiplexer, Receiver, UdpPort

CONSENT_SECONDS = 28.0
"""Time without an authentic message on the path after which consent has expired (RFC 7675 allows 30 s)."""
QUIET_SECONDS = 8.0
"""Time without an authentic message after which the listener is checked, on its path or at a new address."""
CHECK_TIMEOUT_SECONDS = 0.5
"""Time to wait for the response to one check before another path may be checked."""
MAX_PATHS = 8
"""Number of paths from which datagrams of one listener are accepted; the oldest is forgotten."""


class Path(NamedTuple):
    """One of this host's ports and an address of the listener: a candidate pair."""

    port: UdpPort
    address: Address


class IceLite:
    """The ICE agent for one listener. `path` is the selected path; `on_path` is called with every new one."""

    def __init__(
        self,
        receiver: Receiver,
        demultiplexer: Demultiplexer,
        monotonic: Callable[[], float],
        on_path: Callable[[Path], None],
    ) -> None:
        """Create an agent with fresh credentials. The demultiplexer passes the listener's datagrams to `receiver`."""
        self.fragment = secrets.token_hex(4)
        self.password = secrets.token_hex(16).encode()
        self.path: Path | None = None
        self._owner: Receiver | None = receiver
        """The receiver; None once this is closed, so that no cycle keeps the listener until a garbage collection."""
        self._demultiplexer = demultiplexer
        self._monotonic = monotonic
        self._on_path: Callable[[Path], None] | None = on_path
        self._received_at = monotonic()
        self._their_fragment = ""
        self._their_password = b""
        self._known: list[Path] = []
        self._pending_check: tuple[bytes, Path, float] | None = None
        """Transaction id, path and deadline of the check that waits for its response."""

    @property
    def _receiver(self) -> Receiver:
        assert self._owner is not None, "the agent is closed"
        return self._owner

    def open(self, their_fragment: str, their_password: str) -> None:
        """Accept binding requests of the listener with these credentials (`ice-ufrag`, `ice-pwd`)."""
        self._their_fragment, self._their_password = their_fragment, their_password.encode()
        self._demultiplexer.by_fragment[self.fragment] = self._receiver

    @property
    def username(self) -> str:
        """USERNAME of the listener's binding requests: our username fragment, a colon, its own."""
        return f"{self.fragment}:{self._their_fragment}"

    @property
    def quiet_seconds(self) -> float:
        """Seconds since the last authentic message on the path, at first since the creation of the agent."""
        return self._monotonic() - self._received_at

    def request_received(self, message: stun.StunMessage, path: Path) -> None:
        """Send the binding response to an authentic binding request, and select or check its path."""
        port, address = path
        if message.sender_is_controlled:
            port.send(stun.role_conflict(message.transaction, self.password), address)
            return
        port.send(stun.success(message.transaction, address, self.password), address)
        if path == self.path:
            self._received_at = self._monotonic()
        elif self.path is None and self._demultiplexer.by_address.get(path) in (None, self._receiver):
            # No check needed: media is sent there only after a whole DTLS handshake over this path.
            self._add(path)
            if message.use_candidate:
                self._select(path)
        elif self.path is None or message.use_candidate or self.quiet_seconds > QUIET_SECONDS:
            self.check(path)

    def response_received(self, message: stun.StunMessage, path: Path) -> None:
        """Select the path if this is the authentic binding response to our check of it."""
        if self._pending_check is None or self._pending_check[:2] != (message.transaction, path):
            return
        if message.kind == stun.RESPONSE and message.is_authentic(self._their_password):
            self._end_check()
            self._add(path)
            self._select(path)

    def check(self, path: Path) -> None:
        """Send a binding request to a path, unless another check is still waiting for its response."""
        now = self._monotonic()
        if self._pending_check is not None:
            if now < self._pending_check[2]:
                return
            self._end_check()
        transaction = secrets.token_bytes(12)
        self._pending_check = (transaction, path, now + CHECK_TIMEOUT_SECONDS)
        self._demultiplexer.by_transaction[transaction] = self._receiver
        username, tie_breaker = f"{self._their_fragment}:{self.fragment}", secrets.randbits(64)
        path.port.send(stun.request(transaction, username, self._their_password, tie_breaker), path.address)

    def close(self) -> None:
        """Remove this listener from the demultiplexer. Idempotent."""
        self._end_check()
        self._demultiplexer.by_fragment.pop(self.fragment, None)
        for path in self._known:
            self._forget(path)
        self._known.clear()
        self._owner = self._on_path = None

    def _end_check(self) -> None:
        if self._pending_check is not None:
            self._demultiplexer.by_transaction.pop(self._pending_check[0], None)
            self._pending_check = None

    def _add(self, path: Path) -> None:
        """Assign datagrams from this path to this listener."""
        if path not in self._known:
            self._known.append(path)
        if len(self._known) > MAX_PATHS:
            oldest = next(it for it in self._known if it not in (self.path, path))
            self._known.remove(oldest)
            self._forget(oldest)
        self._demultiplexer.by_address[path] = self._receiver

    def _forget(self, path: Path) -> None:
        if self._demultiplexer.by_address.get(path) is self._receiver:
            del self._demultiplexer.by_address[path]

    def _select(self, path: Path) -> None:
        self._received_at = self._monotonic()
        if path != self.path:
            self.path = path
            if self._on_path is not None:
                self._on_path(path)
