"""The analyser: one pass over the samples of a track. It keeps one or two kilobytes per second of audio."""

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.attacks import AttackMeter
from rtc_drift.analysis.bands import BandMeter
from rtc_drift.analysis.beats import NO_BEATS, exact_tempo, find_beats
from rtc_drift.analysis.chroma import chroma_by_second
from rtc_drift.analysis.cues import find_cues
from rtc_drift.analysis.curves import chroma_of
from rtc_drift.analysis.downbeats import find_downbeats
from rtc_drift.analysis.envelope import EnvelopeMeter
from rtc_drift.analysis.features import features
from rtc_drift.analysis.form import Sound, find_form
from rtc_drift.analysis.frames import Decimator, Framer, magnitudes
from rtc_drift.analysis.key import SAMPLE_RATE as TONAL_RATE
from rtc_drift.analysis.key import TonalMeter
from rtc_drift.analysis.model import Analysis
from rtc_drift.analysis.onsets import FRAME_RATE, OnsetMeter
from rtc_drift.analysis.sections import SectionMeter
from rtc_drift.analysis.spectrum_trace import SpectrumMeter
from rtc_drift.analysis.tempo import Tempo, find_tempo
from rtc_drift.analysis.timbre import TimbreMeter
from rtc_drift.audio.loudness import LoudnessMeter
from rtc_drift.media import SAMPLE_RATE, Audio, seconds

_RATE = SAMPLE_RATE // 2
_FRAME = 1024
_FRAMES_AT_ONCE = 128
"""Number of frames whose spectra fit into the cache of a core."""
_TIMBRE_EVERY = 4
"""Frames from one measurement of timbre to the next."""
_SHORTEST_SECONDS = 4.0
"""Shortest track in which a beat is looked for."""
_CHUNK_SAMPLES = 4 * SAMPLE_RATE
"""Most samples that are processed at once; a longer chunk is cut."""


class Analyser:
    """The analyser of one track. Add its chunks in order, of any length, then call `finish` once."""

    def __init__(self, *, true_peak_dbtp: float | None = None) -> None:
        """Skip measuring the true peak if it is given: that alone takes a quarter of the time."""
        self._true_peak_dbtp = true_peak_dbtp
        self._loudness = LoudnessMeter(true_peak=true_peak_dbtp is None)
        self._envelope = EnvelopeMeter()
        self._bands = BandMeter()
        self._half = Decimator(2, 49)
        self._eighth = Decimator(_RATE // TONAL_RATE, 65)
        self._framer = Framer(_FRAME, _RATE // FRAME_RATE)
        self._window = np.hanning(_FRAME).astype(np.float32)
        self._onsets = OnsetMeter(_FRAME, _RATE)
        self._timbre = TimbreMeter(_FRAME, _RATE)
        self._spectrum = SpectrumMeter(_FRAME, _RATE)
        self._until_timbre = 0
        self._tonal = TonalMeter()
        self._attacks = AttackMeter(_RATE)

    def add(self, chunk: Audio) -> None:
        """Measure the next samples, `(n, 2) float32` at 48 kHz, finite."""
        for first in range(0, len(chunk), _CHUNK_SAMPLES):
            part = chunk[first : first + _CHUNK_SAMPLES]
            self._loudness.add(part)
            self._envelope.add(part)
            self._bands.add(part)
            self._measure(self._half.add(part @ np.array((0.5, 0.5), np.float32)))

    def finish(self) -> Analysis:
        """Return the result. All its numbers are finite, whatever was added."""
        self._measure(self._half.finish())
        self._tonal.add(self._eighth.finish())
        self._measure_spectra(self._framer.finish())
        envelope, timbre = self._envelope.finish(), self._timbre.finish()
        # A meter holds about 10 MB per hour of audio, and so does its result: free each meter before the next result.
        tonality = self._tonal.finish()
        del self._tonal
        onsets = self._onsets.finish()
        del self._onsets
        duration = seconds(envelope.samples)
        tempo = find_tempo(onsets) if duration >= _SHORTEST_SECONDS else None
        found = find_beats(onsets, tempo) if tempo else NO_BEATS
        beats = found.seconds[(found.seconds >= 0) & (found.seconds <= duration)]
        bpm = _tempo_bpm(tempo, beats)
        attacks = self._attacks.finish().near(beats)
        downbeats = find_downbeats(beats, onsets, tonality.changes_at(beats))
        lufs, momentary = self._loudness.finish(), self._loudness.momentary_lufs()
        short_term, (bass, highs) = self._loudness.short_term_lufs(), self._bands.finish(momentary)
        true_peak_dbtp = self._loudness.true_peak_dbtp() if self._true_peak_dbtp is None else self._true_peak_dbtp
        cues = find_cues(envelope, downbeats)
        meter = SectionMeter(momentary, lufs, beats, onsets)
        sound = Sound(self._spectrum.finish(), tonality.chroma, onsets)
        form = find_form(tempo, beats, downbeats, sound, cues, meter)
        return Analysis(
            tempo_bpm=bpm,
            tempo_confidence=_confidence(tempo) if tempo and bpm else 0.0,
            beats_confidence=found.confidence if bpm else 0.0,
            beats_seconds=tuple(beats.tolist()),
            downbeats_seconds=tuple(downbeats.tolist()),
            phrases_seconds=form.phrases_seconds,
            phrases_confidence=form.phrases_confidence,
            sections=form.sections,
            attacks_seconds=tuple(attacks[np.isfinite(attacks)].tolist()),
            key=tonality.key,
            camelot=tonality.camelot,
            key_confidence=tonality.confidence,
            integrated_lufs=lufs,
            loudness_range_lu=self._loudness.range_lu(),
            true_peak_dbtp=true_peak_dbtp,
            short_term_lufs=short_term,
            momentary_lufs=momentary,
            heard_bass=bass,
            heard_highs=highs,
            chroma=chroma_of(chroma_by_second(tonality.chroma, len(short_term)).ravel().tolist()),
            cues=cues,
            features=features(bpm or 0.0, beats, onsets, tonality, timbre, envelope),
        )

    def _measure(self, wave: NDArray[np.float32]) -> None:
        """Measure mono samples at 24 kHz."""
        self._tonal.add(self._eighth.add(wave))
        self._attacks.add(wave)
        self._measure_spectra(self._framer.add(wave))

    def _measure_spectra(self, frames: NDArray[np.float32]) -> None:
        for first in range(0, len(frames), _FRAMES_AT_ONCE):
            spectra = magnitudes(frames[first : first + _FRAMES_AT_ONCE] * self._window)
            self._onsets.add(spectra)
            some = spectra[self._until_timbre :: _TIMBRE_EVERY]
            self._timbre.add(some)
            self._spectrum.add(some)
            self._until_timbre = (self._until_timbre - len(spectra)) % _TIMBRE_EVERY


def _tempo_bpm(tempo: Tempo | None, beats: NDArray[np.float64]) -> float | None:
    return exact_tempo(beats, tempo.bpm) if tempo is not None and len(beats) >= 2 else None


def _confidence(tempo: Tempo) -> float:
    """Return clarity of the pulse, times how far the way of counting is above an even chance; 0–1."""
    return max(2 * tempo.certainty - 1, 0.0) * min(max((tempo.clarity - 0.1) / 0.3, 0.0), 1.0)
