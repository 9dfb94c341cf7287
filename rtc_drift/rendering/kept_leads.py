"""Keeps what was rendered ahead, which is thrown away otherwise."""

import asyncio
import shutil
from collections.abc import Container
from pathlib import Path

from rtc_drift.station.sources import LeadSource
from rtc_drift.stretching.warp import Warp


class KeptLeads:
    """A `LeadSource` whose files stay in a folder, numbered: `lead-001.wav` and so on."""

    def __init__(self, leads: LeadSource, folder: Path) -> None:
        self._leads = leads
        self._folder = folder
        self._kept: list[Path] = []

    async def prepare(self, path: Path, warp: Warp) -> Path | None:
        """Raises OSError when the folder can't be written to."""
        made = await self._leads.prepare(path, warp)
        if made is None:
            return None
        kept = self._folder / f"lead-{len(self._kept) + 1:03}{made.suffix}"
        self._kept.append(kept)
        try:
            await asyncio.to_thread(shutil.copyfile, made, kept)
        finally:
            self._leads.release(made)
        return kept

    def release(self, path: Path) -> None:
        """It stays."""

    def tidy(self, heard: Container[str]) -> None:
        """Remove those whose paths are not among the `heard` ones. Raises OSError."""
        for path in self._kept:
            if str(path) not in heard:
                path.unlink(missing_ok=True)
