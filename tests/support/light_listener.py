"""Many cheap WHEP listeners on the event loop of the test. They decrypt and count packets, and decode nothing."""

import asyncio
import socket
import time
from contextlib import AsyncExitStack
from types import TracebackType

import aiohttp

from benchmarks.light_listener import LightListener
from rtc_drift.webrtc.dtls import Identity

CONSENT_SECONDS = 1.0


class CountingListener(LightListener):
    """A light listener that reads its own socket after joining."""

    def __init__(self, identity: Identity, address: str = "127.0.0.1") -> None:
        super().__init__(identity, address)
        self.sequence_numbers: list[int] = []
        """Sequence numbers of the packets that could be decrypted, in order of arrival."""

    @property
    def is_open(self) -> bool:
        """True until the listener is closed."""
        return self.descriptor >= 0

    async def join(self, http: aiohttp.ClientSession, whep: str) -> None:
        """Join, and read the socket from now on. Raises JoinError."""
        await super().join(http, whep)
        asyncio.get_running_loop().add_reader(self.descriptor, self._read_all)

    def move(self) -> None:
        """Continue from another port, as behind a NAT that has lost its mapping."""
        asyncio.get_running_loop().remove_reader(self.descriptor)
        self.socket.close()
        self.socket = self._open_socket(self._address)
        self.descriptor = self.socket.fileno()
        asyncio.get_running_loop().add_reader(self.descriptor, self._read_all)

    def close(self) -> None:
        """Close DTLS, if connected, and the socket. Idempotent."""
        if self.is_open:
            asyncio.get_running_loop().remove_reader(self.descriptor)
        super().close()

    def _open_socket(self, address: str) -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind((address, 0))
        return sock

    def _read_all(self) -> None:
        while True:
            try:
                datagram = self.socket.recv(2048)
            except BlockingIOError:
                return
            if datagram[0] < 128 or 192 <= datagram[1] < 224:
                self.receive(datagram, time.time_ns())
            elif (packet := self.decrypt(datagram)) is not None:
                self.sequence_numbers.append(int.from_bytes(packet[2:4], "big"))


class LightListeners:
    """Listeners of one WHEP url. They are connected inside of `async with`, and keep their consent."""

    def __init__(self, whep: str, count: int, address: str = "127.0.0.1") -> None:
        identity = Identity()
        self.listeners = [CountingListener(identity, address) for _ in range(count)]
        self._whep = whep
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "LightListeners":
        http = await self._stack.enter_async_context(aiohttp.ClientSession())
        for listener in self.listeners:
            self._stack.callback(listener.close)
        for first in range(0, len(self.listeners), 10):
            await asyncio.gather(*(it.join(http, self._whep) for it in self.listeners[first : first + 10]))
        task = asyncio.create_task(self._consent())
        self._stack.callback(task.cancel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _consent(self) -> None:
        while True:
            await asyncio.sleep(CONSENT_SECONDS)
            for listener in self.listeners:
                if listener.is_open:
                    listener.check()
