"""Measures of one transition, rendered by the engine's mixer and limiter, as a listener gets it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.planned_programme import MARGIN, TransitionExcerpt
from rtc_drift.engine.fades import DECLICK, ramp
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.engine.renderer import MixRenderer
from rtc_drift.media import SAMPLE_RATE, Audio
from rtc_drift.rendering.file_deck import FileDeck
from tests.support.measures.attacks import coincidence
from tests.support.measures.bass import DoubleBass, bass_db, double_bass
from tests.support.measures.clicks import clicks
from tests.support.measures.harmony import harmonic_clash
from tests.support.measures.loudness import loudness_excursion, short_term_lufs, true_peak_dbtp
from tests.support.measures.parts import Part, parts_of, sources_of
from tests.support.measures.silence import gaps

MOST_LU = 1.5
MOST_DBTP = -1.0
MEDIAN_MS, P95_MS = 10.0, 25.0
MOST_BASS_DB = 2.0
FEWEST_BEATS = 4
"""Number of beats on which both tracks have to strike before their distances are judged."""
_AT_ONCE = 24_000
_NEARBY = SAMPLE_RATE
"""Samples from a transition beyond which a gap is a track's own."""
_HAS_BASS_DB = 20.0
"""A moment has bass if its bass is at most so far below the loudest."""
_FULL_BASS = 0.95
"""Quantile of the moments with bass that is a track's full bass."""
_PEAK_TOLERANCE = 0.1
"""Error of the measured true peak, in dB."""


@dataclass(frozen=True, slots=True)
class TransitionMeasures:
    """The measures of one transition."""

    style: str
    gaps: tuple[float, ...]
    """Gaps in or near the transition, in seconds after the outgoing track begins to fade."""
    clicks: tuple[float, ...]
    """Clicks anywhere in the excerpt, in the same seconds."""
    above_lu: float
    """Largest excess of the short-term loudness over the tracks before and after."""
    below_lu: float
    """Likewise, how far it falls below them."""
    peak_dbtp: float
    clash: float
    """Harmonic clash of both parts (`tests/support/measures/harmony`)."""
    crossfade_clash: float
    """The same of a plain crossfade of 6 s."""
    beat_differences_ms: tuple[float, ...] = ()
    """Lateness of the incoming track on each beat on which both tracks strike."""
    bass_excess_db: float | None = None
    bass_both_seconds: float | None = None

    @property
    def has_even_loudness(self) -> bool:
        """True if the loudness stays within `MOST_LU`; False if it can't be compared."""
        return self.above_lu <= MOST_LU and self.below_lu <= MOST_LU

    @property
    def is_within_peak(self) -> bool:
        """True if the true peak is at most `MOST_DBTP`."""
        return self.peak_dbtp <= MOST_DBTP + _PEAK_TOLERANCE

    @property
    def is_clean(self) -> bool:
        """True if there is no gap, no click and no level out of bounds."""
        return not self.gaps and not self.clicks and self.has_even_loudness and self.is_within_peak

    @property
    def has_enough_beats(self) -> bool:
        """True if both tracks strike on enough beats to judge their distances."""
        return len(self.beat_differences_ms) >= FEWEST_BEATS

    @property
    def median_ms(self) -> float:
        """Median distance of beats, in ms, without signs; NaN if there are none."""
        return _quantile(self.beat_differences_ms, 0.5)

    @property
    def p95_ms(self) -> float:
        """95th percentile of the distances of beats, in ms, without signs; NaN if there are none."""
        return _quantile(self.beat_differences_ms, 0.95)

    @property
    def is_together(self) -> bool:
        """True if beats fall on beats, or if there are too few to judge."""
        return not self.has_enough_beats or (self.median_ms <= MEDIAN_MS and self.p95_ms <= P95_MS)

    @property
    def faults(self) -> tuple[str, ...]:
        """The faults of the transition, as short phrases."""
        found = [f"a gap at {at:.3f} s" for at in self.gaps] + [f"a click at {at:.4f} s" for at in self.clicks]
        if not self.has_even_loudness:
            found.append(f"{self.above_lu:.1f} LU too loud, {self.below_lu:.1f} LU too quiet")
        if not self.is_within_peak:
            found.append(f"{self.peak_dbtp:.2f} dBTP")
        if not self.is_together:
            found.append(f"beats {self.median_ms:.1f} ms apart (median), {self.p95_ms:.1f} ms (p95)")
        if self.bass_excess_db is not None and self.bass_excess_db > MOST_BASS_DB:
            found.append(f"{self.bass_excess_db:.1f} dB too much bass")
        return tuple(found)


def measure(excerpt: TransitionExcerpt) -> TransitionMeasures:
    """Render a transition and measure it, from ten seconds before to ten after."""
    plan, plays = excerpt.transition, (excerpt.outgoing, excerpt.incoming)
    first = first_sample(excerpt)
    count = min(excerpt.ends + MARGIN, excerpt.incoming.end) - first
    mix = render_mix(excerpt, first, count)
    sources = sources_of(plays, FileDeck, first, count)
    above, below = loudness_excursion(short_term_lufs(mix), -first, excerpt.ends - first)
    measures = TransitionMeasures(
        style=plan.style,
        gaps=tuple(_gaps(excerpt, mix, sources, first)),
        clicks=tuple((click.at + first) / SAMPLE_RATE for click in clicks(mix, sources)),
        above_lu=above,
        below_lu=below,
        peak_dbtp=true_peak_dbtp(mix * _softened(len(mix))),
        clash=_clash(plays, excerpt.ends),
        crossfade_clash=_clash(excerpt.crossfade, excerpt.crossfade[0].end),
    )
    return _with_beats(excerpt, measures, mix, first) if excerpt.beats else measures


