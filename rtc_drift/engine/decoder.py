"""Reads a music file as 48 kHz stereo blocks, from any position, in a thread's pace."""

from collections.abc import Iterator

import av
import av.logging
import numpy as np
from av.error import EOFError as AvEOFError
from av.error import FFmpegError, InvalidDataError

from rtc_drift.media import SAMPLE_RATE, Audio

av.logging.set_level(av.logging.PANIC)

SEEK_MARGIN_SECONDS = 0.5
"""Seeking lands this much early, because decoders need a few packets to settle (and MP3 a bit reservoir)."""
CHUNK = SAMPLE_RATE // 10
"""Samples of a decoded chunk: codecs give frames of 64 to 4,608, and the cost is in their number."""
MAX_BAD_PACKETS_IN_A_ROW = 25


class DecodeError(Exception):
    """A file gives no (more) audio; the message is a sentence for people."""


def decode(path: str, start: int) -> Iterator[tuple[int, Audio]]:
    """Yield `(position, audio)`: contiguous `(n, 2) float32` from about the file's sample `start` (at 48 kHz) on.

    The first position lies at or before `start`, by about the seek margin.
    Single broken packets are left out. Raises DecodeError when the file can't be opened, holds no audio or breaks off.
    """
    try:
        with av.open(path, metadata_errors="replace") as container:
            if not container.streams.audio:
                raise DecodeError("The file holds no audio.")
            yield from _blocks(container, container.streams.audio[0], start)
    except OSError as error:
        raise DecodeError(f"The file can't be read ({error.strerror or error}).") from error
    except FFmpegError as error:
        raise DecodeError(f"The file can't be decoded ({error.strerror or error}).") from error


def _blocks(container: av.container.InputContainer, stream: av.AudioStream, start: int) -> Iterator[tuple[int, Audio]]:
    if start > SEEK_MARGIN_SECONDS * SAMPLE_RATE:
        container.seek(int((start / SAMPLE_RATE - SEEK_MARGIN_SECONDS) * av.time_base))
    resampler = av.AudioResampler(format="flt", layout="stereo", rate=SAMPLE_RATE, frame_size=CHUNK)
    position: int | None = None
    for frame in _frames(container, stream):
        if position is None:
            # A file that can't be sought to the sample: what it gives first counts as what was asked for.
            position = min(_position(frame, stream), start)
        frame.pts = None
        for resampled in resampler.resample(frame):
            audio = _samples(resampled)
            yield position, audio
            position += len(audio)
    if position is None:
        return
    for resampled in resampler.resample(None):
        yield position, _samples(resampled)
        position += resampled.samples


def _samples(frame: av.AudioFrame) -> Audio:
    # A float file may hold NaN and infinity; nothing downstream should have to know.
    audio = np.asarray(frame.to_ndarray(), np.float32).reshape(-1, 2)
    return np.nan_to_num(audio, posinf=1.0, neginf=-1.0)


def _frames(container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    bad = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except AvEOFError:
            return
        except InvalidDataError as error:
            bad += 1
            if bad >= MAX_BAD_PACKETS_IN_A_ROW:
                raise DecodeError("The file is damaged: too many of its packets can't be decoded.") from error
            continue
        bad = bad if not frames else 0
        for frame in frames:
            if isinstance(frame, av.AudioFrame):
                yield frame


def _position(frame: av.AudioFrame, stream: av.AudioStream) -> int:
    if frame.pts is None or frame.time_base is None:
        return 0
    first = stream.start_time or 0
    return max(0, round((frame.pts - first) * frame.time_base * SAMPLE_RATE))
