"""The decoder: any music file as 48 kHz stereo. Probe, analysis and deck get exactly the same samples."""

import math
import stat
import statistics
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from rtc_drift.audio.resampler import Resampler
from rtc_drift.audio.source import Source
from rtc_drift.media import SAMPLE_RATE, Audio
from rtc_drift.workers.opener import open_file

CHUNK_SECONDS = 0.25
"""Length of one conversion. Codecs give frames of 64 to 4,608 samples, and each conversion has a fixed cost."""
MAX_BAD_PACKETS_IN_A_ROW = 500
"""About ten seconds of music. Trying to decode them takes tens of milliseconds, so a deck gets the error in time."""
MAX_BAD_READS_IN_A_ROW = 50
_FRAMES_COMPARED = 31
_FINE_CLOCK_SAMPLES = 4
HIGHEST_AMPLITUDE = 8.0
"""Limit for samples of broken float files, which hold infinity and 1e30; their NaN becomes silence."""
SAMPLE_RATES = range(4_000, 768_001)
MAX_CHANNELS = 64
"""Most channels that a file may have: as many as the largest formats for concert halls."""
# Playlists (HLS, concat, …) inside an innocent x.mp3 would make ffmpeg open other files and addresses.
_OPEN_OPTIONS = {"format_whitelist": "mp3,flac,ogg,m4a,wav,w64,aiff,aac,asf,webm", "max_streams": "64"}

# PyAV before 19 raises errors for tags that are not UTF-8, unless it is told otherwise.
_TAG_OPTIONS: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


class DecodeError(Exception):
    """A file gives no (more) audio; the message is one sentence for users."""


class TooMuchMemoryError(DecodeError):
    """A file that needs more memory than the process may have."""

    def __init__(self) -> None:
        super().__init__("The file needs too much memory to be decoded.")


@dataclass(frozen=True, slots=True)
class ClockZero:
    """The beginning of a file by its own clock."""

    seconds: float = 0.0
    """Time of its first sample."""
    frame_step: int = 0
    """Greatest common divisor of the numbers of samples in its first frames; 0 if they are not known."""


