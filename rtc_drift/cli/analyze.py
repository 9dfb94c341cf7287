"""`rtc-drift analyze FILE…`: analyses files and prints a table or JSON."""

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from rtc_drift.analysis.model import Analysis
from rtc_drift.cli.analysed_file import analysed_file
from rtc_drift.library.track import Track, legible
from rtc_drift.workers.pool import Workers


async def analyze(files: Sequence[Path], *, as_json: bool) -> int:
    """Print one line for each file, in the order given. Returns the exit code: 1 if a file can't be analysed."""
    console = Console()
    table = Table("file", "BPM", "confidence", "key", "LUFS", "length", "brightness", "energy", box=None)
    failed = False
    files = [path.expanduser() for path in files]
    async with Workers(min(len(files), os.cpu_count() or 1), reads=files) as workers:
        tasks = [asyncio.create_task(analysed_file(workers, path), name=f"analyze {path}") for path in files]
        try:
            for path, task in zip(files, tasks, strict=True):
                result = await task
                failed |= isinstance(result, str)
                if as_json:
                    print(json.dumps(_fields(path, result), ensure_ascii=False), flush=True)
                else:
                    table.add_row(*_row(path, result))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    if not as_json:
        console.print(table, markup=False)
    return int(failed)


def _fields(path: Path, result: tuple[Track, Analysis] | str) -> dict[str, Any]:
    if isinstance(result, str):
        return {"path": legible(path), "error": result}
    track, analysis = result
    fields = analysis.model_dump(mode="json", by_alias=True)
    return {"path": legible(path), "durationSeconds": track.duration_seconds, **fields}


def _row(path: Path, result: tuple[Track, Analysis] | str) -> tuple[str, ...]:
    if isinstance(result, str):
        return (path.name, result)
    track, it = result
    tempo = f"{it.tempo_bpm:.1f}" if it.tempo_bpm else "–"
    key = f"{it.key} ({it.camelot})" if it.key else "–"
    length = f"{int(track.duration_seconds) // 60}:{int(track.duration_seconds) % 60:02}"
    features = it.features
    return (
        *(path.name, tempo, f"{it.tempo_confidence:.2f}", key, f"{it.integrated_lufs:.1f}", length),
        *(f"{features.brightness:.0f} Hz", f"{features.energy:.2f}"),
    )
