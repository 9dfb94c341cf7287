"""The encoders for radios: what real decoders make of their frames, and where in the programme each frame is."""

import io

import av
import numpy as np
import pytest

from rtc_drift.audio.live_encoder import AAC, FORMATS, MP3, EncodedFrame, LiveEncoder, StreamFormat
from rtc_drift.media import BLOCK_SAMPLES, Audio, samples
from tests.support.audio_checks import correlation, lag_of, longest_silence_ms
from tests.support.music import steady_music

MUSIC = steady_music(4, seed=3)
BLOCKS = [
    (at, (MUSIC[at : at + BLOCK_SAMPLES] * 32767).astype("<i2").tobytes()) for at in range(0, len(MUSIC), BLOCK_SAMPLES)
]
GAP = samples(5)


def encoded(stream_format: StreamFormat, blocks: list[tuple[int, bytes]], group: int = 8) -> list[EncodedFrame]:
    encoder = LiveEncoder(stream_format)
    groups = (blocks[at : at + group] for at in range(0, len(blocks), group))
    return [frame for each in groups for frame in encoder.encode(each)]


def decoded(stream_format: StreamFormat, frames: list[EncodedFrame]) -> Audio:
    """Return the audio of all frames, without the first two: a decoder that begins there lacks what came before."""
    with av.open(io.BytesIO(b"".join(frame.data for frame in frames)), "r", format=stream_format.name) as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.channels) == (48_000, 2)
        heard = np.concatenate([frame.to_ndarray() for frame in container.decode(stream)], axis=1).T
    return heard[2 * stream_format.frame_samples :]


@pytest.mark.parametrize("stream_format", FORMATS.values(), ids=lambda it: it.name)
def test_frames_decode_to_the_programme_at_their_media_times_wherever_a_reader_joins(
    stream_format: StreamFormat,
) -> None:
    frames = encoded(stream_format, BLOCKS)
    times = [frame.media_time for frame in frames]
    assert np.diff(times).tolist() == [stream_format.frame_samples] * (len(frames) - 1)
    for first in (0, 50, 101):
        audio = decoded(stream_format, frames[first:])[samples(0.1) : samples(1.1)]
        assert longest_silence_ms(audio) <= 20
        at = lag_of(audio, MUSIC)
        assert min(correlation(audio, MUSIC[at : at + len(audio)])) > 0.95
        # Some decoders skip the first frames, or what the encoder put before the sound.
        assert abs(at - samples(0.1) - times[first + 2]) <= 2 * stream_format.frame_samples


def test_the_bit_rates_are_as_named() -> None:
    for stream_format in (MP3, AAC):
        size = sum(len(frame.data) for frame in encoded(stream_format, BLOCKS))
        assert size * 8 / 4 == pytest.approx(stream_format.bitrate, rel=0.05)


@pytest.mark.parametrize("group", (1, 7))
def test_media_times_jump_where_blocks_are_missing(group: int) -> None:
    half = len(BLOCKS) // 2
    blocks = [*BLOCKS[:half], *((at + GAP, data) for at, data in BLOCKS[half:])]
    times = [frame.media_time for frame in encoded(MP3, blocks, group)]
    gaps = np.diff(times)
    assert set(gaps.tolist()) == {1_152, 1_152 + GAP}
    at = int(np.argmax(gaps))
    assert times[at] <= half * BLOCK_SAMPLES <= times[at] + 1_152
