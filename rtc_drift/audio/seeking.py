"""Decoding a music file from any position. Synchronous: a deck calls it in its own thread."""

import os
from collections.abc import Generator
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path

from rtc_drift.audio.decoding import AudioFile, ClockZero, DecodeError, open_audio
from rtc_drift.media import Audio, samples, seconds
from rtc_drift.workers.opener import open_file

__all__ = ["DecodeError", "decode"]

SEEK_MARGINS_SECONDS = (0.5, 10.0, 600.0)
"""Seeking aims at this much before the target: decoders need a few packets to settle, and MP3 its bit reservoir.

The others are tried one after the other where seeking ends too near the target or behind it: in files with packets of
many seconds. The last one reads most files from the beginning.
"""
_OPUS_MARGIN_SECONDS = 0.5
"""Additional margin for Opus, whose filters take most of a second to forget what came before, to the last bit."""
_SETTLED = samples(0.25)
"""Least number of samples before the target with which decoding must begin, else the next margin is tried."""
_FILES_CACHED = 128
_MAX_CUT_SECONDS = 1.0
"""Upper limit of the samples in the first page from before the clock's zero."""
_PAGE_HEADER_BYTES = 27
_LONGEST_PAGE_BYTES = 65_307
_SERIAL_NUMBER = slice(14, 18)
_BEGINS_STREAM = 2
_CLOCK_SETTLED = samples(5.0)
"""Position at which the clock is reliable: pages are up to a few seconds long."""


def decode(path: str, start: int) -> Generator[tuple[int, Audio], None, None]:
    """Yield `(position, audio)`: contiguous `(n, 2) float32` from about the file's sample `start` (at 48 kHz) on.

    The first position lies at or before `start`, by about the seek margin. From `start` on, samples have the same bits
    as if the file had been read from its beginning, if no packet before was broken and its codec allows it: AAC and WMA
    may replace noise by other noise. Read from the beginning, positions count as the probe counts them. Broken packets
    are skipped. Raises DecodeError if the file can't be opened or read, is no audio, or breaks off.
    """
    try:
        for margin in SEEK_MARGINS_SECONDS:
            with open_audio(path) as file:
                _seek(path, file, seconds(start) - margin)
                chunks = file.chunks()
                first = next(chunks, None)
                is_late = first is None or (file.first_position or 0) > max(0, start - _SETTLED)
                if is_late and margin != SEEK_MARGINS_SECONDS[-1]:
                    continue
                # Without a clock the exact position after seeking is unknown: the first sample counts as `start`.
                position = start if file.first_position is None else min(file.first_position, start)
                for audio in () if first is None else chain((first,), chunks):
                    yield position, audio
                    position += len(audio)
                return
    except OSError as error:
        raise DecodeError(f"The file can't be read ({error.strerror or error}).") from error


def _seek(path: str, file: AudioFile, to_seconds: float) -> None:
    if "opus" in file.stream.codec_context.name:
        to_seconds -= _OPUS_MARGIN_SECONDS
    if to_seconds > 0 and not (file.container.format.name == "ogg" and _is_chained(path)):
        file.seek(to_seconds, _clock_zero(path, file))


def _is_chained(path: str) -> bool:
    """Return True if one Ogg stream follows another: after seeking, ffmpeg reads the first one only."""
    with open_file(path) as file:
        begun = set[bytes]()
        while (page := file.read(_PAGE_HEADER_BYTES)).startswith(b"OggS\0") and page[5] & _BEGINS_STREAM:
            begun.add(page[_SERIAL_NUMBER])
            file.seek(sum(file.read(page[26])), os.SEEK_CUR)
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LONGEST_PAGE_BYTES))
        end = file.read()
    last_page = end[end.rfind(b"OggS\0") :]
    return bool(begun) and last_page[_SERIAL_NUMBER] not in begun


def _clock_zero(path: str, file: AudioFile) -> ClockZero:
    """Return the beginning of a file by its clock.

    A Vorbis file that was cut begins with samples from before the clock's zero, and ffmpeg decodes them, too. In WMA it
    gives nothing for the first packets; and a clock in milliseconds is rounded.
    """
    if file.has_coarse_clock or "vorbis" in file.stream.codec_context.name:
        with suppress(DecodeError):
            status = Path(path).stat()
            return _measured_clock_zero(path, status.st_mtime_ns, status.st_size)
    return ClockZero()


@lru_cache(_FILES_CACHED)
def _measured_clock_zero(path: str, _modified: int, _size: int) -> ClockZero:
    with open_audio(path) as file:
        decoded = 0
        for audio in file.chunks():
            decoded += len(audio)
            if decoded >= _CLOCK_SETTLED:
                break
        zero = file.clock_zero
        # If a second stream follows, its clock starts again.
        return zero if abs(zero.seconds) < _MAX_CUT_SECONDS else ClockZero()
