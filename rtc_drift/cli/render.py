"""`rtc-drift render -o FILE`: renders a programme to a file, faster than real time."""

import math
import os
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from rtc_drift.cli.scanning import Reader, progress_of_files
from rtc_drift.config import ConfigError, Settings, make_data_dir
from rtc_drift.library import scan as scanning
from rtc_drift.library.analysed import Analysed
from rtc_drift.library.catalogue import Catalogue, CatalogueError
from rtc_drift.media import samples, seconds
from rtc_drift.rendering import MemoryLibrary, RenderLog, ScriptedCommand, render_programme
from rtc_drift.rendering.cue_sheet import cue_sheet
from rtc_drift.rendering.kept_leads import KeptLeads
from rtc_drift.rendering.output import BadOutputError, Output
from rtc_drift.rendering.report import RenderRecord
from rtc_drift.rendering.script import ScriptError, check_tracks, read_script
from rtc_drift.station.on_air import NothingToPlayError
from rtc_drift.station.sources import LeadSource
from rtc_drift.stretching.lead_cache import LeadCache, WorkerLeadRenderer
from rtc_drift.workers.pool import WorkerError, Workers

KEPT_ANALYSES = 64
"""Most analyses with beats and curves in memory; each takes about 150 kB."""


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """The options of `render` that are not settings of the server."""

    output: Path
    minutes: float
    commands: Path | None = None
    """A file of commands."""
    keep_leads: Path | None = None
    """A folder for the stretched intros."""


async def render(options: RenderOptions, settings: Settings) -> int:
    """Read the music, render and write the files. Returns the exit code. Raises ConfigError."""
    if not (math.isfinite(options.minutes) and samples(options.minutes * 60) > 0):
        raise ConfigError("--minutes: must be a finite number greater than 0.")
    script = _script(options.commands)
    make_data_dir(settings.data_dir)
    _make_folder(options.keep_leads)
    try:
        with (
            Output(options.output) as output,
            closing(Catalogue.open(settings.data_dir / "catalogue.sqlite")) as catalogue,
        ):
            async with Workers(os.cpu_count() or 1, reads=_folders(settings)) as workers:
                library = await _read(catalogue, workers, settings)
            check_tracks(script, library)
            await _render(options, settings, script, library, output)
    except BadOutputError as error:
        raise ConfigError(f"-o: {error}") from None
    except ScriptError as error:
        raise ConfigError(f"--commands: {options.commands}, {error}") from None
    except scanning.RootError as error:
        raise ConfigError(f"--music: {error}") from None
    except NothingToPlayError:
        return _failed("There is no playable track.")
    except (CatalogueError, WorkerError) as error:
        return _failed(str(error))
    except OSError as error:
        return _failed(f"{options.output} can't be written ({error.strerror or error}).")
    return 0


async def _read(catalogue: Catalogue, workers: Workers, settings: Settings) -> MemoryLibrary:
    """Read and analyse the music folders, or the demo library if there are none."""
    with progress_of_files(Console(stderr=True)) as progress:
        folders = _folders(settings)
        async with Reader(catalogue, workers, progress) as reader:
            if not settings.music:
                await reader.make_demo(folders[0])
            for folder in folders:
                await reader.scan(folder)
            await reader.analyse(folders)
    analysed, _ = catalogue.analysed()
    return MemoryLibrary(
        catalogue.tracks(folders),
        Analysed(analysed),
        whole_analysis=lru_cache(KEPT_ANALYSES)(catalogue.analysis),
        loved=catalogue.loved(),
        target_lufs=settings.loudness,
        album_balance=settings.album_balance,
    )


async def _render(
    options: RenderOptions,
    settings: Settings,
    script: Sequence[ScriptedCommand],
    library: MemoryLibrary,
    output: Output,
) -> None:
    seed = secrets.randbits(32) if settings.seed is None else settings.seed
    length, log, began, done = samples(options.minutes * 60), RenderLog(), time.monotonic(), 0
    async with _leads(options.keep_leads, _folders(settings)) as leads:
        programme = render_programme(library, seed=seed, length=length, log=log, script=script, leads=leads)
        with _progress() as progress:
            task = progress.add_task("rendering", total=length, speed="")
            async with aclosing(programme) as blocks:
                async for audio in blocks:
                    output.write(audio)
                    done += len(audio)
                    speed = f"{seconds(done) / max(1e-9, time.monotonic() - began):.0f} × real time"
                    progress.update(task, completed=done, speed=speed)
    if isinstance(leads, KeptLeads):
        ends = ((entry.play.lead, entry.play.lead_out) for entry in log.entries(length))
        leads.remove_unused({it.path for both in ends for it in both if it is not None})
    leads_are_kept = options.keep_leads is not None
    record = RenderRecord.of(log, seed=seed, length=length, leads_are_kept=leads_are_kept)
    tracks = log.tracks(length)
    cue = cue_sheet(options.output.name, seed, tracks)
    output.finish({".json": record.model_dump_json(by_alias=True, indent=1) + "\n", ".cue": cue})
    styles = ", ".join(f"{count} {style}" for style, count in log.styles(length).items())
    summary = f"{len(tracks)} tracks" + (f" ({styles})" if styles else "")
    print(f"{options.output}: {options.minutes:g} minutes, seed {seed}, {summary}, {speed}.", file=sys.stderr)


@asynccontextmanager
async def _leads(keep_in: Path | None, music: Sequence[Path]) -> AsyncIterator[LeadSource]:
    """Provide a source of stretched intros. Its files are removed at the end; copies in `keep_in` stay."""
    with tempfile.TemporaryDirectory(prefix="rtc-drift-") as folder:
        async with Workers(1, reads=music) as workers:
            lead_cache = LeadCache(WorkerLeadRenderer(workers), Path(folder))
            try:
                yield lead_cache if keep_in is None else KeptLeads(lead_cache, keep_in.absolute())
            finally:
                await lead_cache.close()


def _folders(settings: Settings) -> list[Path]:
    """Return the music folders, or that of the demo library if there are none."""
    return [folder.absolute() for folder in settings.music] or [settings.data_dir / "demo"]


def _script(path: Path | None) -> tuple[ScriptedCommand, ...]:
    if path is None:
        return ()
    try:
        return read_script(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"--commands: {path} can't be read ({reason}).") from None
    except ScriptError as error:
        raise ConfigError(f"--commands: {path}, {error}") from None


def _make_folder(path: Path | None) -> None:
    try:
        if path is not None:
            path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--keep-leads: {path} can't be made ({error.strerror or error}).") from None


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def _failed(sentence: str) -> int:
    print(f"rtc-drift: {sentence}", file=sys.stderr)
    return 1
