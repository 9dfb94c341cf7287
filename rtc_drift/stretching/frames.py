"""The frames of a stretch: which part of the file comes where in the output. Known before any audio is computed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.media import samples
from rtc_drift.stretching.find_attacks import Attacks
from rtc_drift.stretching.warp import TAIL, Warp

WINDOW = 4_096
"""Length of a frame (85 ms): separates partials that are 24 Hz apart."""
HOP = WINDOW // 4
"""Distance of frames in the output."""
NO_ATTACK = -1
"""Reference of a frame without an attack."""

_PHASE_RETURN = samples(6.0)
"""Samples (6 s) in which partials return to their phases in the file. One that is half a turn off changes its pitch
by a twelfth of a hertz meanwhile."""
_ATTACK_REACH = round(0.45 * WINDOW)
"""Distance in samples from a frame's middle at which an attack does not show in the frame yet."""

Indexes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames, `HOP` apart in the output; every array has an entry for each. The first is before the first sample."""

    outputs: Indexes
    """Output sample in the middle of the frame."""
    centres: Indexes
    """Sample of the file that belongs there."""
    hops: Indexes
    """Distance in the file from the frame before."""
    shifts: Indexes
    """Samples by which the frame's strongest attack must be earlier than in the file to be on time."""
    references: Indexes
    """Last frame in which that attack does not show, or `NO_ATTACK`."""
    return_begins: int
    """First frame in which partials begin to return to their phases in the file."""
    return_ends: int
    """First frame in which they have those phases."""

    def __len__(self) -> int:
        return len(self.outputs)


def frames_of(warp: Warp) -> Frames:
    """Return the frames of the warp's output, without attacks."""
    outputs = np.arange(-HOP, warp.length + WINDOW // 2, HOP)
    centres = np.array([round(warp.position_at(output)) for output in outputs.tolist()])
    if not warp.returns:  # it follows on the original, at whose speed the frames before its start go
        before = outputs < 0
        centres[before] = round(warp.enters_at) + outputs[before]
    tail = warp.length - TAIL if warp.returns else int(outputs[-1]) + _PHASE_RETURN + HOP
    return Frames(
        outputs,
        centres,
        hops=np.diff(centres, prepend=centres[0] - HOP),
        shifts=np.zeros(len(outputs), np.int64),
        references=np.full(len(outputs), NO_ATTACK),
        return_begins=int(np.searchsorted(outputs, tail - _PHASE_RETURN)),
        return_ends=int(np.searchsorted(outputs, tail)),
    )


def place_attacks(frames: Frames, attacks: Attacks, first: int, warp: Warp) -> None:
    """Enter the attacks into the frames. They were found in audio that begins with the file's sample `first`."""
    weights = np.zeros(len(frames))
    for position, strength in zip((attacks.positions + first).tolist(), attacks.strengths.tolist(), strict=True):
        low, high = np.searchsorted(frames.centres, (position - WINDOW // 2 + 1, position + WINDOW // 2))
        inside = slice(int(low), int(high))
        in_file = position - frames.centres[inside]
        in_output = round(warp.output_at(position)) - frames.outputs[inside]
        weight = strength * np.cos(np.pi * in_file / WINDOW) ** 4
        stronger = weight > weights[inside]
        weights[inside][stronger] = weight[stronger]
        frames.shifts[inside][stronger] = (in_file - in_output)[stronger]
        frames.references[inside][stronger] = np.searchsorted(frames.centres, position - _ATTACK_REACH, "right") - 1
