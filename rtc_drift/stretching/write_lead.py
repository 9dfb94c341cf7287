"""Renders a stretched intro or ending to a file: reads, stretches and writes, in a worker process."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import av
import numpy as np

from rtc_drift.audio.decoding import DecodeError
from rtc_drift.audio.encoding import encode_all
from rtc_drift.audio.seeking import decode
from rtc_drift.media import SAMPLE_RATE, Audio
from rtc_drift.stretching.vocoder import MARGIN, stretch
from rtc_drift.stretching.warp import Knot, Warp


def write_lead(path: str, warp: Warp, destination: Path, alive: Callable[[], None] = lambda: None) -> None:
    """Write the warp's output of the file at `path` to `destination`: WAV, 48 kHz stereo float32.

    The result is either a complete file or none. `alive` is called now and then. Raises DecodeError if the file can't
    be decoded as far as needed, and OSError if the intro can't be written.
    """
    first = max(0, int(warp.enters_at) - MARGIN)
    audio = _read(path, first, warp.resumes_at + MARGIN, alive)
    if len(audio) <= warp.enters_at - first:
        raise DecodeError("The file ends before the part to be stretched.")
    lead = stretch(audio, warp, first)
    alive()
    part = destination.with_name(f".{destination.name}.{os.getpid()}.part")
    try:
        _write_wav(part, lead, alive)
        part.replace(destination)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_lead_job(
    path: str, knots: Sequence[Knot], returns: bool, destination: str, alive: Callable[[], None]
) -> str | None:
    """Write a stretched part in a worker process. Return None, or a sentence if the file can't be decoded."""
    warp = Warp(tuple((output, file) for output, file in knots), returns)
    try:
        write_lead(path, warp, Path(destination), alive)
    except DecodeError as error:
        return str(error)
    return None


def _read(path: str, first: int, stop: int, alive: Callable[[], None]) -> Audio:
    """Return the file's samples from `first` to `stop`, or to its end."""
    chunks: list[Audio] = []
    for position, audio in decode(path, first):
        chunks.append(audio[max(0, first - position) : max(0, stop - position)])
        alive()
        if position + len(audio) >= stop:
            break
    return np.concatenate(chunks) if chunks else np.empty((0, 2), np.float32)


def _write_wav(path: Path, audio: Audio, alive: Callable[[], None]) -> None:
    try:
        with av.open(str(path), "w", format="wav") as container:
            stream = container.add_stream("pcm_f32le", rate=SAMPLE_RATE, layout="stereo")
            encode_all(container, stream, audio, alive)
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise OSError(error.errno, error.strerror) from error
