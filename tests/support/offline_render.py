"""Programmes rendered offline from files that a test has written, to be measured."""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from rtc_drift.analysis import Analyser, Analysis
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.library.analysed import Analysed
from rtc_drift.library.probe import probe
from rtc_drift.library.track import Track
from rtc_drift.library.track_table import TrackTable
from rtc_drift.media import Audio, samples
from rtc_drift.rendering import MemoryLibrary, RenderLog, ScriptedCommand, render_programme
from rtc_drift.rendering.file_deck import FileDeck
from rtc_drift.rendering.render_log import ExecutedCommand
from rtc_drift.rendering.script import read_script
from rtc_drift.station.entry import Entry
from rtc_drift.station.sources import LeadSource
from rtc_drift.stretching.warp import Warp
from rtc_drift.stretching.write_lead import write_lead
from tests.support.audio_files import write_audio
from tests.support.drum_patterns import Pattern
from tests.support.measures import Part, sources_of

QUIET = -21.0
"""Loudness in LUFS at which drums don't reach the limiter, so that samples can be compared."""
PATTERNS = {
    "First": Pattern("four on the floor", 126.0, key="A minor", bars=24, seed=1),
    "Second": Pattern("backbeat", 129.0, key="A minor", bars=20, seed=2),
    "Third": Pattern("backbeat", 110.0, key="A minor", bars=16, seed=4),
}
"""Three patterns by title. Each can be mixed into the one before, the last one only by a cut."""
ROUNDING = 2.5e-5
"""Rounding error of files with 16 bits, at up to 1.6 times their level."""
Command = tuple[float, str, Mapping[str, object]]
"""A command: its time in seconds, its name, and its body."""


@dataclass(frozen=True)
class Piece:
    """A file, its content, and its analysis."""

    track: Track
    audio: Audio
    """The audio before it was written."""
    analysis: Analysis | None


def make_piece(path: Path, audio: Audio, *, analyse: bool = True, **tags: str) -> Piece:
    """Write a file, probe it, and analyse it."""
    track = probe(write_audio(path, audio, tags={"title": path.stem, **tags}))
    assert isinstance(track, Track), track
    if not analyse:
        return Piece(track, audio, None)
    analyser = Analyser(true_peak_dbtp=track.true_peak_dbtp)
    analyser.add(audio)
    return Piece(track, audio, analyser.finish())


class ImmediateLeadCache:
    """A `LeadSource` that renders in the caller's task, and deletes nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._leads: dict[tuple[Path, Warp], Path] = {}
        self.requests = 0

    async def prepare(self, path: Path, warp: Warp) -> Path | None:
        """Render the stretched intro of a file to a new file, unless it is there already."""
        self.requests += 1
        lead = self._leads.setdefault((path, warp), self._folder / f"lead {len(self._leads) + 1}.wav")
        if not lead.exists():
            write_lead(str(path), warp, lead)
        return lead

    def release(self, path: Path) -> None:
        """Keep the file: a test may want to read it."""


@dataclass(frozen=True)
class RenderedProgramme:
    """The mix of a rendering, and its log."""

    mix: Audio
    entries: list[Entry]
    commands: list[ExecutedCommand]
    unplayable: dict[str, Track]
    """The tracks that were removed because their files failed, by title."""

    @property
    def titles(self) -> list[str]:
        """Titles of all entries, in order."""
        return [entry.track.title for entry in self.entries]

    def entry(self, title: str, number: int = 0) -> Entry:
        """Return the entry of a track, or a later one of the same track by its number."""
        return [entry for entry in self.entries if entry.track.title == title][number]

    @cached_property
    def plays(self) -> tuple[Play, ...]:
        """The plays of all entries."""
        return tuple(entry.play for entry in self.entries)

    def sources(self, first: int, count: int) -> list[Part]:
        """Return the sources of a stretch of the mix. A play that begins with a cut begins there in its source too."""
        return sources_of(self.plays, FileDeck, first, count)


def script(*commands: Command) -> tuple[ScriptedCommand, ...]:
    """Make the script of some commands."""
    lines = (json.dumps({"at": at, "command": command, **body}) for at, command, body in commands)
    return read_script("\n".join(lines))


def queue_commands(*pieces: Piece) -> list[Command]:
    """Return commands that queue pieces in this order."""
    return [(0.0, "queue", {"trackId": it.track.id}) for it in pieces]


def render_pieces(
    pieces: Sequence[Piece],
    seconds: float,
    commands: Iterable[Command] = (),
    *,
    leads: LeadSource | None = None,
    target_lufs: float = QUIET,
    before_block: Callable[[int], None] = lambda _: None,
) -> RenderedProgramme:
    """Render pieces one after the other. `before_block` is called with the media time before each block."""

    async def render(
        length: int,
        seed: int,
        script: tuple[ScriptedCommand, ...] = (),
        lead_source: LeadSource | None = None,
        before_block: Callable[[int], None] = lambda _: None,
    ) -> RenderedProgramme:
        analyses = {it.track.id: it.analysis for it in pieces if it.analysis is not None}
        library = MemoryLibrary(
            TrackTable(it.track for it in pieces), Analysed(), whole_analysis=analyses.get, target_lufs=target_lufs
        )
        log, blocks = RenderLog(), list[Audio]()
        rendering = render_programme(library, seed=seed, length=length, log=log, script=script, leads=lead_source)
        async with aclosing(rendering) as programme:
            async for block in programme:
                blocks.append(block)
                before_block(sum(map(len, blocks)))
        unplayable = {it.track.title: it.track for it in pieces if library.get(it.track.id) is None}
        return RenderedProgramme(np.concatenate(blocks), log.entries(length), log.commands, unplayable)

    async def begins_with_the_first(seed: int) -> bool:
        return (await render(1, seed)).entries[0].track.id == pieces[0].track.id

    ids = tuple(it.track.id for it in pieces)
    if ids not in _SEEDS:
        _SEEDS[ids] = next(seed for seed in range(200) if asyncio.run(begins_with_the_first(seed)))
    queue = script(*queue_commands(*pieces[1:]), *commands)
    return asyncio.run(render(samples(seconds), _SEEDS[ids], queue, leads, before_block))


_SEEDS: dict[tuple[str, ...], int] = {}
"""Seeds that begin with the first of some tracks, by the ids of all: the first track is drawn at random."""
