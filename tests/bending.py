"""Renders leads ahead in place of the real preparer: plain resampling, at once."""

from pathlib import Path

import numpy as np

from rtc_drift.audio.decoding import open_audio
from rtc_drift.stretching.warp import Warp
from tests.audio_files import write_float_wav


class Bender:
    """A `LeadSource`. The pitch goes along with the tempo."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prepared: list[Path] = []
        self.released: list[Path] = []

    async def prepare(self, path: Path, warp: Warp) -> Path | None:
        with open_audio(path) as file:
            audio = np.concatenate(list(file.chunks()))
        outputs, positions_of_knots = np.array(warp.knots).T
        positions = np.interp(np.arange(warp.length), outputs, positions_of_knots)
        bent = [np.interp(positions, np.arange(len(audio)), channel) for channel in audio.T]
        made = self.folder / f"{len(self.prepared)}.wav"
        self.prepared.append(made)
        return write_float_wav(made, np.stack(bent, axis=1).astype(np.float32), rate=48_000)

    def release(self, path: Path) -> None:
        self.released.append(path)
        path.unlink()
