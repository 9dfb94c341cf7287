"""A fake of the lead cache that resamples at once: the pitch changes with the tempo."""

from pathlib import Path

import numpy as np

from rtc_drift.audio.decoding import open_audio
from rtc_drift.stretching.warp import Warp
from tests.support.audio_files import write_float_wav


class FakeStretcher:
    """A `LeadSource` that renders in the caller's task."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prepared: list[Path] = []
        self.released: list[Path] = []

    async def prepare(self, path: Path, warp: Warp) -> Path | None:
        """Render the stretched intro of a file to a new file."""
        with open_audio(path) as file:
            audio = np.concatenate(list(file.chunks()))
        outputs, positions_of_knots = np.array(warp.knots).T
        positions = np.interp(np.arange(warp.length), outputs, positions_of_knots)
        stretched = [np.interp(positions, np.arange(len(audio)), channel) for channel in audio.T]
        destination = self.folder / f"{len(self.prepared)}.wav"
        self.prepared.append(destination)
        return write_float_wav(destination, np.stack(stretched, axis=1).astype(np.float32), rate=48_000)

    def release(self, path: Path) -> None:
        """Delete a file that `prepare` returned."""
        self.released.append(path)
        path.unlink()
