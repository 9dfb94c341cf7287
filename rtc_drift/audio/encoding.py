"""Audio frames for ffmpeg, and encoding a whole file."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from numpy.typing import NDArray

from rtc_drift.media import SAMPLE_RATE, Audio


def audio_frame(audio: NDArray[Any], position: int, sample_format: str = "flt") -> av.AudioFrame:
    """Return `(n, 2)` as a frame that begins at the sample `position`.

    `sample_format` is ffmpeg's name for the interleaved format of the samples.
    """
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(audio).reshape(1, -1), format=sample_format, layout="stereo"
    )
    frame.sample_rate = SAMPLE_RATE
    frame.time_base = Fraction(1, SAMPLE_RATE)
    frame.pts = position
    return frame


def encode_all(
    container: OutputContainer, stream: AudioStream, audio: Audio, alive: Callable[[], None] = lambda: None
) -> None:
    """Encode all of `(n, 2) float32` into the container. Calls `alive` after each second of audio."""
    for start in range(0, len(audio), SAMPLE_RATE):
        container.mux(stream.encode(audio_frame(audio[start : start + SAMPLE_RATE], start)))
        alive()
    container.mux(stream.encode(None))
