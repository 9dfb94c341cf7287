"""The log of a rendering: its plays, and when its commands took effect."""

from collections import Counter
from dataclasses import dataclass

from rtc_drift.rendering.script import ScriptedCommand
from rtc_drift.station.commands import Accepted
from rtc_drift.station.entry import SAME_TRACK, Entry
from rtc_drift.station.programme import Programme


@dataclass(frozen=True, slots=True)
class ExecutedCommand:
    """A command and its result."""

    scripted: ScriptedCommand
    accepted: Accepted


class RenderLog:
    """The log of one rendering. It is updated after each change of the programme."""

    def __init__(self) -> None:
        self.commands: list[ExecutedCommand] = []
        """The commands executed so far, in order."""
        self._entries: dict[int, Entry] = {}

    def note(self, programme: Programme, now: int) -> None:
        """Record the programme at media time `now`. Entries that were planned but have not started are replaced."""
        current = {entry.play.id: entry for entry in programme.entries}
        started = {number: entry for number, entry in self._entries.items() if entry.play.start <= now}
        self._entries = started | current

    def entries(self, length: int) -> list[Entry]:
        """Return the entries played in the first `length` samples, in order of start. The last may end later."""
        played = (entry for entry in self._entries.values() if entry.play.start < min(length, entry.play.end))
        return sorted(played, key=lambda entry: (entry.play.start, entry.play.id))

    def tracks(self, length: int) -> list[Entry]:
        """Return the entries that start a track; a seek or a resume within a track does not count."""
        return [entry for entry in self.entries(length) if entry.transition.kind not in SAME_TRACK]

    def styles(self, length: int) -> dict[str, int]:
        """Count the transitions of each style, the most frequent first."""
        transitions = (entry.transition for entry in self.tracks(length))
        return dict(Counter(it.style for it in transitions if it.kind != "start").most_common())
