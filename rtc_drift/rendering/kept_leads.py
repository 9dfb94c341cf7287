"""Keeps stretched intros, which are otherwise deleted."""

import asyncio
import shutil
from collections.abc import Container
from pathlib import Path

from rtc_drift.station.sources import LeadSource
from rtc_drift.stretching.warp import Warp


class KeptLeads:
    """A `LeadSource` whose files stay in a folder: `lead-001.wav` and so on."""

    def __init__(self, leads: LeadSource, folder: Path) -> None:
        self._leads = leads
        self._folder = folder
        self._kept: list[Path] = []

    async def prepare(self, path: Path, warp: Warp) -> Path | None:
        """Render a stretched intro and return its file; None if that fails. Raises OSError if it can't be copied."""
        rendered = await self._leads.prepare(path, warp)
        if rendered is None:
            return None
        kept = self._folder / f"lead-{len(self._kept) + 1:03}{rendered.suffix}"
        self._kept.append(kept)
        try:
            await asyncio.to_thread(shutil.copyfile, rendered, kept)
        finally:
            self._leads.release(rendered)
        return kept

    def release(self, path: Path) -> None:
        """Do nothing: the file is kept."""

    def remove_unused(self, used: Container[str]) -> None:
        """Remove the files whose paths are not in `used`. Raises OSError."""
        for path in self._kept:
            if str(path) not in used:
                path.unlink(missing_ok=True)
