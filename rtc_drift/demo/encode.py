"""The Ogg Opus encoder. Only this module of the demo library needs PyAV, so the others import fast."""

from collections.abc import Mapping
from pathlib import Path

import av

from rtc_drift.audio.encoding import encode_all
from rtc_drift.media import SAMPLE_RATE, Audio

_BIT_RATE = 160_000
_COMPRESSION_LEVEL = "5"  # half the CPU time of libopus' 10; no audible difference at this bit rate


def encode(audio: Audio, path: Path, tags: Mapping[str, str]) -> None:
    """Write `(n, 2)` as Opus at 160 kb/s in an Ogg file, whatever the path's suffix."""
    with av.open(str(path), "w", format="ogg") as container:
        options = {"compression_level": _COMPRESSION_LEVEL}
        stream = container.add_stream("libopus", rate=SAMPLE_RATE, layout="stereo", options=options)
        stream.bit_rate = _BIT_RATE
        stream.metadata.update(tags)
        container.metadata.update(tags)
        encode_all(container, stream, audio)
