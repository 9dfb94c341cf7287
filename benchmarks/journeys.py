"""A programme of very many transitions, planned by the conductor that plans every programme, without rendering it."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rtc_drift.arranger import Wish
from rtc_drift.conductor import Conductor
from rtc_drift.dj.plan import Lead, Play, Transition
from rtc_drift.herald import Herald
from rtc_drift.media import samples
from rtc_drift.playout import HORIZON
from rtc_drift.rendering import Collection
from rtc_drift.stretching.lead import write_lead


@dataclass(frozen=True, slots=True)
class Joint:
    """Two plays and how one gives way to the other, moved so that the outgoing one begins to fade at media time 0."""

    outgoing: Play
    incoming: Play
    transition: Transition


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

    def schedule(self, plays: Sequence[Play]) -> None:
        pass

    def is_ready(self, play_id: int) -> bool:
        return True


def journey(collection: Collection, seed: int, transitions: int, leads: "Leads") -> Counter[Joint]:
    """So many transitions in a row, each distinct one with how often it came."""
    timeline = _Timeline()
    herald = Herald("bench", timeline.now, collection.loved, lambda _: None)
    conductor = Conductor(collection, seed, timeline, herald, collection.chart)
    found = Counter[Joint]()
    seen = set[int]()
    while found.total() < transitions:
        due = conductor.advance()
        if (wish := conductor.wish) is not None:
            conductor.fulfil(wish, leads.promised(wish))
        for outgoing, incoming in _pairs(conductor, timeline.time):
            if incoming.id not in seen:
                seen.add(incoming.id)
                transition = next(
                    entry.transition for entry in conductor.programme.entries if entry.play.id == incoming.id
                )
                found[_joint(outgoing, incoming, transition)] += 1
        timeline.time = max(due, timeline.time + 1)
    return found


def _pairs(conductor: Conductor, now: int) -> Iterator[tuple[Play, Play]]:
    """Those that have begun, as they are once nothing about them can change."""
    plays = [entry.play for entry in conductor.programme.entries]
    for outgoing, incoming in itertools.pairwise(plays):
        if incoming.start <= now:
            yield outgoing, incoming


def _joint(outgoing: Play, incoming: Play, transition: Transition) -> Joint:
    zero = incoming.start - transition.delay

    def moved(play: Play, number: int) -> Play:
        fades = {
            name: replace(fade, start=fade.start - zero)
            for name in ("fade_out", "hush", "bass_in", "bass_out")
            if (fade := getattr(play, name)) is not None
        }
        return replace(play, id=number, start=play.start - zero, end=play.end - zero, **fades)

    # What becomes of either outside this transition is not its business.
    first = replace(moved(outgoing, 1), fade_in=0, bass_in=None)
    second = replace(moved(incoming, 2), fade_out=None, bass_out=None)
    return Joint(first, second, transition)


class Leads:
    """Leads are promised at once, and rendered when somebody wants to hear them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wishes: dict[str, Wish] = {}

    def promised(self, wish: Wish) -> str:
        """The path of the lead that will come."""
        key = (wish.choice.track.id, wish.warp.knots)
        path = str(self._folder / f"{abs(hash(key)):x}.wav")
        self._wishes[path] = wish
        return path

    def render(self, lead: Lead | None) -> None:
        """Have it there."""
        if lead is not None and not Path(lead.path).exists():
            wish = self._wishes[lead.path]
            write_lead(str(wish.choice.track.path), wish.warp, Path(lead.path), lambda: None)

    def forget(self, lead: Lead | None) -> None:
        """It has been heard."""
        if lead is not None:
            Path(lead.path).unlink(missing_ok=True)


AROUND = samples(10.0)
"""What is heard before and after a transition."""
