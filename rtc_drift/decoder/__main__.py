"""The decoder process. Control starts it: `python -m rtc_drift.decoder --fd N`.

Control's socket takes signs of life, and brings a socket to the engine, again whenever the engine is new. That one
brings decks. Every deck decodes in a thread of its own. The process ends when control closes its socket.
"""

import argparse
import gc
import logging
import os
import selectors
import signal
import socket
import threading
import time
from contextlib import suppress

from rtc_drift.decoder.deck_writer import DeckWriter
from rtc_drift.decoder.limits import go_first, limit_memory, lower_priority, take_share
from rtc_drift.decoder.messages import MAX_BYTES, NEEDS_SHARE, OpenDeck, decode
from rtc_drift.decoder.ring import Ring
from rtc_drift.decoder.turns import Turns
from rtc_drift.workers import sandbox
from rtc_drift.workers.log_lines import log_to_stderr

logger = logging.getLogger(__name__)

ALIVE = b"alive"
"""The sign of life for control."""
ALIVE_SECONDS = 1.5
STACK_BYTES = 1 << 20
"""Stack of each deck's thread. The system's default of 8 MiB would count as used memory."""
STUCK_SECONDS = 10.0
"""Time after which a closed deck whose thread has not ended counts as stuck in a read that hangs."""
MOST_STUCK = 32
"""Stuck decks above which the process ends. The next one begins without them."""


class Decoder:
    """The decks of one engine, and the two sockets that say what to do."""

    def __init__(self, control: socket.socket, *, gives_way: bool) -> None:
        self._control = control
        self._gives_way = gives_way
        self._engine: socket.socket | None = None
        self._turns = Turns()
        self._decks: dict[int, DeckWriter] = {}
        self._closed: list[tuple[float, DeckWriter]] = []
        """When decks were closed whose threads have not ended yet."""
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)

    def run(self) -> None:
        """Do what control and the engine say, until control closes its socket."""
        alive_at = 0.0
        while True:
            if time.monotonic() >= alive_at:
                alive_at = time.monotonic() + ALIVE_SECONDS
                with suppress(BlockingIOError):
                    self._control.send(ALIVE, socket.MSG_DONTWAIT)
                self._forget_ended()
                self._keep_fed()
            for key, _ in self._selector.select(max(0.0, alive_at - time.monotonic())):
                if key.fileobj is self._control:
                    fds = _receive(self._control)[1]
                    if not fds:
                        return
                    self._connect(socket.socket(fileno=fds[0]))
                elif key.fileobj is self._engine:
                    self._handle_engine(self._engine)

    def _connect(self, engine: socket.socket) -> None:
        """Serve another engine from now on."""
        self._disconnect()
        self._engine = engine
        self._selector.register(engine, selectors.EVENT_READ)

    def _disconnect(self) -> None:
        if self._engine is not None:
            self._selector.unregister(self._engine)
            self._engine.close()
            self._engine = None
        for deck in list(self._decks):
            self._close(deck)

    def _handle_engine(self, engine: socket.socket) -> None:
        data, fds = _receive(engine)
        if not data:
            self._disconnect()
            return
        message = decode(data)
        self._close(message.deck)
        if isinstance(message, OpenDeck):
            try:
                self._open(message, fds[0])
            except (OSError, RuntimeError, IndexError) as error:  # no descriptor, memory or thread is left
                logger.error("%s can't be decoded now: %s", message.path, error)

    def _open(self, message: OpenDeck, fd: int) -> None:
        deck = DeckWriter(message.path, Ring(fd), self._turns, is_suspect=message.is_suspect, gives_way=self._gives_way)
        self._decks[message.deck] = deck
        limit_memory(len(self._decks))
        deck.start()

    def _close(self, number: int) -> None:
        if (deck := self._decks.pop(number, None)) is not None:
            deck.close()
            self._closed.append((time.monotonic(), deck))

    def _forget_ended(self) -> None:
        """Forget closed decks whose threads have ended. End the process if too many threads never will."""
        self._closed = [(at, deck) for at, deck in self._closed if not deck.join(0)]
        since = time.monotonic() - STUCK_SECONDS
        if sum(at < since for at, _ in self._closed) > MOST_STUCK:
            logger.error("Too many files can't be read on; the decoder is started again without them")
            os._exit(0)

    def _keep_fed(self) -> None:
        """Give way no more if a deck starves of that. The next decoder knows it, if this one may not change it."""
        if self._gives_way and any(deck.is_starved for deck in self._decks.values()):
            self._gives_way = False
            logger.warning("Decoding gets too little of the machine, and gives way to others no more")
            threads = [deck.thread_id for deck in self._decks.values()]
            if not take_share(thread for thread in threads if thread is not None):
                os._exit(NEEDS_SHARE)


def _receive(sock: socket.socket) -> tuple[bytes, list[int]]:
    """Receive a datagram and its descriptors; nothing at all if the other end is closed."""
    try:
        data, fds, _, _ = socket.recv_fds(sock, MAX_BYTES, 1)
    except ConnectionError:
        return b"", []
    return data, fds


def main() -> None:
    """Set up the process and decode until control closes its socket."""
    parser = argparse.ArgumentParser(prog="python -m rtc_drift.decoder", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="inherited datagram socket to control")
    parser.add_argument("--keeps-share", action="store_true", help="don't give way to others on a busy core")
    parser.add_argument("--log-level", default="INFO", help="such as INFO or DEBUG")
    sandbox.add_options(parser)
    arguments = parser.parse_args()
    sandbox.harden(arguments.parent)
    log_to_stderr(arguments.log_level, "decoder", "%(levelname)s decoder: %(message)s")
    # Ctrl-C in a terminal reaches the whole process group, but only control ends the decoder.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lower_priority()
    go_first()
    limit_memory(0)
    threading.stack_size(STACK_BYTES)
    gc.collect()
    gc.freeze()
    sandbox.confine(sandbox.Rights.from_options(arguments))()
    Decoder(socket.socket(fileno=arguments.fd), gives_way=not arguments.keeps_share).run()
    os._exit(0)  # a thread may hang in a read for ever


if __name__ == "__main__":
    main()
