"""Opens decks, and keeps the decoder process at work on them, whichever decoder that is at the moment.

A decoder may die at any time. The rings stay with the engine, and the next decoder gets all of them: what is decoded
already covers the time until then. Every ring tells if the decoder died while it was at that file.
"""

import itertools
import logging
import socket

from rtc_drift.decoder.messages import CloseDeck, OpenDeck, encode
from rtc_drift.decoder.ring import Ring
from rtc_drift.engine.deck import DeckReader
from rtc_drift.engine.ring_deck import FailedDeck, RingDeck
from rtc_drift.engine.suspects import Suspects

logger = logging.getLogger(__name__)


class Decks:
    """All open decks of an engine."""

    def __init__(self) -> None:
        self._decks: dict[int, RingDeck] = {}
        self._numbers = itertools.count(1)
        self._decoder: socket.socket | None = None
        self._unsent: dict[int, OpenDeck | CloseDeck] = {}
        """The latest message about each deck that the decoder could not take yet."""
        self._suspects = Suspects()

    def open(self, path: str, start: int) -> DeckReader:
        """Open a file from its sample `start` (at 48 kHz) on; its first samples are decoded soon."""
        try:
            ring = Ring.create(start)
        except OSError as error:
            logger.error("%s can't be played: no memory for a deck (%s)", path, error.strerror)
            return FailedDeck(start, "There was no memory left to play this file.")
        number = next(self._numbers)
        deck = self._decks[number] = RingDeck(path, ring, start, lambda: self._close(number))
        self._send(OpenDeck(number, path, path in self._suspects))
        return deck

    def connect(self, decoder: socket.socket) -> None:
        """Give all decks to another decoder, those of suspect files first."""
        self._disconnect()
        decoder.setblocking(False)
        self._decoder = decoder
        going = [(number, deck.path) for number, deck in self._decks.items() if deck.ending is None]
        for number, path in sorted(going, key=lambda it: it[1] not in self._suspects):
            self._send(OpenDeck(number, path, path in self._suspects))

    def decoder_died(self, *, crashed: bool) -> None:
        """Note for which files the decoder died, and give up those that it has died of before.

        `crashed` tells that it ended by itself, and was not killed.
        """
        self._disconnect()
        files = dict[str, int]()
        for deck in self._decks.values():
            if deck.ring.is_being_decoded:
                deck.ring.note_decoding(False)
                if deck.ending is None:
                    files[deck.path] = deck.ring.decoded
                    deck.is_suspect = crashed
        for path in self._suspects.died(files, crashed=crashed):
            logger.warning("Given up, because the decoder died of it more than once: %s", path)
            for deck in self._decks.values():
                if deck.path == path and deck.ending is None:
                    deck.give_up()

    def flush(self) -> None:
        """Send what the decoder could not take before."""
        for message in list(self._unsent.values()):
            if self._decoder is None:
                return
            try:
                fds = [self._decks[message.deck].ring.fd] if isinstance(message, OpenDeck) else []
                socket.send_fds(self._decoder, [encode(message)], fds)
            except ConnectionError:  # it has ended; the next one gets all decks
                self._disconnect()
                return
            except OSError:  # it has not taken what came before
                return
            del self._unsent[message.deck]

    def close(self) -> None:
        """Close the socket to the decoder. Idempotent."""
        self._disconnect()

    def _send(self, message: OpenDeck | CloseDeck) -> None:
        if self._decoder is not None:
            self._unsent[message.deck] = message
            self.flush()

    def _disconnect(self) -> None:
        self._unsent.clear()
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def _close(self, number: int) -> None:
        if self._decks.pop(number, None) is not None:
            self._send(CloseDeck(number))
