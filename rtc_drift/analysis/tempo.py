"""The tempo, from onset strength: autocorrelation in windows, a comb over periods, the way of counting, a path in time.

The windows are those of Grosche & Müller's tempogram (2011). A pulse can be counted at several related tempi. A
log-linear model chooses one of them. Its inputs are how well half a beat, a beat, a bar and two bars repeat, whether
the kick repeats with the bar, and a log-normal prior (Ellis, "Beat tracking by dynamic programming", 2007). The busier
the bass, the higher the centre of that prior: drum & bass is counted fast, dub and ambient music slowly.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rtc_drift.analysis.onsets import FRAME_RATE, Onsets

SLOWEST, FASTEST = 50.0, 210.0
_FRAMES_PER_MINUTE = 60 * FRAME_RATE
_WINDOW, _HOP = 2048, 512
_LAGS = 1000
_WINDOWS_AT_ONCE = 16
_FRAMES_AT_ONCE = 65_536
_TEMPI = np.exp(np.linspace(np.log(SLOWEST), np.log(FASTEST), 480))
_COMB = {0.5: 0.25, 1.0: 1.0, 2.0: 0.5, 4.0: 0.5, 8.0: 0.25}
"""Weights of the comb, by period in beats."""
_WIDE_OCTAVES = 0.9
"""Standard deviation of the preference for a pulse near 120 bpm."""
_RELATED = (1.0, 2.0, 1 / 2, 3.0, 1 / 3, 3 / 2, 2 / 3, 4 / 3, 3 / 4)
"""Tempi at which a pulse may be counted, as multiples of the pulse."""
_REPEATS = {0.5: 2.55, 1.0: 4.18, 4.0: 1.49, 8.0: 1.78}
_KICK_REPEATS = {4.0: 3.99}
_CENTRE, _NARROWNESS, _BUSYNESS = 1.45, 3.08, 2.48
"""The eight weights of the way of counting, with the two lines above. `docs/analysis.md` describes the fit."""
_USUAL_TEMPO, _USUAL_BASS = 120.0, 0.095
"""Centre of the prior in beats per minute, and the mean onset strength of the bass in such music."""
_STEADINESS = 0.015
"""Tolerance for the strongest repeat, as a share of its lag: tempo and swing vary. A third beyond four periods."""
_NEARBY = np.exp2(np.linspace(-0.3, 0.3, 181))
"""Tempi along the track, as multiples of the main tempo."""
_CHANGE_COST = 8.0
"""Cost per octave from one window to the next; the score of a window is at most 1."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """The tempo of a track."""

    bpm: float
    """Beats per minute of most of the track, 50–210."""
    clarity: float
    """Mean autocorrelation at the beat's periods, 0–1."""
    certainty: float
    """Probability of this way of counting among the related ones, 0–1."""
    periods: NDArray[np.float32]
    """Frames per beat at each frame, `(n,)`."""


def find_tempo(onsets: Onsets) -> Tempo | None:
    """Return the tempo of a track, or None if nothing repeats."""
    correlations = _all_autocorrelations(onsets.weighted)
    total = correlations.sum(axis=0, dtype=np.float64)
    if total[0] <= 1e-6:
        return None
    total /= total[0]
    pulse = float(_TEMPI[np.argmax(_comb(total, _TEMPI) - np.log2(_TEMPI / 120) ** 2 / 2 / _WIDE_OCTAVES**2 * 0.3)])
    candidates = np.array([_refined(total, pulse * ratio) for ratio in _RELATED if SLOWEST <= pulse * ratio <= FASTEST])
    probabilities = _probabilities(candidates, total, onsets)
    best = int(np.argmax(probabilities))
    bpm = float(candidates[best])
    clarity = float(_comb(total, np.array([bpm]))[0]) / sum(_COMB.values())
    periods = _path(correlations, bpm, len(onsets.full))
    return Tempo(bpm, min(max(clarity, 0.0), 1.0), float(probabilities[best]), periods)


