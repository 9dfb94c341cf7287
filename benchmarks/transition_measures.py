"""What a listener hears of one transition: rendered by the engine's mixer and limiter, taken apart, and measured."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.planned_programme import AROUND, Joint
from rtc_drift.engine.renderer import MixRenderer
from rtc_drift.media import SAMPLE_RATE, Audio
from rtc_drift.rendering.offline_timeline import patient_deck
from tests.measures.attacks import coincidence
from tests.measures.bass import DoubleBass, bass_db, double_bass
from tests.measures.clicks import clicks
from tests.measures.loudness import loudness_excursion, short_term_lufs, true_peak_dbtp
from tests.measures.parts import parts_of, sources_of
from tests.measures.silence import gaps

MOST_LU = 1.5
MOST_DBTP = -1.0
MEDIAN_MS, P95_MS = 10.0, 25.0
MOST_BASS_DB = 2.0
FEWEST_BEATS = 4
"""On which both have to strike, that one can tell whether they do so together."""
_AT_ONCE = 24_000
_NEARBY = SAMPLE_RATE
"""A pause further away than this from a transition is a track's own."""
_HAS_BASS_DB = 20.0
"""Below the loudest."""
_FULL_BASS = 0.95
_PEAK_TOLERANCE = 0.1
"""To which the measure is exact."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The measures of one transition."""

    style: str
    gaps: tuple[float, ...]
    """Seconds after the outgoing track begins to fade, of those that are not in the midst of one track."""
    clicks: tuple[float, ...]
    """Likewise, wherever they are."""
    above_lu: float
    below_lu: float
    peak_dbtp: float
    apart_ms: tuple[float, ...] = ()
    """For each beat on which both strike, by how much the incoming track is late."""
    bass_excess_db: float | None = None
    bass_both_seconds: float | None = None

    @property
    def is_loud_enough(self) -> bool:
        """Neither too loud nor too quiet; where nothing can be compared, it is not."""
        return self.above_lu <= MOST_LU and self.below_lu <= MOST_LU

    @property
    def is_within_peak(self) -> bool:
        return self.peak_dbtp <= MOST_DBTP + _PEAK_TOLERANCE

    @property
    def is_clean(self) -> bool:
        """Without gap, click, or a level where it should not be."""
        return not self.gaps and not self.clicks and self.is_loud_enough and self.is_within_peak

    @property
    def can_be_told(self) -> bool:
        """Whether enough beats are heard of both to tell whether they fall together."""
        return len(self.apart_ms) >= FEWEST_BEATS

    @property
    def median_ms(self) -> float:
        """Of the distances of beats, without their signs; NaN if there are none."""
        return _quantile(self.apart_ms, 0.5)

    @property
    def p95_ms(self) -> float:
        return _quantile(self.apart_ms, 0.95)

    @property
    def is_together(self) -> bool:
        """Whether beats fall on beats, if that can be told."""
        return not self.can_be_told or (self.median_ms <= MEDIAN_MS and self.p95_ms <= P95_MS)

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with it, for people."""
        found = [f"a gap at {at:.3f} s" for at in self.gaps] + [f"a click at {at:.4f} s" for at in self.clicks]
        if not self.is_loud_enough:
            found.append(f"{self.above_lu:.1f} LU too loud, {self.below_lu:.1f} LU too quiet")
        if not self.is_within_peak:
            found.append(f"{self.peak_dbtp:.2f} dBTP")
        if not self.is_together:
            found.append(f"beats {self.median_ms:.1f} ms apart (median), {self.p95_ms:.1f} ms (p95)")
        if self.bass_excess_db is not None and self.bass_excess_db > MOST_BASS_DB:
            found.append(f"{self.bass_excess_db:.1f} dB too much bass")
        return tuple(found)


def hear(joint: Joint) -> Heard:
    """Listen to it, from ten seconds before to ten after."""
    plan, plays = joint.transition, (joint.outgoing, joint.incoming)
    first = first_heard(joint)
    count = min(joint.ends + AROUND, joint.incoming.end) - first
    mix = mixed(joint, first, count)
    sources = sources_of(plays, patient_deck, first, count)
    above, below = loudness_excursion(short_term_lufs(mix), -first, joint.ends - first)
    heard = Heard(
        style=plan.style,
        gaps=tuple(_gaps(joint, mix, first)),
        clicks=tuple((click.at + first) / SAMPLE_RATE for click in clicks(mix, sources)),
        above_lu=above,
        below_lu=below,
        peak_dbtp=true_peak_dbtp(mix),
    )
    return _beats(joint, heard, mix, first) if joint.beats else heard


def first_heard(joint: Joint) -> int:
    """The media time from which on a joint is listened to."""
    return max(joint.outgoing.start, -AROUND)


def mixed(joint: Joint, first: int, count: int) -> Audio:
    """`count` samples from `first` on, as they leave the limiter: `(count, 2) float32`.

    It begins a second earlier, where there is something: decks that are entered in their middle fade in.
    """
    begin = max(joint.outgoing.start, first - SAMPLE_RATE)
    programme = MixRenderer(patient_deck)
    try:
        programme.mixer.set_plays((joint.outgoing, joint.incoming), begin)
        end = first + count
        blocks = [programme.render(at, min(_AT_ONCE, end - at)) for at in range(begin, end, _AT_ONCE)]
        return np.concatenate(blocks)[first - begin :]
    finally:
        programme.close()


def _gaps(joint: Joint, mix: Audio, first: int) -> Iterator[float]:
    for at, length in gaps(mix):
        begin, end = at + first, at + first + length
        if end > -_NEARBY and begin < joint.ends + _NEARBY:
            yield begin / SAMPLE_RATE


def _beats(joint: Joint, heard: Heard, mix: Audio, first: int) -> Heard:
    """With how the drums of both come together, and what the bass does."""
    duration = joint.transition.duration
    parts = parts_of((joint.outgoing, joint.incoming), patient_deck, first, len(mix))
    outgoing, incoming = (part.placed(len(mix)) for part in parts)
    times = (np.arange(1, joint.beats) * duration / joint.beats - first) / SAMPLE_RATE
    apart = coincidence(outgoing, incoming, times).differences_ms
    bass = _bass(joint, (outgoing, incoming), mix, first)
    return replace(
        heard,
        apart_ms=tuple(float(it) for it in apart[np.isfinite(apart)]),
        bass_excess_db=bass.excess_db,
        bass_both_seconds=bass.both_seconds,
    )


def _bass(joint: Joint, parts: tuple[Audio, Audio], mix: Audio, first: int) -> DoubleBass:
    """What `double_bass` would tell that knew both tracks for longer, and what either has by itself at each moment.

    Ten seconds before the overlap may be without bass, which then comes back just as the track is left; and a track may
    have its loudest bass in the overlap: neither is the bass of two. So each track is known from the overlap, too, as
    it would be there alone, with all its bass. Excess is over that, and over the full level of the louder one: what it
    exceeds in 5 % of the moments that have bass.
    """
    duration = joint.transition.duration
    whole = (replace(joint.outgoing, bass_out=None), replace(joint.incoming, bass_in=None))
    before, after = (part.placed(duration) for part in sources_of(whole, patient_deck, 0, duration))
    silence = np.zeros_like(before)
    outgoing = np.concatenate((before, parts[0], silence))
    incoming = np.concatenate((silence, parts[1], after))
    start = duration - first
    bass = double_bass(outgoing, incoming, np.concatenate((silence, mix, silence)), start, start + duration)
    full = max(_full_bass(outgoing[:start]), _full_bass(incoming[start + duration :]))
    alone = np.maximum(np.maximum(bass_db(before), bass_db(after)), full)
    both = bass_db(mix[-first : duration - first])
    return replace(bass, excess_db=float((both - alone).max(initial=-math.inf)))


def _full_bass(alone: Audio) -> float:
    levels = bass_db(alone)
    return float(np.quantile(levels[levels > levels.max() - _HAS_BASS_DB], _FULL_BASS))


def _quantile(values: tuple[float, ...], share: float) -> float:
    return float(np.quantile(np.abs(values), share)) if values else math.nan
