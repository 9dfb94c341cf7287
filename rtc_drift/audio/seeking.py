"""Reads a music file as 48 kHz stereo blocks, from any position, in a thread's pace."""

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import av

from rtc_drift.audio.decoding import AudioFile, DecodeError, open_audio
from rtc_drift.media import Audio, samples, seconds

__all__ = ["DecodeError", "decode"]

SEEK_MARGIN_SECONDS = 0.5
"""Seeking lands this much early, because decoders need a few packets to settle (and MP3 a bit reservoir)."""
_REMEMBERED = 128
_MOST_CUT_SECONDS = 1.0
"""More than the first page holds of samples from before the clock's zero."""
_BEGINNING = samples(5.0)
"""So far in the clock has found its place: pages are up to a few seconds long."""


def decode(path: str, start: int) -> Iterator[tuple[int, Audio]]:
    """Yield `(position, audio)`: contiguous `(n, 2) float32` from about the file's sample `start` (at 48 kHz) on.

    The first position lies at or before `start`, by about the seek margin; from the beginning it is what the scanner
    counted. Broken packets are left out. Raises DecodeError when the file can't be opened, is no audio or breaks off.
    """
    early = seconds(start) - SEEK_MARGIN_SECONDS
    try:
        with open_audio(path) as file:
            zero = _zero(path, file) if early > 0 else 0.0
            sought = early > 0 and _seek(file, early + zero)
            position: int | None = None
            for audio in file.chunks():
                if position is None:
                    position = _first_position(file, zero, start) if sought else 0
                yield position, audio
                position += len(audio)
    except OSError as error:
        raise DecodeError(f"The file can't be read ({error.strerror or error}).") from error


def _zero(path: str, file: AudioFile) -> float:
    """What the file's clock tells of its first sample, in seconds.

    Vorbis that was cut begins with samples from before the clock's zero; ffmpeg gives them, too.
    """
    if "vorbis" not in file.stream.codec_context.name:
        return 0.0
    with suppress(DecodeError):
        status = Path(path).stat()
        return _vorbis_zero(path, status.st_mtime_ns, status.st_size)
    return 0.0


@lru_cache(_REMEMBERED)
def _vorbis_zero(path: str, _modified: int, _size: int) -> float:
    with open_audio(path) as file:
        decoded = 0
        for audio in file.chunks():
            decoded += len(audio)
            if decoded >= _BEGINNING:
                break
        zero = file.clock_start or 0.0
        return zero if abs(zero) < _MOST_CUT_SECONDS else 0.0  # where another stream follows, its clock begins anew


def _seek(file: AudioFile, to_seconds: float) -> bool:
    """False when it is read from the beginning instead: the file can't be sought."""
    try:
        file.container.seek(max(0, int(to_seconds * av.time_base)))
    except av.FFmpegError:
        return False
    return True


def _first_position(file: AudioFile, zero: float, start: int) -> int:
    # A file that can't be sought to the sample: what it gives first counts as what was asked for.
    if file.clock_start is None:
        return start
    return min(max(0, samples(file.clock_start - zero)), start)
