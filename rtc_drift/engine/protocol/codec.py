"""The bytes between control and engine: a sans-I/O codec, the same on both sides.

A frame is a little-endian length (u32, of what follows), a kind (u8) and a body: media with a fixed header, everything
else as JSON. Any chunking of the stream gives the same messages.
"""

import dataclasses
import json
import struct
from collections.abc import Iterator
from typing import Any

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.plays import Bands, Fade, Lead, LeadOut, Play

_FRAME = struct.Struct("<IB")
_MEDIA = struct.Struct("<Iq")
_KINDS: tuple[type[Any], ...] = (
    m.OpenStation,
    m.CloseStation,
    m.SetPlays,
    m.Subscribe,
    m.Packet,
    m.Pcm,
    m.DeckReady,
    m.DeckFailed,
    m.Health,
    m.SetClock,
    m.AddSocket,
    m.AddListener,
    m.MoveListener,
    m.RemoveListener,
    m.Resend,
    m.SentCounts,
    m.AddDecoder,
    m.DecoderDied,
    m.RemoveSocket,
)
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}


def encode(message: m.Message) -> bytes:
    """Encode one message as a frame."""
    if isinstance(message, m.Packet | m.Pcm):
        body = _MEDIA.pack(message.station, message.media_time) + message.data
    elif isinstance(message, m.SentCounts):
        body = message.data
    else:
        body = json.dumps(dataclasses.asdict(message), separators=(",", ":")).encode("utf-8", "surrogateescape")
    return _FRAME.pack(1 + len(body), _NUMBERS[type(message)]) + body


class Decoder:
    """A decoder of a byte stream in chunks of any size."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[m.Message]:
        """Add received bytes, and yield every message that is now complete."""
        self._buffer += data
        position = 0
        while len(self._buffer) - position >= _FRAME.size:
            length, kind = _FRAME.unpack_from(self._buffer, position)
            end = position + _FRAME.size - 1 + length
            if len(self._buffer) < end:
                break
            body = bytes(self._buffer[position + _FRAME.size : end])
            position = end
            yield _message(_KINDS[kind], body)
        del self._buffer[:position]


def _message(kind: type[Any], body: bytes) -> m.Message:
    message: m.Message
    if kind is m.Packet or kind is m.Pcm:
        station, media_time = _MEDIA.unpack_from(body)
        message = kind(station, media_time, body[_MEDIA.size :])
    elif kind is m.SentCounts:
        message = m.SentCounts(body)
    elif kind is m.SetPlays:
        fields = json.loads(body)
        message = m.SetPlays(fields["station"], tuple(_play(play) for play in fields["plays"]))
    else:
        # JSON has no tuples: every field that is a list in JSON is a tuple in the message.
        fields = {name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(body).items()}
        message = kind(**fields)
    return message


def _play(fields: dict[str, Any]) -> Play:
    fades = {name: fields[name] and Fade(**fields[name]) for name in ("fade_out", "hush")}
    bands = {name: fields[name] and _bands(fields[name]) for name in ("bands_in", "bands_out")}
    lead = fields["lead"] and Lead(**fields["lead"])
    lead_out = fields["lead_out"] and LeadOut(**fields["lead_out"])
    return Play(**fields | fades | bands | {"lead": lead, "lead_out": lead_out})


def _bands(fields: dict[str, Any]) -> Bands:
    return Bands(**{name: Fade(**fade) for name, fade in fields.items()})
