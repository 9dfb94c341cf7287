"""Removes the bass of a track with a streaming high-pass. The mixer fades between the track with and without bass."""

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
from av.filter import Graph

from rtc_drift.audio.encoding import audio_frame
from rtc_drift.media import BASS_CROSSOVER_HZ, SAMPLE_RATE, Audio

SETTLING = SAMPLE_RATE // 5
"""Samples (0.2 s) that the filter runs before its output is used: it answers its first samples as a step."""


class BassFilter:
    """A high-pass over consecutive blocks. Any chunking gives the same samples."""

    def __init__(self) -> None:
        self._graph = Graph()
        self._graph.threads = 1
        stages = [
            self._graph.add_abuffer(
                sample_rate=SAMPLE_RATE, format="flt", layout="stereo", time_base=Fraction(1, SAMPLE_RATE)
            ),
            *(self._graph.add("highpass", f"f={BASS_CROSSOVER_HZ}:p=2:width_type=q:w=0.7071:r=f64") for _ in range(2)),
            self._graph.add("aformat", "sample_fmts=flt:channel_layouts=stereo"),
            self._graph.add("abuffersink"),
        ]
        for before, after in pairwise(stages):
            self._graph.link_nodes(before, after)
        self._graph.configure()
        self._position = 0

    def process(self, audio: Audio) -> Audio:
        """Filter `(n, 2) float32`, and return as many samples."""
        self._graph.push(audio_frame(audio, self._position))
        self._position += len(audio)
        filtered = self._graph.pull()
        assert isinstance(filtered, av.AudioFrame)
        return np.asarray(filtered.to_ndarray(), np.float32).reshape(-1, 2)
