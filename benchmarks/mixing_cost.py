"""The CPU time of rendering a programme, and of mixing alone, on one core."""

import tempfile
import time
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.planned_programme import RenderableLead
from rtc_drift.audio.seeking import decode
from rtc_drift.engine.deck import Ending
from rtc_drift.engine.mixer import OpenDeck
from rtc_drift.engine.protocol.clock import RENDER_AHEAD
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.engine.renderer import MixRenderer
from rtc_drift.media import BLOCK_SAMPLES, Audio, samples, seconds
from rtc_drift.rendering import MemoryLibrary, RenderLog, render_programme
from rtc_drift.rendering.file_deck import FileDeck
from rtc_drift.rendering.output import Output
from rtc_drift.station.entry import Entry
from rtc_drift.stretching.warp import Warp

_AT_ONCE = RENDER_AHEAD * BLOCK_SAMPLES
"""Samples that the engine renders in one go."""
_KNOWN_AHEAD = samples(30)
"""Samples before its start at which the mixer gets a play."""


class LeadsInThisProcess:
    """A `LeadSource` that renders in this process, so that its CPU time counts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.leads: dict[str, RenderableLead] = {}
        """The rendered stretched intros, by path."""

    async def prepare(self, path: Path, warp: Warp) -> Path | None:
        """Render a stretched intro and return its file."""
        file = self._folder / f"{len(self.leads) + 1}.wav"
        lead = RenderableLead(str(path), warp)
        lead.render(file)
        self.leads[str(file)] = lead
        return file

    def release(self, path: Path) -> None:
        """Keep the file."""


@dataclass(frozen=True, slots=True)
class RenderedProgramme:
    """A programme that was rendered to FLAC."""

    entries: Sequence[Entry]
    """Its entries, in order of start."""
    leads: dict[str, RenderableLead]
    """Its stretched intros by path; the files exist."""
    cpu_seconds: float


async def render_to_flac(library: MemoryLibrary, seed: int, length: int, folder: Path) -> RenderedProgramme:
    """Render the first `length` samples of a programme. Its stretched intros stay in `folder`."""
    log, leads = RenderLog(), LeadsInThisProcess(folder)
    began = time.process_time()
    with (
        tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as temporary,
        Output(Path(temporary) / "x.flac") as output,
    ):
        programme = render_programme(library, seed=seed, length=length, log=log, leads=leads)
        async with aclosing(programme) as blocks:
            async for audio in blocks:
                output.write(audio)
        output.finish({})
    return RenderedProgramme(log.tracks(length), leads.leads, time.process_time() - began)


def mixing_ms(plays: Sequence[Play], length: int, *, decoded: bool) -> float:
    """Return the CPU time of mixing and limiting `length` samples, in ms per second of audio.

    If `decoded`, all files are decoded before; else the decks' decoding counts too.
    """
    decoded_files = {path: _whole(path) for path in _paths(plays)} if decoded else {}

    def memory_deck(path: str, _: int) -> _MemoryDeck:
        return _MemoryDeck(decoded_files[path])

    open_deck: OpenDeck = memory_deck if decoded else FileDeck
    began = time.process_time()
    _mix(plays, length, open_deck)
    return (time.process_time() - began) / seconds(length) * 1e3


def _mix(plays: Sequence[Play], length: int, open_deck: OpenDeck) -> None:
    renderer, sent = MixRenderer(open_deck), 0
    starts = [play.start - _KNOWN_AHEAD for play in plays]
    try:
        for at in range(0, length, _AT_ONCE):
            known = bisect_right(starts, at)
            if known != sent:
                sent = known
                renderer.mixer.set_plays([play for play in plays[:known] if play.end > at], at)
            renderer.render(at, _AT_ONCE)
    finally:
        renderer.close()


class _MemoryDeck:
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
    return {part.path for play in plays for part in (play, play.lead, play.lead_out) if part is not None}


def _whole(path: str) -> Audio:
    return np.concatenate([audio for _, audio in decode(path, 0)])
