"""An endless Ogg Opus stream: libavformat muxes the station's packets; nothing is encoded again."""

import io
from fractions import Fraction
from functools import cache

import av
import numpy as np
from av.container import InputContainer

from rtc_drift.media import BLOCK_SAMPLES, SAMPLE_RATE

PAGE_MICROSECONDS = 160_000
"""Length of a page: 160 ms, the group of packets that the engine hands over at once."""


class OggMuxer:
    """The Ogg stream of one reader: packets in, bytes out. Granule positions count from its first packet."""

    def __init__(self) -> None:
        self._sink = _Sink()
        options = {"page_duration": str(PAGE_MICROSECONDS), "flush_packets": "1"}
        self._container = av.open(self._sink, "w", format="ogg", options=options)
        self._stream = self._container.add_stream_from_template(_opus_template().streams.audio[0])
        self._packets = 0

    def mux(self, opus: bytes) -> bytes:
        """Add one 20 ms packet and return the pages that are full now, often none."""
        packet = av.Packet(opus)
        packet.pts = packet.dts = self._packets * BLOCK_SAMPLES
        packet.duration = BLOCK_SAMPLES
        packet.time_base = Fraction(1, SAMPLE_RATE)
        packet.stream = self._stream
        self._packets += 1
        self._container.mux(packet)
        return self._sink.take()

    def close(self) -> bytes:
        """Return the last page."""
        self._container.close()
        return self._sink.take()


class _Sink:
    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


@cache
def _opus_template() -> InputContainer:
    """Return an open Ogg Opus file in memory: libavformat copies the Opus header from its stream."""
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=SAMPLE_RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2 * BLOCK_SAMPLES), np.float32), format="flt", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    file.seek(0)
    return av.open(file, "r")
