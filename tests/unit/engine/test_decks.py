"""Decks: every decoder gets all open decks, in rings that stay; files that decoders die of are given up."""

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from rtc_drift.decoder.messages import MAX_BYTES, SOCKET_TYPE, CloseDeck, OpenDeck, ToDecoder, decode
from rtc_drift.decoder.ring import Ring
from rtc_drift.engine.decks import Decks
from rtc_drift.engine.ring_deck import CRASHED, RESCUE, RingDeck


class FakeDecoder:
    """The decoder's end of the socket, and the rings that came through it by file."""

    def __init__(self) -> None:
        self.engines, self.socket = socket.socketpair(socket.AF_UNIX, SOCKET_TYPE)
        self.socket.setblocking(False)
        self.rings: dict[str, Ring] = {}

    def received(self) -> list[ToDecoder]:
        messages: list[ToDecoder] = []
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self.socket, MAX_BYTES, 1)
            except BlockingIOError:
                return messages
            if not data:
                return messages
            messages.append(message := decode(data))
            if isinstance(message, OpenDeck):
                self.rings[message.path] = Ring(fds[0])

    def die_at(self, *paths: str, tell: Decks, crashed: bool = False) -> None:
        for path in paths:
            self.rings[path].note_decoding(True)
        self.close()
        tell.decoder_died(crashed=crashed)

    def close(self) -> None:
        self.socket.close()
        for ring in self.rings.values():
            ring.close()


@pytest.fixture
def decks() -> Iterator[Decks]:
    decks = Decks()
    yield decks
    decks.close()


def connect(decks: Decks) -> FakeDecoder:
    decoder = FakeDecoder()
    decks.connect(decoder.engines)
    return decoder


def ring_deck(decks: Decks, path: str, start: int = 0) -> RingDeck:
    deck = decks.open(path, start)
    assert isinstance(deck, RingDeck)
    return deck


SOUND = np.full((960, 2), 0.25, np.float32)


def test_decks_opened_before_there_is_a_decoder_reach_the_first_one(decks: Decks) -> None:
    deck = ring_deck(decks, "früh \udce9.ogg", 77)
    decoder = connect(decks)
    assert decoder.received() == [OpenDeck(1, "früh \udce9.ogg")]
    assert not deck.ready
    decoder.rings["früh \udce9.ogg"].write(SOUND)
    assert deck.ready
    assert np.array_equal(deck.read(77, 960), SOUND)
    deck.close()
    deck.close()
    assert decoder.received() == [CloseDeck(1)]
    decoder.close()


def test_the_next_decoder_goes_on_in_the_same_rings(decks: Decks) -> None:
    first = connect(decks)
    deck, finished = ring_deck(decks, "a"), ring_deck(decks, "b")
    first.received()
    first.rings["a"].write(SOUND)
    first.rings["b"].end(None)
    first.die_at(tell=decks)
    second = connect(decks)
    assert second.received() == [OpenDeck(1, "a")], "the other one is decoded to its end"
    assert second.rings["a"].written == 960
    second.rings["a"].write(2 * SOUND)
    assert np.array_equal(deck.read(0, 1_920), np.concatenate((SOUND, 2 * SOUND)))
    assert finished.ending is not None
    second.close()


def test_a_file_that_decoders_crash_at_is_tried_first_and_then_given_up(decks: Decks) -> None:
    decoder = connect(decks)
    good, bad, same = ring_deck(decks, "good"), ring_deck(decks, "bad"), ring_deck(decks, "bad")
    decoder.received()
    decoder.rings["bad"].write(SOUND)
    decoder.die_at("bad", tell=decks, crashed=True)
    decoder = connect(decks)
    assert decoder.received() == [OpenDeck(2, "bad", True), OpenDeck(3, "bad", True), OpenDeck(1, "good")]
    decoder.die_at("bad", tell=decks, crashed=True)
    decoder = connect(decks)
    assert decoder.received() == [OpenDeck(1, "good")]
    assert good.ending is None
    for deck in (bad, same):
        assert deck.ending is not None
        assert deck.ending.reason == CRASHED
    assert same.ending is not None
    assert same.ending.position == 960, "what is decoded is played"
    decoder.close()


@pytest.mark.parametrize(
    ("ahead", "is_read", "is_given_up"), [(RESCUE - 1, True, True), (RESCUE, True, False), (0, False, False)]
)
def test_a_suspect_with_too_little_left_is_not_waited_for(
    decks: Decks, ahead: int, is_read: bool, is_given_up: bool
) -> None:
    decoder = connect(decks)
    deck = ring_deck(decks, "perhaps bad")
    decoder.received()
    decoder.rings["perhaps bad"].write(np.zeros((ahead + 960, 2), np.float32))
    if is_read:
        deck.read(0, 960)
    decoder.die_at("perhaps bad", tell=decks, crashed=True)
    assert (deck.ending is not None) == is_given_up


def test_two_kills_while_a_file_is_being_decoded_are_no_proof(decks: Decks) -> None:
    deck = ring_deck(decks, "good")
    for _ in range(5):
        decoder = connect(decks)
        decoder.received()
        decoder.rings["good"].write(SOUND)
        decoder.die_at("good", tell=decks)
    assert deck.ending is None


def test_messages_that_a_busy_decoder_can_not_take_arrive_later(decks: Decks) -> None:
    decoder = connect(decks)
    opened = [ring_deck(decks, f"{number}") for number in range(600)]
    for deck in opened[::2]:
        deck.close()
    received = decoder.received()
    for _ in range(20):
        decks.flush()
        received += decoder.received()
    still_open = {it.deck for it in received if isinstance(it, OpenDeck)}
    still_open -= {it.deck for it in received if isinstance(it, CloseDeck)}
    assert still_open == set(range(2, 601, 2))
    for deck in opened:
        deck.close()
    decoder.close()


def test_without_descriptors_a_play_fails_and_nothing_else(decks: Decks, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(start: int) -> Ring:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("rtc_drift.engine.decks.Ring.create", no_memory)
    deck = decks.open("a", 10)
    assert not deck.ready
    assert deck.ending is not None
    assert deck.ending.position == 10
    assert deck.ending.reason is not None
    assert len(deck.read(10, 960)) == 0
    deck.close()
