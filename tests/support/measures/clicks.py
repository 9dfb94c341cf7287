"""Clicks: jumps and kinks of a mix that none of its sources has.

The measure is the second difference `x[n-1] - 2 x[n] + x[n+1]`: small for low and smooth sound, large where a waveform
is broken. The part that the sources explain is removed first: in each 2 ms, the sources' own second differences times
gains that may change linearly (a fade, a limiter at work). The rest must not exceed the sum of

- a tenth of the largest second difference of the sources nearby. If the sources explain the mix badly all around, since
  they are not exactly in it, up to twice as much: a drum remains a drum even there;
- a share of the mix's own amplitude nearby: the size of the kink at the beginning of a 5 ms fade;
- a floor of -70 dBFS.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rtc_drift.media import SAMPLE_RATE, Audio, amplitude
from tests.support.measures.excerpt import excerpt
from tests.support.measures.parts import Part

WINDOW = SAMPLE_RATE // 500
"""Samples (2 ms) that are fitted together."""
_AROUND = 8
"""Windows on each side that show how well the sources explain the mix."""
_EXPLAINED, _UNEXPLAINED = 0.1, 2.0
_MISFITS = 4.0
"""Share of the sources' second difference allowed per share that usually remains."""
_AT_ENDS = 1.25
_KINK = 0.01
_FLOOR = amplitude(-70)
_MERGED = 5 * WINDOW
_MARGIN = _AROUND + 1
_BLOCK_WINDOWS = 512
_Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Click:
    """A position at which a mix is broken."""

    at: int
    """The sample of the mix with the greatest excess."""
    size: float
    """The unexplained second difference there, linear; for a jump it is the height."""
    allowed: float
    """The second difference allowed there."""


def clicks(mix: Audio, parts: Sequence[Part]) -> list[Click]:
    """Find positions at which the mix has a second difference that its parts do not explain; within 10 ms they are one.

    The parts must be at their position in the mix, to the sample (remove a limiter's delay); their level may be any. A
    part explains all of its audio but its beginning and its end. To find faults of an engine or a plan, pass
    `sources_of`; to find faults only of later steps (mixing, limiting), pass `parts_of`.

    What is found: a sample or a step of -40 dBFS in music of -40 dBFS whose hats are not louder; a step of 0.5 dB in a
    tone up to 3 kHz, or of 1 dB up to 5 kHz, where the waveform is at a fifth of its height or more (else it is a kink
    such as a 5 ms fade begins with); a cut or a repeated or missing sample where the waveform jumps by a hundredth of
    its height and by 1.25 times (at ends of parts; elsewhere by a tenth of) the largest second difference around. So at
    ends of parts a joint that is one sample off is found in tones from 300 Hz to 1 kHz, but not in noise, where it is
    inaudible; with one source, or sources that continue, in all but the lowest tones. Samples missing in digital
    silence are not found.
    """
    found: list[Click] = []
    for at, sizes, allowed in _curvatures(mix, parts):
        for sample in np.flatnonzero(sizes > allowed):
            click = Click(at + int(sample), float(sizes[sample]), float(allowed[sample]))
            if found and click.at - found[-1].at <= _MERGED:
                if click.size / click.allowed > found[-1].size / found[-1].allowed:
                    found[-1] = click
            else:
                found.append(click)
    return found


