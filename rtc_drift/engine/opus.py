"""An Opus encoder with 20 ms per packet."""

from fractions import Fraction

from av.audio.codeccontext import AudioCodecContext

from rtc_drift.audio.encoding import audio_frame
from rtc_drift.media import SAMPLE_RATE, Audio

LOOK_AHEAD = 312
"""Samples (6.5 ms) by which libopus delays the audio; Ogg calls it pre-skip."""
COMPLEXITY = 5
"""Complexity of libopus, 0 to 10. Takes two thirds of the CPU time of 10, the default. From 7 on libopus exceeds the
bit rate for tonal music and is no better at an equal one. Below 5 it has no pitch filter, and single instruments get
1 to 4 dB noisier."""


class OpusEncoder:
    """libopus for music: `application=audio`, 48 kHz stereo, variable bit rate.

    No FEC, which would pull music towards SILK, and no DTX.
    """

    def __init__(self, bitrate: int) -> None:
        """Create an encoder for `bitrate` bits per second."""
        codec = AudioCodecContext.create("libopus", "w")
        codec.bit_rate = bitrate
        codec.format = "flt"
        codec.layout = "stereo"
        codec.sample_rate = SAMPLE_RATE
        codec.time_base = Fraction(1, SAMPLE_RATE)
        codec.options = {"application": "audio", "frame_duration": "20", "compression_level": str(COMPLEXITY)}
        self._codec = codec
        self._pts = 0

    def encode(self, audio: Audio) -> list[bytes]:
        """Encode `(960 · n, 2) float32`, full scale ±1, into n packets."""
        frame = audio_frame(audio, self._pts)
        self._pts += len(audio)
        return [bytes(packet) for packet in self._codec.encode(frame)]
