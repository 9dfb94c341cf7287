"""Encodes PCM as it comes into a format that radios play: frames that may be joined at any one of them."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

from rtc_drift.media import SAMPLE_RATE

CHANNELS = 2
_ADTS_BYTES = 7
_ADTS_48_KHZ = 3
"""Index of 48 kHz in the table of MPEG-4 sample rates."""


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """A format of encoded streams."""

    name: str
    """Its name, which is also the suffix of its URL."""
    content_type: str
    codec: str
    """ffmpeg's name of the encoder."""
    sample_format: str
    """ffmpeg's name for the format of the samples that the encoder takes."""
    bitrate: int
    """Bits per second."""
    frame_samples: int
    options: Mapping[str, str]
    """Options of the encoder."""
    is_adts: bool = False
    """True if each frame needs an ADTS header."""


MP3 = StreamFormat(
    "mp3",
    "audio/mpeg",
    "libmp3lame",
    "s16p",
    192_000,
    1_152,
    # 13.5 ms of a second. Joint stereo takes 4 ms more, level 5, the default, twice that; 9 is no faster than 7.
    MappingProxyType({"compression_level": "7", "joint_stereo": "0"}),
)
AAC = StreamFormat(
    "aac",
    "audio/aac",
    "aac",
    "fltp",
    160_000,
    1_024,
    # Half the time of the other search, `twoloop`.
    MappingProxyType({"aac_coder": "fast"}),
    is_adts=True,
)
FORMATS = {each.name: each for each in (MP3, AAC)}
"""The formats by name."""


class EncodedFrame(NamedTuple):
    """A frame of the encoder's."""

    media_time: int
    """Media time of the first sample that a decoder makes of it."""
    data: bytes


class LiveEncoder:
    """One encoder: blocks of PCM in, frames out. Used by one thread at a time."""

    def __init__(self, stream_format: StreamFormat) -> None:
        self._format = stream_format
        codec = AudioCodecContext.create(stream_format.codec, "w")
        assert isinstance(codec, AudioCodecContext)
        codec.bit_rate = stream_format.bitrate
        codec.format = stream_format.sample_format
        codec.layout = "stereo"
        codec.sample_rate = SAMPLE_RATE
        codec.time_base = Fraction(1, SAMPLE_RATE)
        codec.options = dict(stream_format.options)
        self._codec = codec
        self._encoded = 0
        """Number of samples encoded so far: the encoder's own time."""
        self._pieces: deque[tuple[int, int]] = deque()
        """The encoder's time and the media time at which each unbroken piece begins."""

    def encode(self, blocks: Sequence[tuple[int, bytes]]) -> list[EncodedFrame]:
        """Encode blocks, each with its media time, of interleaved little-endian s16; return the frames that are full.

        Blocks may be missing between them: what comes is joined, and the media times of the frames jump.
        """
        for media_time, data in blocks:
            if not self._pieces or self._media_time(self._encoded) != media_time:
                self._pieces.append((self._encoded, media_time))
            self._encoded += len(data) // (2 * CHANNELS)
        audio = np.frombuffer(b"".join(data for _, data in blocks), "<i2").reshape(-1, CHANNELS)
        frames = [
            EncodedFrame(self._media_time(packet.pts or 0), self._framed(bytes(packet)))
            for packet in self._codec.encode(self._frame(audio))
        ]
        while len(self._pieces) > 1 and frames and self._pieces[1][1] <= frames[-1].media_time:
            self._pieces.popleft()
        return frames

    def _frame(self, audio: np.ndarray[tuple[int, int], np.dtype[np.int16]]) -> av.AudioFrame:
        planes = audio.T
        if self._format.sample_format == "fltp":
            planes = planes * np.float32(1 / 32768)  # type: ignore[assignment]
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(planes), format=self._format.sample_format, layout="stereo"
        )
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = Fraction(1, SAMPLE_RATE)
        frame.pts = self._encoded - len(audio)
        return frame

    def _media_time(self, encoded: int) -> int:
        """Return the media time of a moment of the encoder's own time."""
        begins, media_time = self._pieces[0]
        for piece in self._pieces:
            if piece[0] <= encoded:
                begins, media_time = piece
        return media_time + encoded - begins

    def _framed(self, data: bytes) -> bytes:
        return _adts_header(len(data)) + data if self._format.is_adts else data


def _adts_header(length: int) -> bytes:
    """Return the header of an AAC-LC frame of so many bytes: 48 kHz, stereo, no checksum."""
    total = length + _ADTS_BYTES
    fields = (
        (0xFFF, 12),  # sync word
        (0b0001, 4),  # MPEG-4, layer 0, no checksum
        (1, 2),  # AAC-LC
        (_ADTS_48_KHZ, 4),
        (0, 1),
        (CHANNELS, 3),
        (0, 4),
        (total, 13),
        (0x7FF, 11),  # buffer fullness: variable bit rate
        (0, 2),  # one frame
    )
    value = 0
    for field, bits in fields:
        value = value << bits | field
    return value.to_bytes(_ADTS_BYTES, "big")
