"""Ogg Opus files. The only module of the demo library that needs PyAV, so that the others import fast."""

from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np

from rtc_drift.media import SAMPLE_RATE, Audio

_BIT_RATE = 160_000
_COMPRESSION_LEVEL = "5"  # half the CPU of libopus' 10, and no difference to hear at this bit rate


def encode(audio: Audio, path: Path, tags: Mapping[str, str]) -> None:
    """Write `(n, 2)` as Opus at 160 kb/s in an Ogg file, whatever the path's suffix."""
    with av.open(str(path), "w", format="ogg") as container:
        options = {"compression_level": _COMPRESSION_LEVEL}
        stream = container.add_stream("libopus", rate=SAMPLE_RATE, layout="stereo", options=options)
        stream.bit_rate = _BIT_RATE
        stream.metadata.update(tags)
        container.metadata.update(tags)
        for start in range(0, len(audio), SAMPLE_RATE):
            interleaved = np.ascontiguousarray(audio[start : start + SAMPLE_RATE]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout="stereo")
            frame.sample_rate, frame.pts = SAMPLE_RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
