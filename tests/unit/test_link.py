"""The link between control and engine: any message survives, however the stream is cut."""

import socket
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_drift.engine.link import MAX_WAITING_BYTES, EngineLink, LinkClosedError
from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.codec import Decoder, encode
from rtc_drift.engine.protocol.plays import Fade, Lead, Play

NUMBERS = st.integers(0, 2**32 - 1)
TIMES = st.integers(0, 2**62)
# Paths may hold bytes that are not UTF-8, which Python shows as lone surrogates.
TEXT = st.text(st.characters(exclude_categories=()), max_size=40).map(
    lambda text: text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
)
FADES = st.none() | st.builds(Fade, TIMES, TIMES)
LEADS = st.none() | st.builds(Lead, TEXT, TIMES, TIMES)
PLAY_FIELDS = (NUMBERS, TEXT, TEXT, TIMES, TIMES, TIMES, st.floats(0, 16), TIMES, FADES, FADES, LEADS, FADES, FADES)
PLAYS = st.builds(Play, *PLAY_FIELDS)
MESSAGES = st.one_of(
    st.builds(m.OpenStation, NUMBERS, NUMBERS),
    st.builds(m.SetClock, NUMBERS, TIMES, st.none() | TIMES),
    st.builds(m.CloseStation, NUMBERS),
    st.builds(m.SetPlays, NUMBERS, st.lists(PLAYS, max_size=3).map(tuple)),
    st.builds(m.Subscribe, NUMBERS, st.booleans(), st.booleans(), st.booleans()),
    st.builds(m.Packet, NUMBERS, TIMES, st.binary(max_size=600)),
    st.builds(m.Pcm, NUMBERS, TIMES, st.binary(max_size=3840)),
    st.builds(m.DeckReady, NUMBERS, NUMBERS),
    st.builds(
        m.Health, st.lists(NUMBERS).map(tuple), st.lists(NUMBERS).map(tuple), NUMBERS, NUMBERS, NUMBERS, st.floats(0, 9)
    ),
    st.builds(m.DeckFailed, NUMBERS, NUMBERS, TIMES, TEXT),
)


def test_every_field_of_a_play_is_tried() -> None:
    assert len(fields(Play)) == len(PLAY_FIELDS)


@given(st.lists(MESSAGES, max_size=5), st.integers(1, 97))
def test_any_chunking_gives_the_same_messages(messages: list[m.Message], size: int) -> None:
    stream = b"".join(encode(message) for message in messages)
    decoder = Decoder()
    received = [message for at in range(0, len(stream), size) for message in decoder.feed(stream[at : at + size])]
    assert received == messages


def test_a_slow_control_loses_media_and_nothing_else() -> None:
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
    assert times == list(range(len(times))), "what got through is in order and from the start"
    assert len(times) + link.dropped_messages == 2_000


def test_a_closed_link_is_said() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        link = EngineLink(ours)
        theirs.close()
        with pytest.raises(LinkClosedError):
            list(link.receive())
        with pytest.raises(LinkClosedError):
            link.send(m.DeckReady(1, 1))
            link.flush()
