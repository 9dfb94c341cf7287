"""The shared UDP port: opens its sockets, passes them to the engine, creates its listeners and does their upkeep."""

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
from rtc_drift.engine.srtp import SrtpUnavailableError, check_in_place
from rtc_drift.webrtc.dtls import Identity
from rtc_drift.webrtc.ice_policy import IcePolicy
from rtc_drift.webrtc.peer import NoCandidatesError, OnLost
from rtc_drift.webrtc.shared_port_peer import PeerEnvironment, SharedPortPeer, StationRef
from rtc_drift.webrtc.udp_mux import Demultiplexer, UdpPort, UdpPorts

logger = logging.getLogger(__name__)

UPKEEP_SECONDS = 5.0
"""Time between two upkeeps of a listener; an upkeep sends a sender report and checks consent."""
SLICES = 50
"""Number of groups that take turns with upkeep: one group every UPKEEP_SECONDS / SLICES (100 ms)."""
REFRESH_SECONDS = 5.0
"""Age of the list of this host's addresses after which a join refreshes it."""


class UdpPortTakenError(Exception):
    """Another program uses the port."""


class SharedPort:
    """The owner of the ports, their listeners and the task `listeners' upkeep`."""

    def __init__(
        self, policy: IcePolicy, port: int, ticks: TickClock, send_to_engine: Callable[[m.ToEngine], None]
    ) -> None:
        self.demultiplexer = Demultiplexer()
        self._send_to_engine = send_to_engine
        self._ticks = ticks
        self._ports = UdpPorts(
            port, self.demultiplexer, policy.host_addresses, self._opened, self._closing, policy.advertise
        )
        self._identity = Identity()
        self._peers: dict[int, SharedPortPeer] = {}
        self._has_peers = asyncio.Event()
        """Set while there are listeners: without any, nothing is kept up."""
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
        """Close the port. All listeners must be closed before. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._ports.close()

    def peer(self, station: StationRef, on_connected: Callable[[], None], on_lost: OnLost) -> SharedPortPeer:
        """Create a peer connection for one more listener. Raises NoCandidatesError."""
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
            send_to_engine=self._send_to_engine,
            monotonic=time.monotonic,
            unix_time=time.time,
        )
        self._number += 1
        peer = SharedPortPeer(self._number, station, env, on_connected, on_lost)
        self._peers[peer.number] = peer
        self._has_peers.set()
        return peer

    def forget(self, peer: SharedPortPeer) -> None:
        """Remove a listener that has ended. Idempotent."""
        self._peers.pop(peer.number, None)
        if not self._peers:
            self._has_peers.clear()

    def restore(self) -> Iterator[m.ToEngine]:
        """Yield the messages after which a new engine process sends to all connected listeners again."""
        for port in self._ports:
            yield m.AddSocket(port.number, port.socket.fileno())
        yield from (added for peer in self._peers.values() if (added := peer.added()) is not None)

    def sent(self, message: m.SentCounts) -> None:
        """Store the engine's counts of packets in their listeners."""
        for number, *counts in np.frombuffer(message.data, "<u4").reshape(-1, 4).tolist():
            peer = self._peers.get(number)
            if peer is not None:
                peer.sent = tuple(counts)

    @property
    def dropped(self) -> Counter[str]:
        """Number of received datagrams that were dropped, by reason."""
        return self.demultiplexer.dropped

    @property
    def unsent(self) -> int:
        """Number of control's datagrams (STUN, DTLS, RTCP) that the system did not accept."""
        return sum(port.unsent for port in self._ports)

    def _refresh(self) -> None:
        self._refreshed_at = time.monotonic()
        used = {peer.port for peer in self._peers.values()}
        self._ports.refresh(used.__contains__)

    def _opened(self, port: UdpPort) -> None:
        logger.info("Serving WebRTC listeners on UDP port %d of %s", port.port, port.host)
        self._send_to_engine(m.AddSocket(port.number, port.socket.fileno()))

    def _closing(self, port: UdpPort) -> None:
        logger.info("Closing UDP port %d of %s, an address that is gone", port.port, port.host)
        self._send_to_engine(m.RemoveSocket(port.number))

    async def _upkeep(self) -> None:
        turn = 0
        while True:
            await self._has_peers.wait()
            await asyncio.sleep(UPKEEP_SECONDS / SLICES)
            turn = (turn + 1) % SLICES
            for number in [number for number in self._peers if number % SLICES == turn]:
                peer = self._peers[number]
                try:
                    peer.upkeep()
                except Exception:
                    logger.exception("The upkeep of a WebRTC listener failed")
                    self.forget(peer)
                    peer.give_up("its upkeep failed")


def unavailable_reason() -> str | None:
    """Return why the installed pylibsrtp rules out the shared port; None if the shared port can be used."""
    try:
        check_in_place()
    except SrtpUnavailableError as error:
        return str(error)
    return None
