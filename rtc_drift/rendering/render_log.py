"""What a rendering noted down: which plays were heard and how, and when commands were."""

from collections import Counter
from dataclasses import dataclass

from rtc_drift.rendering.script import ScriptedCommand
from rtc_drift.station.commands import Accepted
from rtc_drift.station.on_air import SAME_TRACK
from rtc_drift.station.programme import Entry, Programme


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """A command, and what became of it."""

    order: ScriptedCommand
    accepted: Accepted


class RenderLog:
    """Kept by one rendering; told after each change what the programme is like."""

    def __init__(self) -> None:
        self.commands: list[CarriedOut] = []
        self._entries: dict[int, Entry] = {}

    def note(self, programme: Programme, now: int) -> None:
        """The programme as it is at media time `now`. What has not started and is planned no more is crossed out."""
        current = {entry.play.id: entry for entry in programme.entries}
        started = {number: entry for number, entry in self._entries.items() if entry.play.start <= now}
        self._entries = started | current

    def entries(self, length: int) -> list[Entry]:
        """What is heard of the first `length` samples, in order of start. The last may go on beyond."""
        heard = (entry for entry in self._entries.values() if entry.play.start < min(length, entry.play.end))
        return sorted(heard, key=lambda entry: (entry.play.start, entry.play.id))

    def tracks(self, length: int) -> list[Entry]:
        """Those of the entries with which another track begins, or the same anew."""
        return [entry for entry in self.entries(length) if entry.transition.kind not in SAME_TRACK]

    def styles(self, length: int) -> dict[str, int]:
        """How often each style of transition was chosen, the most frequent first."""
        transitions = (entry.transition for entry in self.tracks(length))
        return dict(Counter(it.style for it in transitions if it.kind != "start").most_common())
