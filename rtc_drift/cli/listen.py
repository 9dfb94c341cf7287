"""`rtc-drift listen URL`: listens to a session, with a level meter; writes a WAV file on request."""

import asyncio
import contextlib
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.text import Text

from rtc_drift.client import Listener, ListenerError
from rtc_drift.media import SAMPLE_RATE, Audio
from rtc_drift.webrtc.aiortc_internals import IceUnavailableError

METER_SAMPLES = SAMPLE_RATE // 10
"""Samples for each reading of the level."""
METER_WIDTH = 40
"""Characters of a full bar."""
FLOOR_DBFS = -60.0
"""Level of an empty bar."""


async def listen(url: str, output: Path | None, seconds: float | None) -> int:
    """Listen until the stream ends, `seconds` are over, or Ctrl-C. Returns the exit code."""
    console = Console(stderr=True)
    try:
        with _wav(output) as wav:
            async with Listener(url) as listener:
                await _meter(listener, wav, console, seconds)
    except (ListenerError, IceUnavailableError, OSError) as error:
        print(f"rtc-drift: {error}", file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        pass  # Ctrl-C: the WAV file is complete.
    if output is not None:
        console.print(f"Written: {output}")
    return 0


async def _meter(listener: Listener, wav: wave.Wave_write | None, console: Console, seconds: float | None) -> None:
    received = 0
    with Live(console=console, refresh_per_second=10) as live:
        while seconds is None or received < seconds * SAMPLE_RATE:
            audio = await listener.read(METER_SAMPLES)
            received += len(audio)
            if wav is not None:
                wav.writeframes(np.clip(np.rint(audio * 32768), -32768, 32767).astype("<i2").tobytes())
            stats = await listener.stats()
            live.update(
                Text(
                    f"{_bars(audio)}   {received / SAMPLE_RATE:7.1f} s   lost {stats.packets_lost}"
                    f"   jitter {stats.jitter_ms:.1f} ms"
                )
            )


def _bars(audio: Audio) -> str:
    lines = []
    for name, level in zip("LR", Listener.level_dbfs(audio), strict=True):
        filled = round(METER_WIDTH * max(0.0, 1 - level / FLOOR_DBFS))
        lines.append(f"{name} {'█' * filled}{'·' * (METER_WIDTH - filled)} {max(level, FLOOR_DBFS):6.1f} dBFS")
    return "\n".join(lines)


@contextlib.contextmanager
def _wav(path: Path | None) -> Iterator[wave.Wave_write | None]:
    if path is None:
        yield None
        return
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        yield file
