"""The bytes between control, engine and decoder. They come from our own processes: nonsense ends the link, no more."""

import json
import struct
from collections.abc import Iterable

from rtc_drift.decoder import messages as decoding
from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.codec import Decoder, encode
from rtc_drift.engine.protocol.plays import Bands, Fade, Lead, LeadOut, Play
from tests.fuzz.target import Target, require

REFUSALS = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, struct.error)
"""What nonsense raises."""
SIZES = (1, 7, 64)
FADE = Fade(9, 960)
PLAY = Play(
    *(1, "0" * 16, "/music/\udcff.flac", 960, 0, 48_000, 0.5, 0, FADE, None),
    *(Lead("/lead", 9, 9), LeadOut("/lead", 9, 9), Bands(FADE, FADE, FADE)),
)
MESSAGES: tuple[m.Message, ...] = (
    *(m.OpenStation(1, 128_000), m.SetClock(1, 0, None), m.SetPlays(1, (PLAY,)), m.Subscribe(1, rtp=True)),
    *(m.Packet(1, 960, b"opus"), m.Pcm(1, 960, bytes(16)), m.DeckReady(1, 2), m.DeckFailed(1, 2, 3, "It broke.")),
    m.Health((1, 2), (3,), 0, 0, 0, 0.5, 7),
    m.AddListener(1, 2, 0, ("127.0.0.1", 9), 7, 111, "", 5, 6, 7, "00"),
    *(m.Resend(1, 2, (3, 4)), m.SentCounts(bytes(16)), m.MoveListener(1, 2, 0, ("::1", 9)), m.CloseStation(1)),
)


class Link(Target):
    """`engine.protocol.codec` and `decoder.messages`."""

    name = "link"
    watched = ("engine/protocol/codec.py", "decoder/messages.py", "json/decoder.py")
    tokens = (
        b'{"station":1',
        b'"plays":[',
        b'"fade_out":null',
        b"[[1]]",
        b'"path":"',
        b'"deck":1',
        b"\x04\0\0\0",
        b"\xff\xff\xff\x7f",
    )

    def seeds(self) -> Iterable[bytes]:
        """Return a stream of all messages, and each of them."""
        yield b"".join(map(encode, MESSAGES))
        yield from map(encode, MESSAGES)
        yield decoding.encode(decoding.OpenDeck(1, "/music/\udcff.flac"))
        yield decoding.encode(decoding.CloseDeck(1))

    def run(self, data: bytes) -> None:
        """Decode bytes, whole and in pieces, and encode the messages again."""
        whole = _decoded(data, len(data) or 1)
        for size in SIZES:
            require(_decoded(data, size) == whole, "another result when the stream is cut elsewhere")
        try:
            message = decoding.decode(data)
        except REFUSALS:
            return
        json.loads(decoding.encode(message))


def _decoded(data: bytes, size: int) -> tuple[list[bytes], str]:
    """Return the messages, encoded again, and the kind of error that ended them."""
    decoder, messages = Decoder(), list[bytes]()
    try:
        for at in range(0, len(data), size):
            for message in decoder.feed(data[at : at + size]):
                again = encode(message)
                messages.append(again)
                require([encode(it) for it in Decoder().feed(again)] == [again], "another message when encoded again")
    except REFUSALS as error:
        return messages, type(error).__name__
    return messages, ""
