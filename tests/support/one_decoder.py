"""A decoder process without an engine: the test opens its decks."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rtc_drift.decoder.messages import MAX_BYTES, SOCKET_TYPE, OpenDeck, encode
from rtc_drift.decoder.ring import Ring
from rtc_drift.engine.host.keeper import start_child


@dataclass
class OneDecoder:
    """A running decoder."""

    process: asyncio.subprocess.Process
    engine: socket.socket
    rings: list[Ring] = field(default_factory=list)

    def open(self, path: Path, start: int = 0) -> Ring:
        """Open a deck from a sample of the file on."""
        self.rings.append(ring := Ring.create(start))
        socket.send_fds(self.engine, [encode(OpenDeck(len(self.rings), os.fspath(path)))], [ring.fd])
        return ring


@asynccontextmanager
async def one_decoder(*reads: Path) -> AsyncIterator[OneDecoder]:
    """Start a decoder that reads the files below `reads`; kill it in the end."""
    control, theirs = socket.socketpair(socket.AF_UNIX, SOCKET_TYPE)
    engine, decoders = socket.socketpair(socket.AF_UNIX, SOCKET_TYPE)
    control.setblocking(False)
    with control, engine:
        with theirs, decoders:
            fd = theirs.fileno()
            process = await start_child("rtc_drift.decoder", ["--fd", str(fd)], [fd], reads)
            await asyncio.get_running_loop().sock_recv(control, MAX_BYTES)
            socket.send_fds(control, [b"engine"], [decoders.fileno()])
        decoder = OneDecoder(process, engine)
        try:
            yield decoder
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()
            for ring in decoder.rings:
                ring.close()
