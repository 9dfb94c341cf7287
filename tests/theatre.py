"""A programme that is conducted and mixed as on the air, block by block, from decks whose files are arrays.

The clock is the number of blocks: decks may stall for minutes, and nobody waits.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rtc_drift.analysis import Analysis
from rtc_drift.engine.deck import Ending
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.library.track import Track
from rtc_drift.media import SAMPLE_RATE, Audio, samples
from rtc_drift.rendering.offline_timeline import OfflineTimeline
from rtc_drift.station.autodj import AutoDj
from rtc_drift.station.commands import Commands
from rtc_drift.station.event_publisher import EventPublisher
from rtc_drift.station.programme import Entry
from rtc_drift.station.sources import Sources
from rtc_drift.stretching.warp import Warp
from tests.measures import Part, sources_of
from tests.studio import Shelf

BLOCK = SAMPLE_RATE // 10
KNOWN_AHEAD = 4 * SAMPLE_RATE
"""As far as a deck decodes: so early it knows that its file breaks off."""


class File:
    """What lies on the disk under a path, and what is wrong with it."""

    def __init__(self, audio: Audio) -> None:
        self.audio = audio
        self.breaks_at: int | None = None
        """The sample from which on it can't be decoded any more."""
        self.is_gone = False
        """Who opens it finds nothing; who has it open goes on."""
        self.stalls: Callable[[], bool] = lambda: False
        """Whether nothing can be read just now."""


class FileDeck:
    """Decodes so many seconds ahead at once, unless the disk stalls."""

    def __init__(self, file: File | None, start: int) -> None:
        self._file = file if file is not None and not file.is_gone else None
        self._start = self._read_up_to = start
        self._decoded_up_to = start
        self._decode()

    @property
    def ready(self) -> bool:
        return self._decoded_up_to > self._start

    @property
    def ending(self) -> Ending | None:
        if self._file is None:
            return Ending(self._start, "The file does not exist.")
        self._decode()
        if self._file.breaks_at is not None and self._decoded_up_to >= self._file.breaks_at:
            return Ending(max(self._start, self._file.breaks_at), "The file breaks off.")
        return Ending(len(self._file.audio), None) if self._decoded_up_to >= len(self._file.audio) else None

    def read(self, position: int, count: int) -> Audio:
        self._read_up_to = position + count
        if self._file is None:
            return np.empty((0, 2), np.float32)
        self._decode()
        return self._file.audio[position : min(position + count, self._decoded_up_to)].copy()

    def close(self) -> None:
        """There is nothing to let go."""

    def _decode(self) -> None:
        if self._file is not None and not self._file.stalls():
            end = len(self._file.audio) if self._file.breaks_at is None else self._file.breaks_at
            self._decoded_up_to = max(self._decoded_up_to, min(self._read_up_to + KNOWN_AHEAD, end))


class Theatre:
    """A conductor and a mixer. What is wished for is rendered by `render`, if at all."""

    def __init__(self, *records: tuple[Track, Analysis | None, Audio], seed: int = 1) -> None:
        self.files = {str(track.path): File(audio) for track, _, audio in records}
        self.library = Shelf(*(track for track, *_ in records))
        self.library.analyses.update({track.id: heard for track, heard, _ in records if heard is not None})
        self.timeline = OfflineTimeline(self.open_deck)
        herald = EventPublisher("theatre", self.timeline.now, self.library.loved, lambda _: None)
        self.autodj = AutoDj(Sources(self.library), seed, self.timeline, herald)
        self.commands = Commands(self.autodj, self.library.get)
        self.render: Callable[[Track, Warp], Audio | None] = lambda track, warp: None
        self.lose_leads = False
        """Whether they are deleted as soon as they are there."""
        self.leads_rendered = 0
        self.heard_entries: dict[int, Entry] = {}
        self._blocks: list[Audio] = []
        self._at_moments: list[tuple[int, Callable[[], None]]] = []
        self.autodj.advance()
        self.autodj.advance()
        self.timeline.running = True

    def open_deck(self, path: str, start: int) -> FileDeck:
        return FileDeck(self.files.get(path), start)

    @property
    def now(self) -> int:
        return self.timeline.now()

    @property
    def mix(self) -> Audio:
        return np.concatenate(self._blocks)

    def file_of(self, entry: Entry) -> File:
        return self.files[entry.play.path]

    def lead_of(self, entry: Entry) -> File:
        assert entry.play.lead is not None
        return self.files[entry.play.lead.path]

    def planned(self) -> Entry:
        entry = self.autodj.planned()
        assert entry is not None
        return entry

    def at(self, media_time: int, happens: Callable[[], None]) -> None:
        """Something happens at a media time, when that is reached."""
        self._at_moments.append((media_time, happens))

    def go(self, seconds: float) -> None:
        end = self.now + samples(seconds)
        while self.now < end:
            due = [it for it in self._at_moments if it[0] <= self.now]
            self._at_moments = [it for it in self._at_moments if it not in due]
            for _, happens in due:
                happens()
            self._settle()
            self._blocks.append(self.timeline.render(BLOCK))

    def _settle(self) -> None:
        for _ in range(20):
            self.autodj.advance()
            self._fulfil()
            entries = self.autodj.programme.entries
            self.heard_entries = {
                number: it for number, it in self.heard_entries.items() if it.play.start <= self.now
            } | {it.play.id: it for it in entries}
            failures = self.timeline.failures()
            if not failures:
                return
            for failure in failures:
                self.autodj.deck_failed(failure)
        raise AssertionError("it fails for ever")

    def _fulfil(self) -> None:
        pending = self.autodj.pending_lead
        if pending is None:
            return
        audio = self.render(pending.choice.track, pending.warp)
        if audio is not None:
            self.leads_rendered += 1
            path = f"/leads/{self.leads_rendered}.wav"
            self.files[path] = File(audio)
            self.files[path].is_gone = self.lose_leads
            self.autodj.lead_ready(pending, path)

    def sources(self, *, besides: int | None = None) -> list[Part]:
        """What vouches for all that was heard: of every play its file, as if nothing were wrong with it."""
        plays = [it.play for it in self.heard_entries.values() if it.play.start < self.now and it.play.id != besides]
        return sources_of(plays, lambda path, start: FileDeck(File(self.files[path].audio), start), 0, self.now)

    def in_its_own_file(self, play: Play, start: int) -> Part:
        """The play from media time `start` on as it goes on without its lead."""
        bare = replace(play, start=start, offset=play.position_at(start), lead=None, fade_in=0, fade_out=None)
        return sources_of([bare], lambda path, at: FileDeck(File(self.files[path].audio), at), 0, self.now)[0]
