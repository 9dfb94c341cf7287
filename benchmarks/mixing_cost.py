"""What rendering a programme costs, and mixing alone: by CPU time, on one core."""

import tempfile
import time
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.planned_programme import Bend
from rtc_drift.audio.seeking import decode
from rtc_drift.engine.deck import Ending
from rtc_drift.engine.mixer import OpenDeck
from rtc_drift.engine.protocol.clock import RENDER_AHEAD
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.engine.renderer import MixRenderer
from rtc_drift.media import BLOCK_SAMPLES, Audio, samples, seconds
from rtc_drift.rendering import MemoryLibrary, RenderLog, render_programme
from rtc_drift.rendering.offline_timeline import patient_deck
from rtc_drift.rendering.output import Output
from rtc_drift.station.programme import Entry
from rtc_drift.stretching.warp import Warp

_AT_ONCE = RENDER_AHEAD * BLOCK_SAMPLES
"""What the engine renders in one go."""
_KNOWN_AHEAD = samples(30)
"""How long before it begins a play is scheduled."""


class InPlace:
    """Renders leads where it stands, so that they are part of what this process costs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.bends: dict[str, Bend] = {}
        """What was rendered, by path."""

    async def prepare(self, path: Path, warp: Warp) -> Path | None:
        made = self._folder / f"{len(self.bends) + 1}.wav"
        bend = Bend(str(path), warp)
        bend.render(made)
        self.bends[str(made)] = bend
        return made

    def release(self, path: Path) -> None:
        """It stays."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A programme that was rendered to FLAC."""

    entries: Sequence[Entry]
    """Its tracks, in order of start."""
    bends: dict[str, Bend]
    """Its leads by path; the files are there."""
    cpu_seconds: float


async def rendered(collection: MemoryLibrary, seed: int, length: int, folder: Path) -> Rendered:
    """The first `length` samples of a programme; its leads are left in `folder`."""
    log, stretching = RenderLog(), InPlace(folder)
    began = time.process_time()
    with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as place, Output(Path(place) / "x.flac") as output:
        programme = render_programme(collection, seed=seed, length=length, log=log, leads=stretching)
        async with aclosing(programme) as blocks:
            async for audio in blocks:
                output.write(audio)
        output.finish({})
    return Rendered(log.tracks(length), stretching.bends, time.process_time() - began)


def mixing_ms(plays: Sequence[Play], length: int, *, decoded: bool) -> float:
    """ms of CPU per second of the mixed and limited audio of `length` samples; all `decoded` before, or by decks."""
    library = {path: _whole(path) for path in _paths(plays)} if decoded else {}

    def tape(path: str, _: int) -> _Tape:
        return _Tape(library[path])

    open_deck: OpenDeck = tape if decoded else patient_deck
    began = time.process_time()
    _mix(plays, length, open_deck)
    return (time.process_time() - began) / seconds(length) * 1e3


def _mix(plays: Sequence[Play], length: int, open_deck: OpenDeck) -> None:
    mix, scheduled = MixRenderer(open_deck), 0
    starts = [play.start - _KNOWN_AHEAD for play in plays]
    try:
        for at in range(0, length, _AT_ONCE):
            known = bisect_right(starts, at)
            if known != scheduled:
                scheduled = known
                mix.mixer.set_plays([play for play in plays[:known] if play.end > at], at)
            mix.render(at, _AT_ONCE)
    finally:
        mix.close()


class _Tape:
    """A deck whose file is in memory."""

    ready = True

    def __init__(self, audio: Audio) -> None:
        self._audio = audio
        self.ending: Ending | None = Ending(len(audio), None)

    def read(self, position: int, count: int) -> Audio:
        return self._audio[position : position + count]

    def close(self) -> None:
        pass


def _paths(plays: Sequence[Play]) -> set[str]:
    return {path for play in plays for path in (play.path, play.lead.path if play.lead else play.path)}


def _whole(path: str) -> Audio:
    return np.concatenate([audio for _, audio in decode(path, 0)])
