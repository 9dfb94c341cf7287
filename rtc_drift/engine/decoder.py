"""Reads a music file as 48 kHz stereo blocks, from any position, in a thread's pace."""

from collections.abc import Iterator

import av

from rtc_drift.decoding import AudioFile, DecodeError, open_audio
from rtc_drift.media import Audio, samples, seconds

__all__ = ["DecodeError", "decode"]

SEEK_MARGIN_SECONDS = 0.5
"""Seeking lands this much early, because decoders need a few packets to settle (and MP3 a bit reservoir)."""


def decode(path: str, start: int) -> Iterator[tuple[int, Audio]]:
    """Yield `(position, audio)`: contiguous `(n, 2) float32` from about the file's sample `start` (at 48 kHz) on.

    The first position lies at or before `start`, by about the seek margin; from the beginning it is what the scanner
    counted. Broken packets are left out. Raises DecodeError when the file can't be opened, is no audio or breaks off.
    """
    try:
        with open_audio(path) as file:
            sought = _seek(file, start)
            position: int | None = None
            for audio in file.chunks():
                if position is None:
                    position = _first_position(file, start) if sought else 0
                yield position, audio
                position += len(audio)
    except OSError as error:
        raise DecodeError(f"The file can't be read ({error.strerror or error}).") from error


def _seek(file: AudioFile, start: int) -> bool:
    """False when it is read from the beginning instead: it is near, or the file can't be sought."""
    early = seconds(start) - SEEK_MARGIN_SECONDS
    if early <= 0:
        return False
    try:
        file.container.seek(int(early * av.time_base))
    except av.FFmpegError:
        return False
    return True


def _first_position(file: AudioFile, start: int) -> int:
    # A file that can't be sought to the sample: what it gives first counts as what was asked for.
    if file.first_frame_seconds is None:
        return start
    return min(max(0, samples(file.first_frame_seconds)), start)