class AudioFile:
    """The first audio stream of an open file. It skips and counts what can't be decoded."""

    def __init__(self, container: av.container.InputContainer, stream: av.AudioStream) -> None:
        self.container = container
        self.stream = stream
        self.packets = 0
        self.bad_packets = 0
        self.first_position: int | None = 0
        """Position of the first sample of `chunks` at 48 kHz. None after seeking, until it is known; or for good."""
        self._zero = ClockZero()
        self._frame_step = 0
        self._is_to_be_aligned = False
        self._starts = deque[float](maxlen=_FRAMES_COMPARED)
        self._decoded_seconds = 0.0
        self._gathered = av.AudioFifo()
        self._resampler: Resampler | None = None
        self._shape: tuple[str, str, int] | None = None
        self._bad_in_a_row = 0

    @property
    def clock_start(self) -> float | None:
        """Time of the first decoded sample by the file's own clock, in seconds; None if the file has no clock.

        It is the median over the latest frames: ffmpeg gives single frames a wrong time where Vorbis changes the
        length of its blocks.
        """
        return statistics.median_low(self._starts) if self._starts else None

    @property
    def clock_zero(self) -> ClockZero:
        """The beginning of the file by its clock, as far as the file was read from there."""
        return ClockZero(self.clock_start or 0.0, self._frame_step)

    @property
    def has_coarse_clock(self) -> bool:
        """True if the file's clock counts in steps of many samples, such as the milliseconds of WMA and WebM."""
        return self._clock_samples > _FINE_CLOCK_SAMPLES

    @property
    def _clock_samples(self) -> float:
        """Length of the clock's steps, in samples of the file."""
        return float((self.stream.time_base or 0) * self.stream.codec_context.sample_rate)

    def seek(self, to_seconds: float, zero: ClockZero) -> None:
        """Go to a time of the file, or somewhat before it; to its beginning if it can't be sought.

        Call it before `chunks`.
        """
        with suppress(av.FFmpegError):
            self.container.seek(max(0, int((to_seconds + zero.seconds) * av.time_base)))
            self._zero, self._frame_step = zero, zero.frame_step
            self._is_to_be_aligned, self.first_position = True, None

    def chunks(self) -> Iterator[Audio]:
        """Yield `(n, 2) float32` at 48 kHz, finite and within ±8.

        Raises OSError if reading fails, and DecodeError if it isn't audio or too many packets in a row are damaged.
        """
        with _decode_errors():
            for packet in self._read():
                for frame in self._decode(packet):
                    self._compare_clock(frame)
                    yield from self._resample(frame)
            yield from self._flush()

    def _read(self) -> "Iterator[av.Packet[av.AudioStream]]":
        packets, bad_reads = self.container.demux(self.stream), 0
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError as error:
                if isinstance(error, OSError | MemoryError):
                    raise
                bad_reads += 1
                self.bad_packets += 1
                if bad_reads == MAX_BAD_READS_IN_A_ROW:
                    raise DecodeError("The file is damaged: it can't be read any further.") from error
                packets = self.container.demux(self.stream)  # the exception ended the old generator
            else:
                bad_reads = 0
                self.packets += 1
                yield packet

    def _decode(self, packet: "av.Packet[av.AudioStream]") -> list[av.AudioFrame]:
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            self.bad_packets += 1
            self._bad_in_a_row += 1
            if self._bad_in_a_row == MAX_BAD_PACKETS_IN_A_ROW:
                raise DecodeError("The file is damaged: too many of its packets can't be decoded.") from error
            return []
        if frames:
            self._bad_in_a_row = 0
        return frames

    def _resample(self, frame: av.AudioFrame) -> Iterator[Audio]:
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:  # at the start, and where one stream follows another
            if frame.sample_rate not in SAMPLE_RATES:
                raise DecodeError(f"A sample rate of {frame.sample_rate} Hz can't be played.")
            if frame.layout.nb_channels > MAX_CHANNELS:
                raise DecodeError(f"A file with {frame.layout.nb_channels} channels can't be played.")
            yield from self._flush()
            self._gathered = av.AudioFifo()
            self._resampler = Resampler()
            self._shape = shape
        frame.pts = None  # timestamps may be missing or jump; only the number of samples counts
        self._gathered.write(frame)
        if self._gathered.samples >= CHUNK_SECONDS * frame.sample_rate:
            yield from self._convert_gathered()

    def _flush(self) -> Iterator[Audio]:
        if self._resampler is not None:
            yield from self._convert_gathered()
            for resampled in self._resampler.flush():
                yield _audio(resampled)
            self._resampler = None

    def _convert_gathered(self) -> Iterator[Audio]:
        if self._is_to_be_aligned and self._gathered.samples:
            self._is_to_be_aligned = False
            self._align()
        gathered = self._gathered.read()
        if gathered is not None:
            yield from self._convert(gathered)

    def _convert(self, frame: av.AudioFrame) -> Iterator[Audio]:
        assert self._resampler is not None
        for resampled in self._resampler.resample(frame):
            yield _audio(resampled)

    def _align(self) -> None:
        """Drop what was decoded before a sample at which the resampler has the same phase as at the file's first.

        From there on it gives the same bits as if the file had been read from its beginning.
        """
        if self.clock_start is None:
            return
        assert self._shape is not None
        rate = self._shape[2]
        step = rate // math.gcd(rate, SAMPLE_RATE)
        first = self._first_index(self.clock_start - self._zero.seconds, rate)
        dropped = -first % step
        if 0 < dropped < self._gathered.samples:  # rates that nobody uses have steps of up to a second
            first += dropped
            self._gathered.read(dropped)
        self.first_position = round(first * SAMPLE_RATE / rate)

    def _first_index(self, time: float, rate: int) -> int:
        """Return the number of samples before the first decoded one, whose time is about `time`."""
        step = 1
        if self.has_coarse_clock and self._frame_step >= self._clock_samples:
            step = self._frame_step  # frames begin at multiples of it
        return max(0, step * round(time * rate / step))

    def _compare_clock(self, frame: av.AudioFrame) -> None:
        if frame.pts is not None and frame.time_base is not None:
            time = float((frame.pts - (self.stream.start_time or 0)) * frame.time_base)
            self._starts.append(time - self._decoded_seconds)
        self._frame_step = math.gcd(self._frame_step, frame.samples)
        self._decoded_seconds += frame.samples / max(1, frame.sample_rate)


@contextmanager
def open_audio(path: str | Path) -> Iterator[AudioFile]:
    """Open a file for decoding. Raises OSError when it can't be read, DecodeError when it isn't audio."""
    if not stat.S_ISREG(Path(path).stat().st_mode):  # opening a pipe would block for ever
        raise DecodeError("This is not a file.")
    with open_file(path) as opened:
        with _decode_errors():
            container = av.open(Source(opened), "r", options=_OPEN_OPTIONS, **_TAG_OPTIONS)
        with container:
            yield _audio_of(container)


def _audio_of(container: av.container.InputContainer) -> AudioFile:
    """Return the first audio stream that ffmpeg knows how to decode. Raises DecodeError."""
    for stream in container.streams.audio:
        if stream.codec_context is not None:  # None for a codec that ffmpeg doesn't have
            stream.codec_context.thread_count = 1
            return AudioFile(container, stream)
    raise DecodeError("The file holds no audio.")


@contextmanager
def _decode_errors() -> Iterator[None]:
    """Raise DecodeError for what ffmpeg raises; OSError passes."""
    try:
        yield
    except OSError:
        raise
    except MemoryError as error:
        raise TooMuchMemoryError from error
    except (av.FFmpegError, ValueError) as error:
        reason = error.strerror if isinstance(error, av.FFmpegError) else None
        raise DecodeError(f"The file can't be decoded ({(reason or 'unknown format').lower()}).") from error


def _audio(frame: av.AudioFrame) -> Audio:
    # `to_ndarray` would copy. The array keeps the frame alive, and nobody else writes to the frame.
    audio = np.frombuffer(memoryview(frame.planes[0]), np.float32, 2 * frame.samples).reshape(-1, 2)
    if audio.max(initial=0) <= HIGHEST_AMPLITUDE and audio.min(initial=0) >= -HIGHEST_AMPLITUDE:  # False for NaN too
        return audio
    return np.clip(np.nan_to_num(audio), -HIGHEST_AMPLITUDE, HIGHEST_AMPLITUDE)
