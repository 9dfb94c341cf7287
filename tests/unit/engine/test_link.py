"""The link of the engine to control: it drops only media, and reports when it is closed."""

import socket

import pytest

from rtc_drift.engine.link import MAX_WAITING_BYTES, EngineLink, LinkClosedError
from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.codec import Decoder


def test_a_slow_control_loses_only_media() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        link = EngineLink(ours)
        for number in range(2_000):
            link.send(m.Packet(1, number, bytes(1_000)))
            link.flush()
        link.send(m.DeckReady(1, 7))
        assert link.dropped_messages > 0
        decoder, received = Decoder(), list[m.Message]()
        theirs.setblocking(False)
        while not received or received[-1] != m.DeckReady(1, 7):
            link.flush()
            received += decoder.feed(theirs.recv(MAX_WAITING_BYTES))
    times = [message.media_time for message in received if isinstance(message, m.Packet)]
    assert times == list(range(len(times))), "the packets that arrived are the first ones, in order"
    assert len(times) + link.dropped_messages == 2_000


def test_a_closed_link_raises() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        link = EngineLink(ours)
        theirs.close()
        with pytest.raises(LinkClosedError):
            list(link.receive())
        with pytest.raises(LinkClosedError):
            link.send(m.DeckReady(1, 1))
            link.flush()