def _softened(count: int) -> NDArray[np.float32]:
    """Return gains that soften the ends of an excerpt, `(count, 1)`: a cut within music has peaks of its own."""
    return ramp(0, count, DECLICK) * ramp(count - 1, count, DECLICK, step=-1)


def _clash(plays: tuple[Play, Play], count: int) -> float:
    """Return the harmonic clash of two plays in an overlap of `count` samples from media time 0 on."""
    parts = [part.placed(count) for part in parts_of(plays, FileDeck, 0, count)]
    return harmonic_clash(*parts) if len(parts) == 2 else 0.0


def first_sample(excerpt: TransitionExcerpt) -> int:
    """Return the media time from which an excerpt is measured."""
    return max(excerpt.outgoing.start, -MARGIN)


def render_mix(excerpt: TransitionExcerpt, first: int, count: int) -> Audio:
    """Return `count` samples from media time `first` on, as they leave the limiter: `(count, 2) float32`.

    Rendering begins up to a second earlier, because a deck that starts in the middle of a file fades in.
    """
    begin = max(excerpt.outgoing.start, first - SAMPLE_RATE)
    renderer = MixRenderer(FileDeck)
    try:
        renderer.mixer.set_plays((excerpt.outgoing, excerpt.incoming), begin)
        end = first + count
        blocks = [renderer.render(at, min(_AT_ONCE, end - at)) for at in range(begin, end, _AT_ONCE)]
        return np.concatenate(blocks)[first - begin :]
    finally:
        renderer.close()


def _gaps(excerpt: TransitionExcerpt, mix: Audio, sources: Sequence[Part], first: int) -> Iterator[float]:
    """Yield the gaps in or near the transition, in seconds after the outgoing track begins to fade.

    A pause within a track that is heard alone is its own, and so is silence at the ends of tracks that belong together.
    """
    for at, length in gaps(mix):
        begin, end = at + first, at + first + length
        is_near = end > -_NEARBY and begin < excerpt.ends + _NEARBY
        if is_near and not _is_own(excerpt, sources, at, length, first):
            yield begin / SAMPLE_RATE


def _is_own(excerpt: TransitionExcerpt, sources: Sequence[Part], at: int, length: int, first: int) -> bool:
    """Return True if the only track that is heard at a gap of the mix is silent there in its file."""
    begin, end = at + first, at + first + length
    if end > 0 and begin < excerpt.ends:
        return False
    heard = excerpt.outgoing if end <= 0 else excerpt.incoming
    for part in sources:
        if part.play == heard.id:
            within = part.start <= at and at + length <= part.end
            is_silent = bool(gaps(part.placed(at + length)[at:]))
            return is_silent and (within or excerpt.transition.style == "gapless")
    return False


def _with_beats(excerpt: TransitionExcerpt, measures: TransitionMeasures, mix: Audio, first: int) -> TransitionMeasures:
    """Add the measures of beats and bass."""
    parts = parts_of((excerpt.outgoing, excerpt.incoming), FileDeck, first, len(mix))
    outgoing, incoming = (part.placed(len(mix)) for part in parts)
    # Each track alone and whole: of a track whose highs alone are in yet, another instrument may strike first.
    whole = (replace(excerpt.outgoing, bands_out=None), replace(excerpt.incoming, bands_in=None))
    first_alone, second_alone = (part.placed(len(mix)) for part in sources_of(whole, FileDeck, first, len(mix)))
    times = np.array(excerpt.beats) - first / SAMPLE_RATE
    differences = coincidence(first_alone, second_alone, times).differences_ms
    bass = _bass(excerpt, (outgoing, incoming), mix, first)
    return replace(
        measures,
        beat_differences_ms=tuple(float(it) for it in differences[np.isfinite(differences)]),
        bass_excess_db=bass.excess_db,
        bass_both_seconds=bass.both_seconds,
    )


def _bass(excerpt: TransitionExcerpt, parts: tuple[Audio, Audio], mix: Audio, first: int) -> DoubleBass:
    """Measure `double_bass` against each track alone, in the overlap too.

    A track may have no bass in the ten seconds before the overlap, and its loudest bass in the overlap; that is no
    excess of two basses. So each track is also rendered alone for the overlap, with all its bass. The excess is over
    both of these, and over the full bass of the louder track: the level that 5 % of its moments with bass exceed.
    """
    duration = excerpt.transition.duration
    whole = (replace(excerpt.outgoing, bands_out=None), replace(excerpt.incoming, bands_in=None))
    before, after = (part.placed(duration) for part in sources_of(whole, FileDeck, 0, duration))
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
    """Return the full bass of a track, in dB."""
    levels = bass_db(alone)
    return float(np.quantile(levels[levels > levels.max() - _HAS_BASS_DB], _FULL_BASS))


def _quantile(values: tuple[float, ...], share: float) -> float:
    return float(np.quantile(np.abs(values), share)) if values else math.nan
