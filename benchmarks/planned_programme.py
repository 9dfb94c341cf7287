"""A programme of very many transitions, planned by the autodj that plans every programme, without rendering it."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from rtc_drift.engine.protocol.plays import Fade, Lead, Play
from rtc_drift.media import samples
from rtc_drift.mixing.beat_grid import grid_of
from rtc_drift.mixing.model import Transition
from rtc_drift.rendering import MemoryLibrary
from rtc_drift.station.autodj import AutoDj
from rtc_drift.station.event_publisher import EventPublisher
from rtc_drift.station.planner import PendingLead
from rtc_drift.station.playout import HORIZON
from rtc_drift.station.programme import Entry
from rtc_drift.station.sources import Sources
from rtc_drift.stretching.warp import Warp
from rtc_drift.stretching.write_lead import write_lead

AROUND = samples(10.0)
"""What is heard before and after a transition."""
_SETTLED = samples(2.0)
"""A deck that is entered so long before what is heard has settled by then."""


@dataclass(frozen=True, slots=True)
class Joint:
    """Two plays and how one gives way to the other, moved so that the outgoing one begins to fade at media time 0.

    What becomes of either outside of it is left out, so that joints that sound the same are the same.
    """

    outgoing: Play
    incoming: Play
    transition: Transition
    beats: int
    """Of the overlap, where it is counted in bars."""
    names: str
    """For people."""

    @property
    def ends(self) -> int:
        """When the transition is over."""
        return max(self.transition.duration, self.transition.delay + self.incoming.fade_in)


@dataclass(frozen=True, slots=True)
class Bend:
    """A lead that can be rendered at any time."""

    source: str
    warp: Warp

    def render(self, path: Path) -> None:
        """Raises DecodeError and OSError."""
        write_lead(self.source, self.warp, path)


@dataclass(frozen=True, slots=True)
class Journey:
    """What was planned."""

    joints: Counter[Joint]
    """Each distinct transition, with how often it came."""
    bends: dict[str, Bend]
    """By the paths that the plays have for them."""
    length: int
    """Media time, in samples."""

    def leads(self, joint: Joint) -> Iterator[tuple[Path, Bend]]:
        """What has to be there to hear it."""
        for play in (joint.outgoing, joint.incoming):
            if play.lead is not None:
                yield Path(play.lead.path), self.bends[play.lead.path]


class _Timeline:
    """Time goes as fast as one likes."""

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


def journey(
    collection: MemoryLibrary, seed: int, folder: Path, *, transitions: int | None = None, length: int | None = None
) -> Journey:
    """So many transitions, or samples of media time, of one programme. Its leads will be expected in `folder`."""
    timeline = _Timeline()
    publisher = EventPublisher("bench", timeline.now, collection.loved, lambda _: None)
    autodj = AutoDj(Sources(collection, collection), seed, timeline, publisher)
    found, bends, seen = Counter[Joint](), dict[str, Bend](), set[int]()
    while (transitions is None or found.total() < transitions) and (length is None or timeline.time < length):
        # Before the autodj forgets what has ended: of a cut nothing is left when the next one begins.
        for outgoing, incoming in _begun(autodj.programme.entries, timeline.time):
            if incoming.play.id not in seen:
                seen.add(incoming.play.id)
                found[_joint(outgoing, incoming, collection)] += 1
        due = autodj.advance()
        if (pending := autodj.pending_lead) is not None:
            path = str(folder / f"{_name(pending)}.wav")
            bends[path] = Bend(str(pending.choice.track.path), pending.warp)
            autodj.lead_ready(pending, path)
        timeline.time = max(due, timeline.time + 1)
    return Journey(found, bends, timeline.time)


def joints_of(entries: Sequence[Entry], collection: MemoryLibrary) -> Counter[Joint]:
    """The transitions of a programme that was played, all its entries in order of start."""
    return Counter(_joint(before, after, collection) for before, after in itertools.pairwise(entries))


def _begun(entries: Sequence[Entry], now: int) -> Iterator[tuple[Entry, Entry]]:
    """Pairs whose second one has begun, so that nothing about them changes any more."""
    return ((before, after) for before, after in itertools.pairwise(entries) if after.play.start <= now)


def _name(pending: PendingLead) -> str:
    """The same in every process: of the same lead always the same."""
    told = repr((pending.choice.track.id, pending.warp.knots))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _joint(outgoing: Entry, incoming: Entry, collection: MemoryLibrary) -> Joint:
    plan = incoming.transition
    zero = incoming.play.start - plan.delay
    first = replace(_moved(outgoing.play, -zero), id=1, fade_in=0, bass_in=None)
    second = replace(_moved(incoming.play, -zero), id=2, fade_out=None, bass_out=None)
    heard = collection.analysis(outgoing.track.id)
    grid = grid_of(heard) if heard is not None and plan.bars else None
    joint = Joint(
        _entered_late(first),
        second,
        plan,
        beats=plan.bars * grid.beats_per_bar if grid else 0,
        names=f"{outgoing.track.title} → {incoming.track.title}",
    )
    end = min(incoming.natural_end - zero, joint.ends + AROUND + _SETTLED)
    return replace(joint, incoming=replace(second, end=end))


def _moved(play: Play, by: int) -> Play:
    fades: dict[str, Any] = {}
    for field in fields(play):
        value = getattr(play, field.name)
        if isinstance(value, Fade):
            fades[field.name] = replace(value, start=value.start + by)
    return replace(play, start=play.start + by, end=play.end + by, **fades)


def _entered_late(play: Play) -> Play:
    """From shortly before it is listened to, so that nothing tells how it came in long ago."""
    start = max(play.start, -AROUND - _SETTLED)
    lead: Lead | None = play.lead
    offset = play.position_at(start)
    if lead is None or offset >= lead.resumes_at:
        return replace(play, start=start, offset=offset, lead=None)
    return play
