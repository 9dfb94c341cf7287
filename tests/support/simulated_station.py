"""A station without a real clock: the DJ plans, and the engine's mixer renders it block by block from arrays.

Media time is the number of blocks rendered: decks may stall for minutes, and no test waits.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from rtc_drift.analysis import Analysis
from rtc_drift.engine.deck import Ending
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.library.track import Track
from rtc_drift.media import SAMPLE_RATE, Audio, samples
from rtc_drift.rendering.offline_timeline import OfflineTimeline
from rtc_drift.station.autodj import AutoDj
from rtc_drift.station.commands import Commands
from rtc_drift.station.entry import Entry
from rtc_drift.station.event_publisher import EventPublisher
from rtc_drift.station.sources import Sources
from rtc_drift.station.stretched_ends import StretchedEnds
from rtc_drift.stretching.warp import Warp
from tests.support.fakes import FakeLibrary
from tests.support.measures import Part, sources_of

BLOCK = SAMPLE_RATE // 10
DECODED_AHEAD = 4 * SAMPLE_RATE
"""How far a deck decodes ahead: so early it knows that its file breaks off."""


class SimulatedFile:
    """A file whose content is an array, with faults that a test may set."""

    def __init__(self, audio: Audio) -> None:
        self.audio = audio
        self.breaks_at: int | None = None
        """The sample from which on the file can't be decoded."""
        self.is_gone = False
        """True: the file can't be opened. Decks that have it open go on."""
        self.stalls: Callable[[], bool] = lambda: False
        """Returns True while nothing can be read."""


class SimulatedDeck:
    """A deck on a `SimulatedFile` that decodes ahead at once, unless the file stalls."""

    def __init__(self, file: SimulatedFile | None, start: int) -> None:
        self._file = file if file is not None and not file.is_gone else None
        self._start = self._read_up_to = start
        self._decoded_up_to = start
        self._decode()

    @property
    def ready(self) -> bool:
        """True once something is decoded."""
        return self._decoded_up_to > self._start

    @property
    def ending(self) -> Ending | None:
        """Where and why the audio ends, once the decoder has got there."""
        if self._file is None:
            return Ending(self._start, "The file does not exist.")
        self._decode()
        if self._file.breaks_at is not None and self._decoded_up_to >= self._file.breaks_at:
            return Ending(max(self._start, self._file.breaks_at), "The file breaks off.")
        return Ending(len(self._file.audio), None) if self._decoded_up_to >= len(self._file.audio) else None

    def read(self, position: int, count: int) -> Audio:
        """Return up to `count` samples from `position` on, as far as they are decoded."""
        self._read_up_to = position + count
        if self._file is None:
            return np.empty((0, 2), np.float32)
        self._decode()
        return self._file.audio[position : min(position + count, self._decoded_up_to)].copy()

    def close(self) -> None:
        """Do nothing: there is no resource to release."""

    def _decode(self) -> None:
        if self._file is not None and not self._file.stalls():
            end = len(self._file.audio) if self._file.breaks_at is None else self._file.breaks_at
            self._decoded_up_to = max(self._decoded_up_to, min(self._read_up_to + DECODED_AHEAD, end))


class SimulatedStation:
    """An `AutoDj`, its commands, and the mix of what it plans. Stretched intros come from `render_lead`, if at all."""

    def __init__(self, *records: tuple[Track, Analysis | None, Audio], seed: int = 1) -> None:
        self.files = {str(track.path): SimulatedFile(audio) for track, _, audio in records}
        self.library = FakeLibrary(*(track for track, *_ in records))
        self.library.analyses.update({track.id: it for track, it, _ in records if it is not None})
        self.timeline = OfflineTimeline(self.open_deck)
        publisher = EventPublisher("simulated", self.timeline.now, self.library.loved, lambda _: None)
        self.autodj = AutoDj(Sources(self.library), seed, self.timeline, publisher)
        self.commands = Commands(self.autodj, self.library.get)
        self.render_lead: Callable[[Track, Warp], Audio | None] = lambda track, warp: None
        self.deletes_leads = False
        """True: stretched intros are deleted as soon as they are rendered."""
        self.leads_rendered = 0
        self.entries: dict[int, Entry] = {}
        """All entries that have started or are planned, by the id of their play."""
        self._blocks: list[Audio] = []
        self.autodj.advance()
        self.autodj.advance()
        self.timeline.running = True

    def open_deck(self, path: str, start: int) -> SimulatedDeck:
        """Open a deck on one of `files`."""
        return SimulatedDeck(self.files.get(path), start)

    @property
    def now(self) -> int:
        """The present media time."""
        return self.timeline.now()

    @property
    def mix(self) -> Audio:
        """All that was rendered so far."""
        return np.concatenate(self._blocks)

    def file_of(self, entry: Entry) -> SimulatedFile:
        """Return the file of an entry's track."""
        return self.files[entry.play.path]

    def lead_file_of(self, entry: Entry) -> SimulatedFile:
        """Return the file of an entry's stretched intro."""
        assert entry.play.lead is not None
        return self.files[entry.play.lead.path]

    def playing(self) -> Entry:
        """Return the entry that is on the air."""
        entry = self.autodj.now_playing()
        assert entry is not None
        return entry

    def planned(self) -> Entry:
        """Return the entry that comes next."""
        entry = self.autodj.planned()
        assert entry is not None
        return entry

    def run_for(self, seconds: float) -> None:
        """Render, and let the DJ plan before each block."""
        end = self.now + samples(seconds)
        while self.now < end:
            self._settle()
            self._blocks.append(self.timeline.render(BLOCK))

    def _settle(self) -> None:
        for _ in range(20):
            self.autodj.advance()
            self._render_pending_lead()
            entries = self.autodj.programme.entries
            started = {number: it for number, it in self.entries.items() if it.play.start <= self.now}
            self.entries = started | {it.play.id: it for it in entries}
            failures = self.timeline.failures()
            if not failures:
                return
            for failure in failures:
                self.autodj.deck_failed(failure)
        raise AssertionError("decks fail without end")

    def _render_pending_lead(self) -> None:
        pending = self.autodj.pending_lead
        if pending is None:
            return
        warp = pending.transition.lead_warp
        audio = self.render_lead(pending.choice.track, warp) if warp is not None else None
        if audio is not None:
            self.leads_rendered += 1
            path = f"/leads/{self.leads_rendered}.wav"
            self.files[path] = SimulatedFile(audio)
            self.files[path].is_gone = self.deletes_leads
            self.autodj.lead_ready(pending, StretchedEnds(incoming=Path(path)))

    def sources(self) -> list[Part]:
        """Return the file of every play so far as it would sound without faults, fades and levels of the plan."""
        plays = [it.play for it in self.entries.values() if it.play.start < self.now]
        return sources_of(plays, self._open_faultless, 0, self.now)

    def source_without_lead(self, play: Play, start: int) -> Part:
        """Return the file of a play from media time `start` on, as it goes on without its stretched intro."""
        bare = replace(play, start=start, offset=play.position_at(start), lead=None, fade_in=0, fade_out=None)
        return sources_of([bare], self._open_faultless, 0, self.now)[0]

    def _open_faultless(self, path: str, start: int) -> SimulatedDeck:
        return SimulatedDeck(SimulatedFile(self.files[path].audio), start)
