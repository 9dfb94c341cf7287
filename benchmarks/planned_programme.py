"""A programme with many transitions, planned by `AutoDj` as every programme, but not rendered."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from rtc_drift.engine.protocol.plays import Bands, Fade, Lead, Play
from rtc_drift.library.track import Track
from rtc_drift.media import SAMPLE_RATE, samples, seconds
from rtc_drift.mixing import MixTrack
from rtc_drift.mixing.beat_grid import BeatGrid
from rtc_drift.mixing.crossfade import natural_transition
from rtc_drift.mixing.model import Transition
from rtc_drift.rendering import MemoryLibrary
from rtc_drift.station.autodj import AutoDj
from rtc_drift.station.entry import Entry
from rtc_drift.station.event_publisher import EventPublisher
from rtc_drift.station.planner import PendingLead
from rtc_drift.station.playout import HORIZON
from rtc_drift.station.sources import Sources
from rtc_drift.station.stretched_ends import StretchedEnds
from rtc_drift.stretching.warp import Warp
from rtc_drift.stretching.write_lead import write_lead

MARGIN = samples(10.0)
"""Samples before and after a transition that belong to an excerpt."""
_NEAR_SECONDS = 0.1
"""Greatest distance of an overlap's start from a phrase's that is the same."""
_SETTLING = samples(2.0)
"""Samples for which a deck plays before an excerpt begins, so that its decoder has settled by then."""


@dataclass(frozen=True, slots=True)
class TransitionExcerpt:
    """Two plays and the transition between them, moved so that the outgoing play begins to fade at media time 0.

    It leaves out what lies outside of `MARGIN`, so that excerpts that sound the same are equal.
    """

    outgoing: Play
    incoming: Play
    transition: Transition
    beats: tuple[float, ...]
    """Media times in seconds of the beats within the overlap; none if it is not counted in bars."""
    are_sure: bool
    """True if the beats of both tracks are sure."""
    crossfade: tuple[Play, Play]
    """A plain crossfade of the same tracks, from media time 0 on."""
    phrases: tuple[bool | None, bool | None]
    """True for each track that begins a phrase with the overlap; None where phrases are not known."""
    titles: str
    """The titles of both tracks, with an arrow between them."""

    @property
    def ends(self) -> int:
        """The media time at which the transition is over."""
        return max(self.transition.duration, self.transition.delay + self.incoming.fade_in)


@dataclass(frozen=True, slots=True)
class RenderableLead:
    """A stretched intro that can be rendered at any time."""

    source: str
    warp: Warp

    def render(self, path: Path) -> None:
        """Render the stretched intro to a file. Raises DecodeError and OSError."""
        write_lead(self.source, self.warp, path)


@dataclass(frozen=True, slots=True)
class PlannedProgramme:
    """The transitions of a programme, and the stretched intros that they need."""

    transitions: Counter[TransitionExcerpt]
    """Each distinct transition, with the number of its occurrences."""
    leads: dict[str, RenderableLead]
    """Stretched intros by the paths at which the plays expect them."""
    length: int
    """Length of the programme, in samples."""

    def leads_of(self, excerpt: TransitionExcerpt) -> Iterator[tuple[Path, RenderableLead]]:
        """Yield the stretched intros that an excerpt needs, with the paths at which it expects them."""
        for part in (excerpt.outgoing.lead, excerpt.outgoing.lead_out, excerpt.incoming.lead):
            if part is not None:
                yield Path(part.path), self.leads[part.path]


class _PlanningTimeline:
    """A `Timeline` whose media time the caller sets."""

    running = True

    def __init__(self) -> None:
        self.time = 0

    @property
    def horizon(self) -> int:
        return self.time + HORIZON

    def now(self) -> int:
        return self.time

    def set_plays(self, plays: Sequence[Play]) -> None:
        pass

    def is_ready(self, play_id: int) -> bool:
        return True


def plan_programme(
    library: MemoryLibrary, seed: int, folder: Path, *, transitions: int | None = None, length: int | None = None
) -> PlannedProgramme:
    """Plan a programme of some `transitions`, or of a `length` in samples. It expects stretched intros in `folder`."""
    timeline = _PlanningTimeline()
    publisher = EventPublisher("bench", timeline.now, library.loved, lambda _: None)
    autodj = AutoDj(Sources(library, library), seed, timeline, publisher)
    found, leads, seen = Counter[TransitionExcerpt](), dict[str, RenderableLead](), set[int]()
    while (transitions is None or found.total() < transitions) and (length is None or timeline.time < length):
        # Look before the DJ drops what has ended: a cut leaves nothing of the outgoing track.
        for outgoing, incoming in _started(autodj.programme.entries, timeline.time):
            if incoming.play.id not in seen:
                seen.add(incoming.play.id)
                found[_excerpt(outgoing, incoming, library)] += 1
        due = autodj.advance()
        if (pending := autodj.pending_lead) is not None:
            autodj.lead_ready(pending, _stretched(pending, folder, leads))
        timeline.time = max(due, timeline.time + 1)
    return PlannedProgramme(found, leads, timeline.time)


def transitions_of(entries: Sequence[Entry], library: MemoryLibrary) -> Counter[TransitionExcerpt]:
    """Return the transitions of a whole programme, from its entries in order of start."""
    return Counter(_excerpt(before, after, library) for before, after in itertools.pairwise(entries))


def _started(entries: Sequence[Entry], now: int) -> Iterator[tuple[Entry, Entry]]:
    """Return the pairs of entries whose second one has started, so that they don't change any more."""
    return ((before, after) for before, after in itertools.pairwise(entries) if after.play.start <= now)


