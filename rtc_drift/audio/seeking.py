"""Decoding a music file from any position. Synchronous: a deck calls it in its own thread."""

from collections.abc import Generator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import av

from rtc_drift.audio.decoding import AudioFile, DecodeError, open_audio
from rtc_drift.media import Audio, samples, seconds

__all__ = ["DecodeError", "decode"]

SEEK_MARGIN_SECONDS = 0.5
"""Seeking aims at this much before the target: decoders need a few packets to settle, and MP3 its bit reservoir."""
_FILES_CACHED = 128
_MAX_CUT_SECONDS = 1.0
"""Upper limit of the samples in the first page from before the clock's zero."""
_CLOCK_SETTLED = samples(5.0)
"""Position at which the clock is reliable: pages are up to a few seconds long."""


def decode(path: str, start: int) -> Generator[tuple[int, Audio], None, None]:
    """Yield `(position, audio)`: contiguous `(n, 2) float32` from about the file's sample `start` (at 48 kHz) on.

    The first position lies at or before `start`, by about the seek margin. Read from the beginning, positions count as
    the probe counts them. Broken packets are skipped. Raises DecodeError if the file can't be opened or read, is no
    audio, or breaks off.
    """
    early = seconds(start) - SEEK_MARGIN_SECONDS
    try:
        with open_audio(path) as file:
            zero = _clock_zero(path, file) if early > 0 else 0.0
            has_sought = early > 0 and _seek(file, early + zero)
            position: int | None = None
            for audio in file.chunks():
                if position is None:
                    position = _first_position(file, zero, start) if has_sought else 0
                yield position, audio
                position += len(audio)
    except OSError as error:
        raise DecodeError(f"The file can't be read ({error.strerror or error}).") from error


def _clock_zero(path: str, file: AudioFile) -> float:
    """Return the time of the file's first sample by its clock, in seconds.

    A Vorbis file that was cut begins with samples from before the clock's zero, and ffmpeg decodes them, too.
    """
    if "vorbis" not in file.stream.codec_context.name:
        return 0.0
    with suppress(DecodeError):
        status = Path(path).stat()
        return _vorbis_clock_zero(path, status.st_mtime_ns, status.st_size)
    return 0.0


@lru_cache(_FILES_CACHED)
def _vorbis_clock_zero(path: str, _modified: int, _size: int) -> float:
    with open_audio(path) as file:
        decoded = 0
        for audio in file.chunks():
            decoded += len(audio)
            if decoded >= _CLOCK_SETTLED:
                break
        zero = file.clock_start or 0.0
        return zero if abs(zero) < _MAX_CUT_SECONDS else 0.0  # if a second stream follows, its clock starts again


def _seek(file: AudioFile, to_seconds: float) -> bool:
    """Seek to a time of the file's clock. Return False if that fails, so that the file is read from the beginning."""
    try:
        file.container.seek(max(0, int(to_seconds * av.time_base)))
    except av.FFmpegError:
        return False
    return True


def _first_position(file: AudioFile, zero: float, start: int) -> int:
    # Without a clock the exact position after seeking is unknown: the first sample counts as `start`.
    if file.clock_start is None:
        return start
    return min(max(0, samples(file.clock_start - zero)), start)
