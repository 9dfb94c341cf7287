"""aiortc tracks: `DriftTrack`, a mixer's frames, and `PacketTrack`, what is already encoded.

Every peer connection needs a track object of its own: aiortc stops a sender's track when its peer goes.
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
"""A track further behind (80 ms) goes on at the live edge: a burst would stay in the listener's buffer for good."""
TIME_BASE = Fraction(1, SAMPLE_RATE)


class _BroadcastTrack(MediaStreamTrack, Generic[Item]):
    kind = "audio"

    def __init__(self, broadcast: Broadcast[Item]) -> None:
        super().__init__()
        self._broadcast = broadcast
        self._reader: Reader[Item] | None = None

    @property
    def skipped(self) -> int:
        """Blocks left out because this track was not read in time."""
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
            # aiortc asks for the first frame once DTLS is connected, so nothing older than that is ever sent.
            self._reader = self._broadcast.reader(LIVE_EDGE_PACKETS)
        try:
            return await self._reader.next()
        except BroadcastEndedError:
            self.stop()
            raise MediaStreamError from None


class DriftTrack(_BroadcastTrack[Pcm]):
    """A session's mixer as an aiortc `MediaStreamTrack`, for `addTrack` on anybody's peer connection.

    `recv()` gives the next 20 ms as an `av.AudioFrame`: s16, stereo, 48 kHz, 960 samples, `pts` its media time. It
    starts at the live edge. While the engine restarts it waits; `pts` then jumps by what was missed. At the end of the
    session it raises `MediaStreamError`. Cancelling `recv()` loses nothing.
    """

    def __init__(self, broadcast: Broadcast[Pcm]) -> None:
        super().__init__(broadcast)

    async def recv(self) -> av.AudioFrame:
        pcm = await self._next()
        samples = np.frombuffer(pcm.data, "<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = TIME_BASE
        frame.pts = pcm.media_time
        return frame


class PacketTrack(_BroadcastTrack["OpusPacket"]):
    """A session's Opus packets as they are: aiortc sends an `av.Packet` without encoding it again.

    `pts` is the media time. The packet object is shared by every listener of the session.
    """

    def __init__(self, broadcast: Broadcast[OpusPacket], now: Callable[[], int]) -> None:
        """`now` gives the session's media time."""
        super().__init__(broadcast)
        self._now = now
        self._joined_at: int | None = None
        self.last_media_time: int | None = None
        """Media time of the packet handed out last."""

    async def recv(self) -> OpusPacket:
        if self._joined_at is None:
            self._joined_at = self._now()
        packet = await self._next()
        # Where only Ogg readers were, packets come in groups: the first may hold some from before this one joined.
        while (packet.pts or 0) < self._joined_at:
            packet = await self._next()
        self.last_media_time = packet.pts
        return packet


def shared_packet(opus: bytes, media_time: int) -> OpusPacket:
    """One Opus packet as every `PacketTrack` will hand it out."""
    packet: OpusPacket = av.Packet(opus)
    packet.pts = packet.dts = media_time
    packet.time_base = TIME_BASE
    return packet
