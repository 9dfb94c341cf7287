"""The frames of a stretch: which part of the file comes where in the output, known before anything is calculated."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtc_drift.media import samples
from rtc_drift.stretching.attacks import Attacks
from rtc_drift.stretching.warp import PLAIN, Warp

WINDOW = 4_096
"""85 ms: partials 24 Hz apart are told from each other."""
HOP = WINDOW // 4
NO_ATTACK = -1

_LEADING_BACK = samples(6.0)
"""A partial half a turn off is bent by a twelfth of a hertz."""
_UNHEARD = round(0.45 * WINDOW)
"""An attack this far from the middle of a frame doesn't show in it yet."""

Indexes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Frames:
    """One entry per frame, `HOP` apart in the output; the first is before the output's first sample."""

    outputs: Indexes
    """The output sample in the middle of the frame."""
    centres: Indexes
    """The file's sample that belongs there."""
    hops: Indexes
    """How far it is from the last one."""
    shifts: Indexes
    """By how much earlier than in the file the frame's strongest attack has to be in it to be on time, in samples…"""
    references: Indexes
    """… and the last frame in which it doesn't show, or `NO_ATTACK`."""
    back_from: int
    """From this frame on partials are led back to their phases in the file…"""
    back_at: int
    """… and from this one on they have them."""

    def __len__(self) -> int:
        return len(self.outputs)


def frames_of(warp: Warp) -> Frames:
    """The frames that the warp's output is made of, as yet without attacks."""
    outputs = np.arange(-HOP, warp.length + WINDOW // 2, HOP)
    centres = np.array([round(warp.position_at(output)) for output in outputs.tolist()])
    plain = warp.length - PLAIN
    return Frames(
        outputs,
        centres,
        hops=np.diff(centres, prepend=centres[0] - HOP),
        shifts=np.zeros(len(outputs), np.int64),
        references=np.full(len(outputs), NO_ATTACK),
        back_from=int(np.searchsorted(outputs, plain - _LEADING_BACK)),
        back_at=int(np.searchsorted(outputs, plain)),
    )


def place_attacks(frames: Frames, attacks: Attacks, first: int, warp: Warp) -> None:
    """Enter the attacks, found in audio that begins with the file's sample `first`."""
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
        frames.references[inside][stronger] = np.searchsorted(frames.centres, position - _UNHEARD, "right") - 1
