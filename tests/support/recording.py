"""Recordings: of a mixer's own track, of a listener, and of the RTP packets that it receives."""

import asyncio
from typing import Any

import numpy as np
from aiortc.rtp import RtpPacket

from rtc_drift.client import Listener
from rtc_drift.media import Audio, samples
from rtc_drift.tracks import DriftTrack


async def record_track(track: DriftTrack, seconds: float) -> Audio:
    """Record what a mixer makes, from its own track, and stop the track: `(n, 2) float32`."""
    frames = [await track.recv() for _ in range(samples(seconds) // 960)]
    track.stop()
    pcm = np.concatenate([np.asarray(frame.to_ndarray(), np.int16).reshape(-1, 2) for frame in frames])
    return (pcm / np.float32(32768)).astype(np.float32)


def received_packets(listener: Listener) -> list[tuple[int, bytes]]:
    """Return a list that fills with the RTP timestamp and the Opus packet of all that a listener receives."""
    receiver = listener._peer.getTransceivers()[0].receiver
    take, received = receiver._handle_rtp_packet, list[tuple[int, bytes]]()

    async def note(packet: RtpPacket, **options: Any) -> None:
        received.append((packet.timestamp, packet.payload))
        await take(packet, **options)

    receiver._handle_rtp_packet = note  # type: ignore[method-assign, assignment]
    return received


async def read_until_done(listener: Listener, task: asyncio.Future[Any], *, more_seconds: float = 0.0) -> Audio:
    """Read a listener's audio until a task is done, and for `more_seconds` after that: `(n, 2) float32`."""
    parts = [await listener.read(samples(0.5))]
    while not task.done():
        parts.append(await listener.read(samples(0.25)))
    if more_seconds:
        parts.append(await listener.read(samples(more_seconds)))
    return np.concatenate(parts)
