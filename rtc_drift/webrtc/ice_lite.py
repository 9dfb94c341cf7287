"""The controlled, lite side of ICE (RFC 8445, 2.5): it answers checks, and makes none to find a path.

Once there is a path, it moves to another only after a check of its own came back from there: a copied request must not
lead a stream away, and one with a forged source must not aim it at somebody.
"""

import secrets
from collections.abc import Callable
from typing import NamedTuple

from rtc_drift.webrtc import stun
from rtc_drift.webrtc.udp_mux import Address, Demultiplexer, Receiver, UdpPort

CONSENT_SECONDS = 28.0
"""A listener of whom nothing authentic was heard for so long is gone (RFC 7675 allows 30)."""
QUIET_SECONDS = 8.0
"""One that has said nothing for so long is asked, and followed to another address it writes from."""
PROBE_SECONDS = 0.5
"""How long one check is waited for before another path may be tried."""
MAX_PATHS = 8
"""From which datagrams of one listener are taken; the oldest is forgotten."""


class Path(NamedTuple):
    """From one of our ports to an address of the listener."""

    port: UdpPort
    address: Address


class IceLite:
    """One listener's ICE. `path` is where to send; `on_path` is told of every new one."""

    def __init__(
        self,
        receiver: Receiver,
        demultiplexer: Demultiplexer,
        monotonic: Callable[[], float],
        on_path: Callable[[Path], None],
    ) -> None:
        """`receiver` gets what the demultiplexer has for this listener."""
        self.fragment = secrets.token_hex(4)
        self.password = secrets.token_hex(16).encode()
        self.path: Path | None = None
        self._receiver = receiver
        self._board = demultiplexer
        self._monotonic = monotonic
        self._on_path = on_path
        self._heard_at = monotonic()
        self._their_fragment = ""
        self._their_password = b""
        self._known: list[Path] = []
        self._probe: tuple[bytes, Path, float] | None = None

    def open(self, their_fragment: str, their_password: str) -> None:
        """Take checks of the listener who has these credentials."""
        self._their_fragment, self._their_password = their_fragment, their_password.encode()
        self._board.by_fragment[self.fragment] = self._receiver

    @property
    def username(self) -> str:
        """What the listener's checks name."""
        return f"{self.fragment}:{self._their_fragment}"

    @property
    def quiet_seconds(self) -> float:
        """Since when nothing authentic was heard on the path."""
        return self._monotonic() - self._heard_at

    def request_received(self, message: stun.StunMessage, path: Path) -> None:
        """An authentic request: answer it, and see whether it tells of a path."""
        port, address = path
        if message.sender_is_controlled:
            port.send(stun.role_conflict(message.transaction, self.password), address)
            return
        port.send(stun.success(message.transaction, address, self.password), address)
        if path == self.path:
            self._heard_at = self._monotonic()
        elif self.path is None and self._board.by_address.get(path) in (None, self._receiver):
            # Before media flows there, a whole handshake has to succeed over it.
            self._learn(path)
            if message.use_candidate:
                self._take(path)
        elif self.path is None or message.use_candidate or self.quiet_seconds > QUIET_SECONDS:
            self.check(path)

    def answer_received(self, message: stun.StunMessage, path: Path) -> None:
        """An answer to a check of ours, perhaps."""
        if self._probe is None or self._probe[:2] != (message.transaction, path):
            return
        if message.kind == stun.RESPONSE and message.is_authentic(self._their_password):
            self._end_probe()
            self._learn(path)
            self._take(path)

    def check(self, path: Path) -> None:
        """Ask for an answer from there; one path at a time."""
        now = self._monotonic()
        if self._probe is not None:
            if now < self._probe[2]:
                return
            self._end_probe()
        transaction = secrets.token_bytes(12)
        self._probe = (transaction, path, now + PROBE_SECONDS)
        self._board.by_transaction[transaction] = self._receiver
        username, tie_breaker = f"{self._their_fragment}:{self.fragment}", secrets.randbits(64)
        path.port.send(stun.request(transaction, username, self._their_password, tie_breaker), path.address)

    def close(self) -> None:
        """Be found no more. Idempotent."""
        self._end_probe()
        self._board.by_fragment.pop(self.fragment, None)
        for path in self._known:
            self._forget(path)
        self._known.clear()

    def _end_probe(self) -> None:
        if self._probe is not None:
            self._board.by_transaction.pop(self._probe[0], None)
            self._probe = None

    def _learn(self, path: Path) -> None:
        """Datagrams from there are this listener's from now on."""
        if path not in self._known:
            self._known.append(path)
        if len(self._known) > MAX_PATHS:
            oldest = next(it for it in self._known if it not in (self.path, path))
            self._known.remove(oldest)
            self._forget(oldest)
        self._board.by_address[path] = self._receiver

    def _forget(self, path: Path) -> None:
        if self._board.by_address.get(path) is self._receiver:
            del self._board.by_address[path]

    def _take(self, path: Path) -> None:
        self._heard_at = self._monotonic()
        if path != self.path:
            self.path = path
            self._on_path(path)
