"""Listeners on the shared UDP port: opens the port, tells the engine of sockets and listeners, and looks after both."""

import asyncio
import contextlib
import datetime
import errno
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.engine.srtp import SrtpUnavailableError, check
from rtc_drift.webrtc.dtls import Identity
from rtc_drift.webrtc.ice_policy import IcePolicy
from rtc_drift.webrtc.peer import Lost, NoCandidatesError
from rtc_drift.webrtc.shared_port_peer import PeerEnvironment, SharedPortPeer, StationRef
from rtc_drift.webrtc.udp_mux import Demultiplexer, UdpPort, UdpPorts

logger = logging.getLogger(__name__)

UPKEEP_SECONDS = 5.0
"""How often each listener gets a sender report, and is looked after."""
SLICES = 50
"""Listeners take turns, a fiftieth of them every 100 ms."""
REFRESH_SECONDS = 5.0
"""How old may be what is known of this host's addresses when somebody joins."""


class UdpPortTakenError(Exception):
    """Another program has the port."""


class SharedPort:
    """Owns the ports, their listeners and the task `listeners' upkeep`."""

    def __init__(
        self, policy: IcePolicy, port: int, ticks: TickClock, tell_engine: Callable[[m.ToEngine], None]
    ) -> None:
        self.demultiplexer = Demultiplexer()
        self._tell_engine = tell_engine
        self._ticks = ticks
        self._ports = UdpPorts(port, self.demultiplexer, policy.host_addresses, self._opened, policy.advertise)
        self._identity = Identity()
        self._peers: dict[int, SharedPortPeer] = {}
        self._number = 0
        self._refreshed_at = -REFRESH_SECONDS
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Open the port. Raises UdpPortTakenError, OSError."""
        try:
            self._refresh()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise UdpPortTakenError from error
            raise
        self._task = asyncio.create_task(self._upkeep(), name="listeners' upkeep")

    async def close(self) -> None:
        """Close the port. Listeners are to be gone by then. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._ports.close()

    def peer(self, programme: StationRef, on_connected: Callable[[], None], on_lost: Lost) -> SharedPortPeer:
        """A peer connection for one more listener. Raises NoCandidatesError."""
        if time.monotonic() > self._refreshed_at + REFRESH_SECONDS:
            with contextlib.suppress(OSError):
                self._refresh()
        if datetime.datetime.now(datetime.UTC) > self._identity.renew_at:
            self._identity = Identity()
        candidates = self._ports.candidates()
        if not candidates:
            raise NoCandidatesError
        env = PeerEnvironment(
            demultiplexer=self.demultiplexer,
            identity=self._identity,
            candidates=candidates,
            ticks=self._ticks,
            tell_engine=self._tell_engine,
            monotonic=time.monotonic,
            unix_time=time.time,
        )
        self._number += 1
        peer = SharedPortPeer(self._number, programme, env, on_connected, on_lost)
        self._peers[peer.number] = peer
        return peer

    def forget(self, peer: SharedPortPeer) -> None:
        """A listener is gone. Idempotent."""
        self._peers.pop(peer.number, None)

    def restore(self) -> Iterator[m.ToEngine]:
        """What brings a fresh engine to send to everybody again."""
        for port in self._ports:
            yield m.AddSocket(port.number, port.socket.fileno())
        yield from (added for peer in self._peers.values() if (added := peer.added()) is not None)

    def sent(self, message: m.Sent) -> None:
        """Take what the engine has sent."""
        for number, *counts in np.frombuffer(message.data, "<u4").reshape(-1, 4).tolist():
            peer = self._peers.get(number)
            if peer is not None:
                peer.sent = tuple(counts)

    @property
    def dropped(self) -> Counter[str]:
        """Datagrams dropped, by reason."""
        return self.demultiplexer.dropped

    @property
    def unsent(self) -> int:
        """Datagrams of control's that the system did not take."""
        return sum(port.unsent for port in self._ports)

    def _refresh(self) -> None:
        self._refreshed_at = time.monotonic()
        self._ports.refresh()

    def _opened(self, port: UdpPort) -> None:
        logger.info("Listeners are served on UDP port %d of %s", port.port, port.host)
        self._tell_engine(m.AddSocket(port.number, port.socket.fileno()))

    async def _upkeep(self) -> None:
        turn = 0
        while True:
            await asyncio.sleep(UPKEEP_SECONDS / SLICES)
            turn = (turn + 1) % SLICES
            for number in [number for number in self._peers if number % SLICES == turn]:
                peer = self._peers[number]
                try:
                    peer.upkeep()
                except Exception:
                    logger.exception("A listener can't be looked after")
                    self.forget(peer)
                    peer.give_up("it can't be looked after")


def unavailable() -> str | None:
    """Why listeners can't be served this way with what is installed; None = they can."""
    try:
        check()
    except SrtpUnavailableError as error:
        return str(error)
    return None
