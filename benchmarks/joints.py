"""What a listener hears of one transition: rendered by the engine's mixer and limiter, taken apart, and measured."""

from dataclasses import dataclass

import numpy as np

from benchmarks.journeys import AROUND, Joint
from rtc_drift.engine.programme import ProgrammeMix
from rtc_drift.media import SAMPLE_RATE, Audio
from rtc_drift.rendering.timeline import patient_deck
from tests.measures.attacks import coincidence
from tests.measures.bass import double_bass
from tests.measures.clicks import clicks
from tests.measures.loudness import loudness_excursion, short_term_lufs, true_peak_dbtp
from tests.measures.parts import parts_of, sources_of
from tests.measures.silence import gaps

MOST_LU = 1.5
MOST_DBTP = -1.0
MEDIAN_MS, P95_MS = 10.0, 25.0
_AT_ONCE = 24_000
_PEAK_TOLERANCE = 0.1
"""To which the measure is exact."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The measures of one transition."""

    style: str
    gaps: int
    clicks: int
    above_lu: float
    below_lu: float
    peak_dbtp: float
    apart_median_ms: float | None = None
    apart_p95_ms: float | None = None
    bass_excess_db: float | None = None
    bass_both_seconds: float | None = None

    @property
    def is_clean(self) -> bool:
        """Without gap, click, or a level where it should not be."""
        loud_enough = max(self.above_lu, self.below_lu) <= MOST_LU and self.peak_dbtp <= MOST_DBTP + _PEAK_TOLERANCE
        return self.gaps == 0 and self.clicks == 0 and loud_enough

    @property
    def is_together(self) -> bool:
        """Whether beats fall on beats, where they should."""
        if self.apart_median_ms is None or self.apart_p95_ms is None:
            return True
        return self.apart_median_ms <= MEDIAN_MS and self.apart_p95_ms <= P95_MS


def hear(joint: Joint) -> Heard:
    """Listen to it, from ten seconds before to ten after."""
    plan, plays = joint.transition, (joint.outgoing, joint.incoming)
    first = max(joint.outgoing.start, -AROUND)
    ends = max(plan.duration, plan.delay + joint.incoming.fade_in)
    count = min(ends + AROUND, joint.incoming.end) - first
    mix = _mixed(joint, first, count)
    above, below = loudness_excursion(short_term_lufs(mix), -first, ends - first)
    heard = Heard(
        style=plan.style,
        gaps=len(gaps(mix)),
        clicks=len(clicks(mix, sources_of(plays, patient_deck, first, count))),
        above_lu=above,
        below_lu=below,
        peak_dbtp=true_peak_dbtp(mix),
    )
    return heard if plan.style != "beat-matched" else _beats(joint, heard, mix, first)


def _mixed(joint: Joint, first: int, count: int) -> Audio:
    programme = ProgrammeMix(patient_deck)
    try:
        programme.mixer.schedule((joint.outgoing, joint.incoming), first)
        blocks = [
            programme.render(at, min(_AT_ONCE, first + count - at)) for at in range(first, first + count, _AT_ONCE)
        ]
        return np.concatenate(blocks)
    finally:
        programme.close()


def _beats(joint: Joint, heard: Heard, mix: Audio, first: int) -> Heard:
    """With how the drums of both come together, and what the bass does."""
    plan = joint.transition
    parts = parts_of((joint.outgoing, joint.incoming), patient_deck, first, len(mix))
    outgoing, incoming = (part.placed(len(mix)) for part in parts)
    beats = plan.bars * 4
    times = (np.arange(beats + 1) * plan.duration / beats - first) / SAMPLE_RATE
    apart = coincidence(outgoing, incoming, times[1:-1])
    bass = double_bass(outgoing, incoming, mix, -first, plan.duration - first)
    return Heard(
        **{name: getattr(heard, name) for name in ("style", "gaps", "clicks", "above_lu", "below_lu", "peak_dbtp")},
        apart_median_ms=apart.median_ms,
        apart_p95_ms=apart.p95_ms,
        bass_excess_db=bass.excess_db,
        bass_both_seconds=bass.both_seconds,
    )