def _stretched(pending: PendingLead, folder: Path, leads: dict[str, RenderableLead]) -> StretchedEnds:
    """Note what has to be rendered for a transition, and return where it is expected."""
    paths = list[Path | None]()
    plan = pending.transition
    for track, warp in ((pending.choice.track, plan.lead_warp), (pending.outgoing, plan.lead_out_warp)):
        path = None
        if warp is not None:
            path = folder / f"{_name(track, warp)}.wav"
            leads[str(path)] = RenderableLead(str(track.path), warp)
        paths.append(path)
    return StretchedEnds(*paths)


def _name(track: Track, warp: Warp) -> str:
    """Return a name that is the same for the same stretched part, in every process."""
    content = repr((track.id, warp.knots, warp.returns))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _excerpt(outgoing: Entry, incoming: Entry, library: MemoryLibrary) -> TransitionExcerpt:
    plan = incoming.transition
    zero = incoming.play.start - plan.delay
    first = replace(_moved(outgoing.play, -zero), id=1, fade_in=0, bands_in=None)
    second = replace(_moved(incoming.play, -zero), id=2, fade_out=None, bands_out=None, lead_out=None)
    before, after = (MixTrack(it.track, library.analysis(it.track.id)) for it in (outgoing, incoming))
    excerpt = TransitionExcerpt(
        _shortened(first),
        second,
        plan,
        beats=tuple(_beats(outgoing, plan, before.grid, zero)) if plan.bars and before.grid else (),
        are_sure=before.grid is not None and after.grid is not None,
        crossfade=_crossfade(outgoing, incoming),
        phrases=(_begins_phrase(before, plan.leave_at), _begins_phrase(after, plan.enter_at)),
        titles=f"{outgoing.track.title} → {incoming.track.title}",
    )
    end = min(incoming.natural_end - zero, excerpt.ends + MARGIN + _SETTLING)
    return replace(excerpt, incoming=replace(second, end=end))


def _crossfade(outgoing: Entry, incoming: Entry) -> tuple[Play, Play]:
    """Return the plays of a plain crossfade at the end of a track."""
    plan = natural_transition(outgoing.track, incoming.track, 0)
    plain: dict[str, Any] = {"hush": None, "lead": None, "lead_out": None, "bands_in": None, "bands_out": None}
    begin = min(_SETTLING, plan.leave_at)
    times: dict[str, Any] = {"start": -begin, "offset": plan.leave_at - begin, "end": plan.duration}
    first = replace(outgoing.play, id=1, fade_in=0, fade_out=Fade(0, plan.duration), **times, **plain)
    times = {"start": 0, "offset": plan.enter_at, "end": plan.duration + MARGIN}
    return first, replace(incoming.play, id=2, fade_in=plan.duration, fade_out=None, **times, **plain)


def _beats(outgoing: Entry, plan: Transition, grid: BeatGrid, zero: int) -> Iterator[float]:
    """Yield the media times of the outgoing track's smooth beats within an overlap that starts at `zero`, from 0 on."""
    for position in (grid.smooth.times * SAMPLE_RATE).tolist():
        at = outgoing.time_of(round(position)) - zero
        if 0 < at < plan.duration:
            yield seconds(at)


def _begins_phrase(track: MixTrack, position: int) -> bool | None:
    """Return True if a phrase begins at a sample of a file; None if its phrases are not known."""
    grid = track.grid
    if grid is None or not grid.begins_phrase.any():
        return None
    return bool(np.abs(grid.smooth.times[grid.begins_phrase] - seconds(position)).min() <= _NEAR_SECONDS)


def _moved(play: Play, by: int) -> Play:
    """Return the play with all its media times moved."""
    fades: dict[str, Any] = {}
    for field in fields(play):
        value = getattr(play, field.name)
        if isinstance(value, Fade):
            fades[field.name] = _moved_fade(value, by)
        elif isinstance(value, Bands):
            fades[field.name] = Bands(*(_moved_fade(it, by) for it in (value.low, value.mid, value.high)))
    return replace(play, start=play.start + by, end=play.end + by, **fades)


def _moved_fade(fade: Fade, by: int) -> Fade:
    return replace(fade, start=fade.start + by)


def _shortened(play: Play) -> Play:
    """Return the play from shortly before the excerpt, so that its own beginning makes no difference."""
    start = max(play.start, -MARGIN - _SETTLING)
    lead: Lead | None = play.lead
    offset = play.position_at(start)
    if lead is None or offset >= lead.resumes_at:
        return replace(play, start=start, offset=offset, lead=None)
    return play
