"""Splits the sound of a play into three bands, which the mixer fades one by one.

Linkwitz-Riley crossovers of 24 dB per octave, at 180 Hz and 2.5 kHz. All bands together are the sound with its phases
turned (an allpass), so bands may have any gains without holes where they meet.
"""

from fractions import Fraction

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from rtc_drift.audio.encoding import audio_frame
from rtc_drift.media import BANDS, BASS_CROSSOVER_HZ, HIGH_CROSSOVER_HZ, SAMPLE_RATE, Audio

SETTLING = SAMPLE_RATE // 5
"""Samples (0.2 s) that the splitter runs before its output is used: it answers its first samples as a step."""


class BandSplitter:
    """A splitter of consecutive blocks. Any chunking gives the same samples."""

    def __init__(self) -> None:
        self._graph = Graph()
        self._graph.threads = 1
        source = self._graph.add_abuffer(
            sample_rate=SAMPLE_RATE, format="flt", layout="stereo", time_base=Fraction(1, SAMPLE_RATE)
        )
        crossover = self._graph.add(
            "acrossover", f"split={BASS_CROSSOVER_HZ} {HIGH_CROSSOVER_HZ}:order=4th:precision=double"
        )
        merge = self._graph.add("amerge", f"inputs={BANDS}")
        interleaved = self._graph.add("aformat", "sample_fmts=flt")
        sink = self._graph.add("abuffersink")
        source.link_to(crossover)
        for band in range(BANDS):
            crossover.link_to(merge, band, band)
        merge.link_to(interleaved)
        interleaved.link_to(sink)
        self._graph.configure()
        self._position = 0

    def process(self, audio: Audio) -> NDArray[np.float32]:
        """Split `(n, 2) float32` into `(n, 3, 2)`: low, mid and high."""
        self._graph.push(audio_frame(audio, self._position))
        self._position += len(audio)
        split = self._graph.pull()
        assert isinstance(split, av.AudioFrame)
        return np.asarray(split.to_ndarray(), np.float32).reshape(-1, BANDS, 2)
