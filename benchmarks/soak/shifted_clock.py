"""Shifts the clock of the day for the server alone, by a library in C that is loaded before all others."""

import asyncio
import shutil
import struct
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("shifted_clock.c")


class ShiftedClock:
    """A file with the seconds by which a server's clock of the day is ahead, and the library that adds them."""

    def __init__(self, library: Path, file: Path) -> None:
        self._library = library
        self._file = file
        self.shift(0)

    def environment(self) -> dict[str, str]:
        """Return the variables for the server's environment."""
        return {"LD_PRELOAD": str(self._library), "SHIFTED_CLOCK_FILE": str(self._file)}

    def shift(self, seconds: int) -> None:
        """Set the clock ahead by so many seconds, or back, at once."""
        # In place: the server has mapped this file.
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))


async def shifted_clock(folder: Path) -> ShiftedClock | None:
    """Compile the library into a folder. Return None where there is no compiler, or no LD_PRELOAD."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        return None
    library = folder / "shifted_clock.so"
    command = (compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl")
    process = await asyncio.create_subprocess_exec(*command)
    return None if await process.wait() else ShiftedClock(library, folder / "clock-offset")
