"""Loudness, loudness range and true peak (EBU R128), measured by ffmpeg's `ebur128` filter chunk by chunk."""

import math
from collections.abc import Mapping
from fractions import Fraction

import av
import numpy as np
from av.filter import Graph

from rtc_drift.audio.encoding import audio_frame
from rtc_drift.media import SAMPLE_RATE, Audio

SILENCE_LUFS = -70.0
SILENCE_DBTP = -120.0
HIGHEST_LUFS = 20.0
_MOMENT_FRAMES = 4
"""Frames of the filter per momentary loudness (400 ms)."""
_FRAMES_PER_SECOND = 10
"""Rate of the filter's measurements."""


class LoudnessMeter:
    """A loudness meter for audio at 48 kHz in chunks of any length. It keeps only the measurements.

    Without `true_peak` it takes a third of the time, since true peak is measured at 192 kHz.
    """

    def __init__(self, *, true_peak: bool = True) -> None:
        self._graph = Graph()
        self._graph.threads = 1
        source = self._graph.add_abuffer(
            sample_rate=SAMPLE_RATE, format="flt", layout="stereo", time_base=Fraction(1, SAMPLE_RATE)
        )
        meter = self._graph.add("ebur128", "metadata=1:peak=true" if true_peak else "metadata=1")
        self._graph.link_nodes(source, meter, self._graph.add("abuffersink"))
        self._graph.configure()
        self._position = 0
        self._has_true_peak = true_peak
        self._sample_peak = 0.0
        self._latest: dict[str, str] = {}
        self._frames_measured = 0
        self._short_term = list[float]()
        self._momentary = list[float]()

    def add(self, audio: Audio) -> None:
        """Measure the next chunk, `(n, 2) float32`. Its samples must be finite."""
        if not len(audio):
            return
        if self._has_true_peak:
            self._sample_peak = max(self._sample_peak, float(np.abs(audio).max()))
        self._graph.push(audio_frame(audio, self._position))
        self._position += len(audio)
        self._pull()

    def finish(self) -> float:
        """Return the integrated loudness in LUFS; -70 for silence."""
        self._graph.push(None)
        self._pull()
        value = float(self._latest.get("lavfi.r128.I", "nan"))
        return SILENCE_LUFS if math.isnan(value) else min(max(value, SILENCE_LUFS), HIGHEST_LUFS)

    def true_peak_dbtp(self) -> float:
        """Return the true peak so far in dBTP; -120 for silence."""
        assert self._has_true_peak
        # The filter reports amplitudes with three decimals and without the last tenth of a second. For very quiet
        # audio, and for a peak at the end, the peak of the samples is the better answer.
        peaks = [float(value) for key, value in self._latest.items() if key.startswith("lavfi.r128.true_peaks_ch")]
        peak = max([self._sample_peak, *(value for value in peaks if math.isfinite(value))])
        return max(20 * math.log10(peak), SILENCE_DBTP) if peak > 0 else SILENCE_DBTP

    def range_lu(self) -> float:
        """Return the loudness range (EBU Tech 3342) so far in LU; 0 for silence."""
        value = float(self._latest.get("lavfi.r128.LRA", "nan"))
        return max(value, 0.0) if math.isfinite(value) else 0.0

    def short_term_lufs(self) -> tuple[float, ...]:
        """Return the short-term loudness (last 3 s) at each whole second so far, in LUFS; -70 for silence."""
        return tuple(self._short_term)

    def momentary_lufs(self) -> tuple[float, ...]:
        """Return the loudness of each successive 400 ms so far, in LUFS to one decimal; -70 for silence."""
        return tuple(self._momentary)

    def _pull(self) -> None:
        while True:
            try:
                metadata = self._graph.pull().metadata
            except (av.BlockingIOError, av.EOFError):
                return
            if metadata:  # a last frame shorter than 100 ms has none
                self._latest = metadata
                self._frames_measured += 1
                if self._frames_measured % _FRAMES_PER_SECOND == 0:
                    self._short_term.append(_lufs(metadata, "S"))
                if self._frames_measured % _MOMENT_FRAMES == 0:
                    self._momentary.append(round(_lufs(metadata, "M"), 1))


def _lufs(metadata: Mapping[str, str], kind: str) -> float:
    value = float(metadata.get(f"lavfi.r128.{kind}", "nan"))
    return max(value, SILENCE_LUFS) if math.isfinite(value) else SILENCE_LUFS
