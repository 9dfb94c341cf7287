"""The renderers of a station: mixer and limiter; and with an Opus encoder, whole blocks."""

from dataclasses import dataclass

import numpy as np

from rtc_drift.engine.limiter import LOOK_AHEAD, Limiter
from rtc_drift.engine.mixer import Mixer, OpenDeck
from rtc_drift.engine.opus import OpusEncoder
from rtc_drift.media import BLOCK_SAMPLES, Audio


@dataclass(frozen=True, slots=True)
class Block:
    """20 ms of a station, ready to be sent."""

    media_time: int
    audio: Audio
    """`(960, 2) float32`, within the limiter's ceiling."""
    packet: bytes
    """The same 20 ms as an Opus packet."""


class MixRenderer:
    """The mixer and limiter of a station. The mixer runs ahead by the limiter's look-ahead: media times are exact."""

    def __init__(self, open_deck: OpenDeck) -> None:
        self.mixer = Mixer(open_deck)
        self._limiter = Limiter()
        self._mixed_up_to: int | None = None

    def render(self, media_time: int, length: int) -> Audio:
        """Render from `media_time` on: `(length, 2) float32`, within the limiter's ceiling.

        Meant for consecutive calls; after a jump the limiter starts again without history.
        """
        if self._mixed_up_to != media_time + LOOK_AHEAD:
            self._limiter = Limiter()
            self._limiter.process(self.mixer.mix(media_time, LOOK_AHEAD))
        audio = self._limiter.process(self.mixer.mix(media_time + LOOK_AHEAD, length))
        self._mixed_up_to = media_time + LOOK_AHEAD + length
        return audio

    def close(self) -> None:
        """Close all decks."""
        self.mixer.close()


class BlockRenderer:
    """The mixer, limiter and encoder of a station. It renders blocks, each with its Opus packet."""

    def __init__(self, open_deck: OpenDeck, bitrate: int) -> None:
        self._mix = MixRenderer(open_deck)
        self._encoder = OpusEncoder(bitrate)

    @property
    def mixer(self) -> Mixer:
        """The mixer of the station."""
        return self._mix.mixer

    def render(self, media_time: int, count: int) -> list[Block]:
        """Render `count` blocks from `media_time` on. Meant for consecutive calls."""
        length = count * BLOCK_SAMPLES
        audio = self._mix.render(media_time, length)
        packets = self._encoder.encode(audio)
        times = range(media_time, media_time + length, BLOCK_SAMPLES)
        blocks = audio.reshape(count, BLOCK_SAMPLES, 2)
        return [Block(*block) for block in zip(times, blocks, packets, strict=True)]

    def close(self) -> None:
        """Close all decks."""
        self._mix.close()


def to_s16(audio: Audio) -> bytes:
    """Convert `(n, 2) float32` to interleaved little-endian s16."""
    return bytes(np.clip(np.rint(audio * 32767.0), -32768, 32767).astype("<i2"))