def _curvatures(mix: Audio, parts: Sequence[Part]) -> Iterator[tuple[int, _Array, _Array]]:
    """Yield blocks of the mix: the first sample, and for each sample its unexplained curvature and the allowed one."""
    step = (_BLOCK_WINDOWS - 2 * _MARGIN) * WINDOW
    within = [Part(part.audio[: max(0, len(mix) - part.start)], part.start) for part in parts]
    for at in range(0, len(mix), step):
        first = at - _MARGIN * WINDOW
        last = first + _BLOCK_WINDOWS * WINDOW
        sources = [(part, first - part.start) for part in within if part.start < last and part.end > first]
        terms = [_terms(part.audio, begin) for part, begin in sources]
        both = np.abs(_unexplained(_terms(mix, first)[0], terms))
        left = np.maximum(both[..., 0], both[..., 1])
        curvature = _near(sum((_peaks(kinks) for kinks, _ in terms), np.zeros(_BLOCK_WINDOWS, np.float32)))
        height = _near(_near(_peaks(_windows(excerpt(mix, first, _BLOCK_WINDOWS * WINDOW)))))
        misfit = np.where(curvature > _FLOOR, left.max(axis=1) / np.maximum(curvature, np.float32(_FLOOR)), np.inf)
        begin = first + WINDOW * np.arange(_BLOCK_WINDOWS)
        misfit[(begin < 0) | (begin + WINDOW > len(mix))] = np.inf
        share = np.minimum(_EXPLAINED + _MISFITS * _usual(misfit), _UNEXPLAINED)
        allowed = np.repeat((share * curvature + _KINK * height + _FLOOR)[:, None], WINDOW, axis=1)
        for edge in {edge for part, begin in sources for edge in (-begin, len(part.audio) - begin)}:
            for sample in range(max(edge - 1, 0), min(edge + 1, allowed.size)):
                window = sample // WINDOW
                allowed[window, sample % WINDOW] += max(_AT_ENDS - share[window], 0) * curvature[window]
        inner = slice(_MARGIN * WINDOW, _MARGIN * WINDOW + min(step, len(mix) - at))
        yield at, left.reshape(-1)[inner], allowed.reshape(-1)[inner]


def _windows(samples: _Array) -> _Array:
    return samples.reshape(-1, WINDOW, 2)


def _terms(audio: Audio, first: int) -> tuple[_Array, _Array]:
    """Return the second differences of a block at a constant and at a rising gain: `(windows, WINDOW, 2)` each.

    Zero where there are not three samples: at the audio's ends, and outside.
    """
    count = _BLOCK_WINDOWS * WINDOW
    cut = excerpt(audio, first - 1, count + 2)
    rise = cut[2:] - cut[:-2]
    kinks = cut[2:] - cut[1:-1] - (cut[1:-1] - cut[:-2])
    for end in (-first, len(audio) - 1 - first):
        kinks[max(end, 0) : max(end + 1, 0)] = 0
        rise[max(end, 0) : max(end + 1, 0)] = 0
    kinks[: max(-first, 0)] = rise[: max(-first, 0)] = 0
    kinks[max(len(audio) - first, 0) :] = rise[max(len(audio) - first, 0) :] = 0
    kinks, rise = _windows(kinks), _windows(rise)
    return kinks, _RAMP * kinks + np.float32(2 / WINDOW) * rise


def _unexplained(kinks: _Array, terms: list[tuple[_Array, _Array]]) -> _Array:
    """Return the rest of the mix's second differences after fitting the sources' terms: `(windows, WINDOW, 2)`."""
    if not terms:
        return kinks
    basis = np.stack([term.reshape(_BLOCK_WINDOWS, -1) for pair in terms for term in pair], axis=1).astype(np.float64)
    wanted = kinks.reshape(_BLOCK_WINDOWS, -1, 1)
    products = basis @ basis.transpose(0, 2, 1)
    size = np.arange(basis.shape[1])
    products[:, size, size] *= 1 + 1e-9
    products[:, size, size] += 1e-11
    gains = np.linalg.solve(products, basis @ wanted)
    return np.asarray(kinks - (gains.transpose(0, 2, 1) @ basis).reshape(kinks.shape), np.float32)


def _peaks(windows: _Array) -> _Array:
    """Return the largest magnitude in each window: `(windows,)`."""
    flat = windows.reshape(len(windows), -1)
    return np.asarray(np.maximum(flat.max(axis=1), -flat.min(axis=1)))


def _near(values: _Array) -> _Array:
    """Return the maximum of each value and its neighbours."""
    padded = np.pad(values, 1)
    return np.asarray(np.maximum(np.maximum(padded[:-2], padded[2:]), values))


def _usual(values: _Array) -> _Array:
    """Return the lower of two medians, of the windows before each and of those after: a single window has no effect.

    Windows without information are infinite.
    """
    padded = np.pad(values, _AROUND, constant_values=np.inf)
    medians = np.sort(sliding_window_view(padded, _AROUND), axis=1)[:, _AROUND // 2]
    return np.asarray(np.minimum(medians[: len(values)], medians[_AROUND + 1 :]), np.float32)


_RAMP = np.linspace(-1, 1, WINDOW, endpoint=False, dtype=np.float32)[:, None]