def _all_autocorrelations(strength: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the autocorrelations of all windows, `(windows, _LAGS)`."""
    found = np.empty((1 + max(0, -(-(len(strength) - _WINDOW) // _HOP)), _LAGS), np.float32)
    first = 0
    for some in _autocorrelations(strength):
        found[first : first + len(some)] = some
        first += len(some)
    return found


def _autocorrelations(strength: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Yield autocorrelations of windows of 20 s, 5 s apart, several at a time: `(windows, _LAGS)`, not normalised."""
    padded = np.pad(strength, (0, max(_WINDOW - len(strength), -(len(strength) - _WINDOW) % _HOP)))
    windows = sliding_window_view(padded, _WINDOW)[::_HOP]
    fading = _WINDOW / (_WINDOW - np.arange(_LAGS))
    for first in range(0, len(windows), _WINDOWS_AT_ONCE):
        some = windows[first : first + _WINDOWS_AT_ONCE]
        spectra = np.fft.rfft(some - some.mean(axis=1, keepdims=True), 2 * _WINDOW)
        yield (np.fft.irfft(np.abs(spectra) ** 2)[:, :_LAGS] * fading).astype(np.float32)


def _comb(correlation: NDArray[np.floating], tempi: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted sum of a correlation `(…, _LAGS)` at the periods of each tempo: `(…, tempi)`."""
    score = np.zeros((*correlation.shape[:-1], len(tempi)))
    for periods, weight in _COMB.items():
        lag = np.minimum(_FRAMES_PER_MINUTE / tempi * periods, _LAGS - 1.001)
        whole = lag.astype(int)
        part = lag - whole
        value = correlation[..., whole] * (1 - part) + correlation[..., whole + 1] * part
        score += weight * np.where(lag < _LAGS - 2, value, 0)
    return score


def _probabilities(tempi: NDArray[np.float64], total: NDArray[np.float64], onsets: Onsets) -> NDArray[np.float64]:
    """Return the probability of each way of counting; `total` is the normalised autocorrelation of the whole track."""
    kick = np.sum([some.sum(axis=0, dtype=np.float64) for some in _autocorrelations(onsets.kick_above_mean)], axis=0)
    kick /= max(kick[0], 1e-6)
    octaves = np.log2(tempi / _USUAL_TEMPO)
    busy = np.log2((float(onsets.bass.mean()) + 0.001) / _USUAL_BASS)
    scores = octaves * (_CENTRE + _BUSYNESS * busy) - _NARROWNESS * octaves**2
    for correlation, weights in ((total, _REPEATS), (kick, _KICK_REPEATS)):
        for periods, weight in weights.items():
            scores += weight * _repeat(correlation, _FRAMES_PER_MINUTE / tempi * periods, exact=periods > 4)
    probabilities = np.exp(scores - scores.max())
    return np.asarray(probabilities / probabilities.sum())


def _repeat(correlation: NDArray[np.float64], lags: NDArray[np.float64], *, exact: bool) -> NDArray[np.float64]:
    """Return the highest value of a correlation `(_LAGS,)` near each lag, in frames."""
    near = np.linspace(-1, 1, 7) * (_STEADINESS / 3 if exact else _STEADINESS)
    places = np.minimum(lags[:, None] * (1 + near), _LAGS - 1)
    return np.asarray(np.interp(places, np.arange(_LAGS), correlation).max(axis=1))


def _refined(correlation: NDArray[np.float64], bpm: float) -> float:
    near = bpm * np.linspace(0.98, 1.02, 161)
    return float(near[np.argmax(_comb(correlation, near))])


def _path(correlations: NDArray[np.float32], bpm: float, frames: int) -> NDArray[np.float32]:
    """Return frames per beat along the track: the path through the windows with best scores and least change.

    It normalises the correlations in place.
    """
    tempi = np.clip(bpm * _NEARBY, SLOWEST / 1.2, FASTEST * 1.2)
    powers = correlations[:, :1].copy()
    correlations /= np.maximum(powers, 1e-6)
    scores = _comb(correlations, tempi) / sum(_COMB.values())
    scores *= np.sqrt(powers / powers.max())
    octaves = np.log2(tempi)
    cost = _CHANGE_COST * np.abs(octaves[:, None] - octaves)
    came_from = np.zeros(scores.shape, np.int16)
    total = scores[0] - np.abs(octaves - np.log2(bpm))
    for window in range(1, len(scores)):
        ways = total - cost
        came_from[window] = np.argmax(ways, axis=1)
        total = ways.max(axis=1) + scores[window]
    path = np.zeros(len(scores), int)
    path[-1] = int(np.argmax(total))
    for window in range(len(scores) - 1, 0, -1):
        path[window - 1] = came_from[window, path[window]]
    centres = np.arange(len(scores)) * _HOP + _WINDOW // 2
    periods = np.empty(frames, np.float32)
    for begin in range(0, frames, _FRAMES_AT_ONCE):
        some = np.arange(begin, min(begin + _FRAMES_AT_ONCE, frames))
        periods[some] = np.interp(some, centres, _FRAMES_PER_MINUTE / tempi[path])
    return periods
