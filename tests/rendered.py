"""Programmes rendered offline from files that a test made, so that it can listen to them."""

import asyncio
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from rtc_drift.analysis import Analyser, Analysis
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.library.probe import examine
from rtc_drift.library.track import Track
from rtc_drift.media import Audio, samples
from rtc_drift.rendering import MemoryLibrary, RenderLog, ScriptedCommand, render_programme
from rtc_drift.rendering.offline_timeline import patient_deck
from rtc_drift.rendering.render_log import CarriedOut
from rtc_drift.rendering.script import read_script
from rtc_drift.station.programme import Entry
from rtc_drift.station.sources import LeadSource
from rtc_drift.stretching.warp import Warp
from rtc_drift.stretching.write_lead import write_lead
from tests.audio_files import write_audio
from tests.measures import Part, sources_of
from tests.patterns import Pattern

QUIET = -21.0
"""LUFS at which drums don't reach the limiter, so that samples can be compared."""
PATTERNS = {
    "First": Pattern("four on the floor", 126.0, key="A minor", bars=24, seed=1),
    "Second": Pattern("backbeat", 129.0, key="A minor", bars=20, seed=2),
    "Third": Pattern("backbeat", 110.0, key="A minor", bars=16, seed=4),
}
"""Each can be mixed into the one before, the last one only by a cut."""
ROUNDING = 2.5e-5
"""Of files with 16 bits, at up to 1.6 times their level."""
Command = tuple[float, str, Mapping[str, object]]
"""When, in seconds, what, and its body."""
Meanwhile = Callable[[int], None]


@dataclass(frozen=True)
class Piece:
    """A file, what it holds, and what was found out about it."""

    track: Track
    audio: Audio
    """As it was before it was written."""
    heard: Analysis | None


def piece(path: Path, audio: Audio, *, listen: bool = True, **tags: str) -> Piece:
    """Write a file, examine it, and listen to it."""
    track = examine(write_audio(path, audio, tags={"title": path.stem, **tags}))
    assert isinstance(track, Track), track
    if not listen:
        return Piece(track, audio, None)
    analyser = Analyser(true_peak_dbtp=track.true_peak_dbtp)
    analyser.add(audio)
    return Piece(track, audio, analyser.finish())


class OwnLeadCache:
    """Renders leads itself, at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self.made: list[Path] = []

    async def prepare(self, path: Path, warp: Warp) -> Path | None:
        destination = self._folder / f"lead {next(self._numbers)}.wav"
        write_lead(str(path), warp, destination)
        self.made.append(destination)
        return destination

    def release(self, path: Path) -> None:
        """It stays: a test may want to listen to it."""


@dataclass(frozen=True)
class Rendered:
    """What was heard, and what the log says of it."""

    mix: Audio
    entries: list[Entry]
    commands: list[CarriedOut]
    unplayable: dict[str, Track]

    @property
    def titles(self) -> list[str]:
        return [entry.track.title for entry in self.entries]

    def entry(self, title: str, number: int = 0) -> Entry:
        """The (`number`th) play of a track."""
        return [entry for entry in self.entries if entry.track.title == title][number]

    @cached_property
    def plays(self) -> tuple[Play, ...]:
        return tuple(entry.play for entry in self.entries)

    def sources(self, first: int, count: int) -> list[Part]:
        """What vouches for a stretch of the mix. A play that begins like a cut has a real beginning there."""
        return sources_of(self.plays, patient_deck, first, count)


def script(*commands: Command) -> tuple[ScriptedCommand, ...]:
    """Commands at times in seconds."""
    lines = (json.dumps({"at": at, "command": command, **body}) for at, command, body in commands)
    return read_script("\n".join(lines))


def queued(*pieces: Piece) -> list[Command]:
    """Commands that let them come in this order."""
    return [(0.0, "queue", {"trackId": it.track.id}) for it in pieces]


def rendered(
    pieces: Sequence[Piece],
    seconds: float,
    commands: Iterable[Command] = (),
    *,
    leads: LeadSource | None = None,
    target_lufs: float = QUIET,
    meanwhile: Meanwhile = lambda _: None,
) -> Rendered:
    """The pieces in their order. `meanwhile` is called with the media time before each block is rendered."""
    queue = [*queued(*pieces[1:]), *commands]

    async def run(
        length: int, seed: int, orders_: tuple[ScriptedCommand, ...], during: Meanwhile, wishing: LeadSource | None
    ) -> Rendered:
        analyses = {it.track.id: it.heard for it in pieces if it.heard is not None}
        collection = MemoryLibrary(
            (it.track for it in pieces), {}, whole_analysis=analyses.get, target_lufs=target_lufs
        )
        log, blocks = RenderLog(), list[Audio]()
        making = render_programme(collection, seed=seed, length=length, log=log, script=orders_, leads=wishing)
        async with aclosing(making) as programme:
            async for block in programme:
                blocks.append(block)
                during(sum(map(len, blocks)))
        left_out = {it.track.title: it.track for it in pieces if collection.get(it.track.id) is None}
        return Rendered(np.concatenate(blocks), log.entries(length), log.commands, left_out)

    for seed in range(200):  # by lot comes which is first
        if asyncio.run(run(1, seed, (), lambda _: None, None)).entries[0].track.id == pieces[0].track.id:
            return asyncio.run(run(samples(seconds), seed, script(*queue), meanwhile, leads))
    raise AssertionError("it never comes first")
