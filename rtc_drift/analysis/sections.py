"""Sections: phrases that sound alike, with their energy, their drums, and the role that these give them."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rtc_drift.analysis.model import Cues, Role, Section
from rtc_drift.analysis.onsets import FRAME_RATE, Onsets
from rtc_drift.analysis.phrases import Phrases

_LEAST_CHANGE = 0.5
"""Least distance of two sections, in the unrest of the track."""
_SHORT_BARS, _SHORT_NEEDS = 8, 1.5
"""Bars of a short section, and how many times the least distance it needs."""
_REACH_BARS = 8
_MOMENT_SECONDS = 0.4
_SHORTEST_SECONDS = 4.0
"""Shortest section where bars are not known."""
_LEAST_ENERGY = -60.0
_QUIET_LU, _FEW_DRUMS = 2.5, 0.6
"""Difference from the body's energy, and share of its drums, below which a section is weaker than the body."""
_BODY = 0.7
"""Share of the track's time with less energy, and with fewer drums, than what counts as those of the body."""
_LONGEST_END = 0.4
"""Greatest share of the track for an intro or an outro: a track that is quiet for longer is no intro."""
_Array = NDArray[np.float64]


class SectionMeter:
    """A meter for the energy and the drums of any part of a track."""

    def __init__(self, momentary_lufs: Sequence[float], lufs: float, beats: _Array, onsets: Onsets) -> None:
        """Wrap the loudness and the onset strength of a track; the latter counts on `beats`, in seconds."""
        self._powers = 10 ** (np.array(momentary_lufs) / 10)
        self._lufs = lufs
        self._beats = beats
        self._strengths = _strengths(beats, onsets)

    def energy(self, start: float, end: float) -> float:
        """Return the mean loudness of a part in LU above that of the track."""
        first = round(start / _MOMENT_SECONDS)
        part = self._powers[first : max(round(end / _MOMENT_SECONDS), first + 1)]
        if not len(part) or not part.any():
            return _LEAST_ENERGY
        return round(max(float(10 * np.log10(part.mean())) - self._lufs, _LEAST_ENERGY), 1)

    def drums(self, start: float, end: float) -> float:
        """Return the mean onset strength of a part on its beats, as a share of the usual one."""
        first, last = np.searchsorted(self._beats, (start - 0.1, end - 0.1))
        return round(float(self._strengths[first:last].mean()), 2) if last > first else 0.0


def find_sections(bars: _Array, downbeats: _Array, phrases: Phrases, cues: Cues, meter: SectionMeter) -> list[Section]:
    """Return the sections of a track whose phrases are known. `bars` are rows, one for each downbeat."""
    starts = [float(downbeats[bar]) for bar in (0, *_changed(bars, phrases))]
    bar_seconds = float(np.median(np.diff(downbeats)))
    if starts[0] - cues.first_sound_seconds > 2 * bar_seconds:  # something without beats
        starts.insert(0, cues.first_sound_seconds)
    return _sections(starts, max(cues.last_sound_seconds, starts[-1]), meter)


def sections_by_energy(cues: Cues, meter: SectionMeter) -> list[Section]:
    """Return the sections of a track without sure bars, by its cues alone; none in silence of no length."""
    first, last = cues.first_sound_seconds, cues.last_sound_seconds
    if last <= first:
        return []
    starts = [first]
    for cue in (cues.intro_end_seconds, cues.outro_start_seconds):
        if cue - starts[-1] >= _SHORTEST_SECONDS and last - cue >= _SHORTEST_SECONDS:
            starts.append(cue)
    return _sections([round(start, 2) for start in starts], last, meter)


def _changed(bars: _Array, phrases: Phrases) -> list[int]:
    """Return the first bars of phrases that sound unlike the one before, the clearest first, in order."""
    edges = (*phrases.starts, len(bars))
    found = {
        bar: float(np.linalg.norm(bars[max(before, bar - _REACH_BARS) : bar].mean(axis=0)
        - bars[bar : min(after, bar + _REACH_BARS)].mean(axis=0)))
        for before, bar, after in zip(edges, edges[1:], edges[2:], strict=False)
    }  # fmt: skip
    needed = _LEAST_CHANGE * phrases.unrest
    chosen = list[int]()
    for bar in sorted(found, key=lambda it: -found[it]):
        is_short = min(abs(bar - other) for other in (0, len(bars), *chosen)) < _SHORT_BARS
        if found[bar] >= needed * (_SHORT_NEEDS if is_short else 1):
            chosen.append(bar)
    return sorted(chosen)


def _sections(starts: list[float], end: float, meter: SectionMeter) -> list[Section]:
    spans = list(pairwise([*starts, end]))
    energies = [meter.energy(*span) for span in spans]
    drums = [min(meter.drums(*span), 1.0) for span in spans]
    rows = zip(starts, _roles(spans, energies, drums), energies, drums, strict=True)
    return [Section(starts_seconds=start, role=role, energy=energy, drums=share) for start, role, energy, share in rows]


def _roles(spans: list[tuple[float, float]], energies: list[float], drums: list[float]) -> list[Role]:
    """Return what each section is: weaker than the body before it, in it or after it, or the body."""
    seconds = np.array([end - start for start, end in spans])
    least = _level_of_body(np.array(energies), seconds) - _QUIET_LU
    fewest = _level_of_body(np.array(drums), seconds) * _FEW_DRUMS
    is_body = [energy >= least and share >= fewest for energy, share in zip(energies, drums, strict=True)]
    begin, end = spans[0][0], spans[-1][1]
    first = next((number for number, body in enumerate(is_body) if body), 0)
    last = next((number for number in reversed(range(len(spans))) if is_body[number]), len(spans) - 1)
    longest = _LONGEST_END * (end - begin)
    roles: list[Role] = []
    for number, (start, until) in enumerate(spans):
        if is_body[number]:
            roles.append("body")
        elif number < first and until - begin <= longest:
            roles.append("intro")
        elif number > last and end - start <= longest:
            roles.append("outro")
        else:
            roles.append("break")
    return roles if "body" in roles else ["body"] * len(roles)


def _level_of_body(levels: _Array, seconds: _Array) -> float:
    """Return the level that is reached in the louder part of the time."""
    order = np.argsort(levels)
    place = int(np.searchsorted(np.cumsum(seconds[order]), _BODY * seconds.sum()))
    return float(levels[order[min(place, len(levels) - 1)]])


def _strengths(beats: _Array, onsets: Onsets) -> _Array:
    """Return the onset strength at each beat, of all bands and of the kick, as a share of the usual: at most 1."""
    if not len(beats):
        return beats
    shares = np.zeros(len(beats))
    frames = np.clip(np.round(beats * FRAME_RATE).astype(int), 0, len(onsets.full) - 1)
    for strength in (onsets.full, onsets.kick):
        padded = np.pad(strength, 3)
        here = np.max([padded[frames + shift] for shift in range(7)], axis=0)
        shares += np.minimum(here / max(float(np.quantile(here, 0.6)), 1e-9), 1) / 2
    return shares
