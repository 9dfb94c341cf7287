"""Changes the tempo of a piece of audio and keeps its pitch: a phase-locked vocoder. Pure numpy.

Each frame of the output is the frame of the file that the warp names, with its partials turned so that they go on from
the frame before. The state is by how much each bin is turned from its phase in the file. At speed 1 that does not
change, and where it is 0 the output equals the file, to the sample.

* A peak of the spectrum turns the bins around it by the same angle (identity phase locking: Laroche and Dolson, 1999),
  in both channels, so that the stereo image stays.
* Everything that came with an attack is copied unchanged from the file to where the attack belongs (after Röbel, 2003):
  it stays sharp, while sounds that go on beneath it are not disturbed.
* Towards the end of the glide each partial returns to its phase in the file, too slowly for a change of pitch to be
  audible. Then the original can take over.
"""

import numpy as np
from numpy.typing import NDArray

from rtc_drift.media import Audio
from rtc_drift.stretching.find_attacks import find_attacks
from rtc_drift.stretching.frames import HOP, NO_ATTACK, WINDOW, frames_of, place_attacks
from rtc_drift.stretching.phases import Phases
from rtc_drift.stretching.warp import Warp

MARGIN = 2 * WINDOW
"""Samples of the file that are needed before `enters_at` and after `resumes_at`."""

_BATCH = 16
"""Frames computed at once: few enough to hold the interpreter for at most a few milliseconds."""
_JOINT = 960
"""Samples (20 ms) of the crossfade with the original at a joint, where both are nearly equal."""
_MAX_MAKE_UP = 1.2
"""Largest make-up gain of a frame."""
_ANALYSIS = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
_SYNTHESIS = (_ANALYSIS / 1.5).astype(np.float32)
"""Hann twice, four times overlapped, adds up to 1.5."""

Grains = NDArray[np.float32]
"""`(frames, 2, WINDOW)`"""


def stretch(audio: Audio, warp: Warp, first: int) -> Audio:
    """Return the warp's output: `(warp.length, 2) float32`.

    `audio` is the file from its sample `first` on, `(n, 2) float32`, with `MARGIN` before `warp.enters_at` and after
    `warp.resumes_at` as far as the file has that; missing samples count as silence. The file's sample `warp.resumes_at`
    continues the output without a seam. If the warp does not return, the output continues the file's samples before
    `warp.enters_at` instead.
    """
    frames = frames_of(warp)
    low, high = int(frames.centres[0]) - WINDOW // 2, int(frames.centres[-1]) + WINDOW // 2
    source = _excerpt(audio, first, low, high)
    place_attacks(frames, find_attacks(source), low, warp)
    phases = Phases(frames)
    channels = np.ascontiguousarray(source.T)
    output = np.zeros((2, len(frames) * HOP + WINDOW), np.float32)
    for start in range(0, len(frames), _BATCH):
        begins = frames.centres[start : start + _BATCH] - WINDOW // 2 - low
        grains = np.stack([channels[:, begin : begin + WINDOW] for begin in begins.tolist()]) * _ANALYSIS
        spectra = np.fft.rfft(grains).astype(np.complex64, copy=False)
        spectra *= phases.factors(start, spectra)[:, None]
        turned = np.fft.irfft(spectra, WINDOW).astype(np.float32, copy=False) * _SYNTHESIS
        turned *= _make_up(grains * _SYNTHESIS, turned, frames.references[start : start + _BATCH] != NO_ATTACK)
        for number, grain in enumerate(turned, start):
            output[:, number * HOP : number * HOP + WINDOW] += grain
    begin = WINDOW // 2 - int(frames.outputs[0])
    result = np.ascontiguousarray(output[:, begin : begin + warp.length].T)
    share = np.linspace(0, 1, _JOINT, dtype=np.float32)[:, None]
    if warp.returns:
        original = _excerpt(audio, first, warp.resumes_at - _JOINT, warp.resumes_at)
        result[-_JOINT:] = result[-_JOINT:] * (1 - share) + original * share
    else:
        enters_at = round(warp.enters_at)
        original = _excerpt(audio, first, enters_at, enters_at + _JOINT)
        result[:_JOINT] = original * (1 - share) + result[:_JOINT] * share
    return result


def _make_up(before: Grains, after: Grains, has_attack: NDArray[np.bool_]) -> Grains:
    """Return a gain per frame, `(frames, 1, 1)`, for the power lost where adjacent bins of noise turn differently."""
    was, has_become = (np.einsum("fcn,fcn->f", grains, grains) for grains in (before, after))
    gain = was / np.maximum(has_become, 1e-20)  # not its root: the same is lost again where frames overlap
    gain = np.where(has_attack, 1, np.clip(gain, 1, _MAX_MAKE_UP))
    return gain.astype(np.float32)[:, None, None]


def _excerpt(audio: Audio, first: int, start: int, stop: int) -> Audio:
    """Return the file's samples from `start` to `stop`, with silence where there are none."""
    result = np.zeros((stop - start, 2), np.float32)
    begin, end = max(start, first), min(stop, first + len(audio))
    if begin < end:
        result[begin - start : end - start] = audio[begin - first : end - first]
    return result
