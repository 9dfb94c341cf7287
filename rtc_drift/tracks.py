"""aiortc tracks of a session: `DriftTrack` with a mixer's frames, `PacketTrack` with encoded Opus packets.

Every peer connection needs its own track object: aiortc stops a sender's track when its peer connection closes.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from rtc_drift.broadcast import Broadcast, BroadcastEndedError, Reader
from rtc_drift.engine.protocol.messages import Pcm
from rtc_drift.media import SAMPLE_RATE

if TYPE_CHECKING:
    OpusPacket: TypeAlias = av.Packet[av.stream.Stream]

Item = TypeVar("Item")

LIVE_EDGE_PACKETS = 4
"""Lag (4 packets, 80 ms) beyond which a track skips to the live edge.

Old packets sent in a burst would stay in the listener's buffer and delay all later audio.
"""
TIME_BASE = Fraction(1, SAMPLE_RATE)


class _BroadcastTrack(MediaStreamTrack, Generic[Item]):
    kind = "audio"

    def __init__(self, broadcast: Broadcast[Item]) -> None:
        super().__init__()
        self._broadcast = broadcast
        self._reader: Reader[Item] | None = None

    @property
    def skipped(self) -> int:
        """Number of blocks left out because this track was not read in time."""
        return self._reader.skipped if self._reader else 0

    def stop(self) -> None:
        """End the track. Idempotent."""
        super().stop()
        if self._reader is not None:
            self._reader.close()

    async def _next(self) -> Item:
        if self.readyState != "live":
            raise MediaStreamError
        if self._reader is None:
            # aiortc reads the first frame once DTLS is connected, so nothing older is ever sent.
            self._reader = self._broadcast.reader(LIVE_EDGE_PACKETS)
        try:
            return await self._reader.next()
        except BroadcastEndedError:
            self.stop()
            raise MediaStreamError from None


class DriftTrack(_BroadcastTrack[Pcm]):
    """A session's mixer as an aiortc `MediaStreamTrack`, for `addTrack` on any peer connection.

    The first frame is at the live edge. While the engine restarts, `recv()` waits; then `pts` jumps by the missing
    samples.
    """

    def __init__(self, broadcast: Broadcast[Pcm]) -> None:
        super().__init__(broadcast)

    async def recv(self) -> av.AudioFrame:
        """Return the next 20 ms: s16, stereo, 48 kHz, 960 samples; `pts` is the media time.

        Raises MediaStreamError at the end of the session. Cancellation loses no frame.
        """
        pcm = await self._next()
        samples = np.frombuffer(pcm.data, "<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = TIME_BASE
        frame.pts = pcm.media_time
        return frame


class PacketTrack(_BroadcastTrack["OpusPacket"]):
    """A session's Opus packets; aiortc sends an `av.Packet` without encoding it again.

    All listeners of the session share the packet objects.
    """

    def __init__(self, broadcast: Broadcast[OpusPacket], now: Callable[[], int]) -> None:
        """Create a track that starts at the live edge. `now` returns the session's media time."""
        super().__init__(broadcast)
        self._now = now
        self._joined_at: int | None = None
        self.last_media_time: int | None = None
        """Media time of the last packet returned; None before the first."""

    async def recv(self) -> OpusPacket:
        """Return the next packet of 20 ms; `pts` is the media time.

        Raises MediaStreamError at the end of the session. Cancellation loses no packet.
        """
        if self._joined_at is None:
            self._joined_at = self._now()
        packet = await self._next()
        # With only Ogg readers, packets arrive in groups; the first group may hold packets from before the join.
        while (packet.pts or 0) < self._joined_at:
            packet = await self._next()
        self.last_media_time = packet.pts
        return packet


def shared_packet(opus: bytes, media_time: int) -> OpusPacket:
    """Return one Opus packet for all `PacketTrack`s; `media_time` in samples."""
    packet: OpusPacket = av.Packet(opus)
    packet.pts = packet.dts = media_time
    packet.time_base = TIME_BASE
    return packet
