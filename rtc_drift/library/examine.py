"""Everything about one file, in one decoding pass: whether it can be played, how long and how loud it is, its cues.

Synchronous and busy for about a second: it runs in a worker process.
"""

import errno
import stat
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from rtc_drift.library.loudness import LoudnessMeter, finite
from rtc_drift.library.tags import read_tags
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.media import SAMPLE_RATE, Audio, amplitude, seconds

SHORTEST_SECONDS = 1.0
SOUND_ABOVE = amplitude(-60)
WINDOW_SAMPLES = SAMPLE_RATE // 100
MOST_BAD_PACKETS = 0.05
_BAD_READS_IN_A_ROW = 50
_SAMPLE_RATES = range(4_000, 768_001)
_HASH_BLOCK_BYTES = 1 << 20
# Playlists (HLS, concat, …) inside an innocent x.mp3 would make ffmpeg open other files and addresses.
_OPEN_OPTIONS = {"format_whitelist": "mp3,flac,ogg,m4a,wav,w64,aiff,aac,asf,webm"}


class _UnplayableError(Exception):
    """Its text is the one sentence for people."""


def examine(path: Path, *, alive: Callable[[], None] = lambda: None) -> Track | Unplayable:
    """Read and decode the whole file once. Never raises for anything a file can contain.

    `alive` is called at least once per second of audio and MiB of file: proof that it isn't stuck.
    """
    try:
        return _examine(path, alive)
    except _UnplayableError as problem:
        return Unplayable(path=path, reason=str(problem))
    except OSError as error:
        return Unplayable(path=path, reason=_sentence(error))


def _examine(path: Path, alive: Callable[[], None]) -> Track:
    track_id = _content_id(path, alive)
    decoding, meter, cues = _Decoding(path), LoudnessMeter(), _Cues()
    try:
        for block in decoding.blocks():
            sane = finite(block)
            meter.add(sane)
            cues.add(sane)
            alive()
    except OSError:
        raise
    except (av.FFmpegError, ValueError) as error:
        raise _UnplayableError(f"This is not audio that can be decoded ({_told_by_ffmpeg(error)}).") from None
    decoding.judge()
    duration = seconds(cues.position)
    if duration < SHORTEST_SECONDS:
        raise _UnplayableError(f"It is too short to be played ({duration:.2f} seconds).")
    lufs, dbtp = meter.finish()
    first, last = cues.seconds()
    tags = read_tags(path)
    return Track(
        id=track_id,
        path=path,
        title=tags.title,
        artist=tags.artist,
        album=tags.album,
        genre=tags.genre,
        year=tags.year,
        track_number=tags.track_number,
        has_cover=tags.has_cover,
        duration_seconds=duration,
        integrated_lufs=lufs,
        true_peak_dbtp=dbtp,
        first_sound_seconds=first,
        last_sound_seconds=last,
    )


def _content_id(path: Path, alive: Callable[[], None]) -> str:
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
        raise _UnplayableError("This is not a file.")
    digest = blake2b(digest_size=8)
    with path.open("rb") as file:
        while block := file.read(_HASH_BLOCK_BYTES):
            digest.update(block)
            alive()
        if file.tell() == 0:
            raise _UnplayableError("The file is empty.")
    return digest.hexdigest()


class _Decoding:
    """The first audio stream of a file as blocks at 48 kHz; what can't be decoded is left out and counted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._resampler: av.AudioResampler | None = None
        self._shape: tuple[str, str, int] | None = None
        self._packets = 0
        self._bad_packets = 0

    def blocks(self) -> Iterator[Audio]:
        """Blocks of at most one second. Raises `av.FFmpegError` or ValueError for what isn't audio."""
        with av.open(self._path, options=_OPEN_OPTIONS, metadata_errors="replace") as container:
            if not container.streams.audio:
                raise _UnplayableError("There is no audio in this file.")
            stream = container.streams.audio[0]
            stream.codec_context.thread_count = 1
            for packet in self._read(container, stream):
                for frame in self._decode(packet):
                    yield from self._resample(frame)
            yield from self._flush()

    def judge(self) -> None:
        """Raises if too much of the file was left out."""
        if self._bad_packets > MOST_BAD_PACKETS * max(self._packets, 1):
            share = self._bad_packets / max(self._packets, self._bad_packets)
            raise _UnplayableError(f"The file is damaged ({share:.0%} of it can't be decoded).")

    def _read(self, container: InputContainer, stream: AudioStream) -> "Iterator[av.Packet[AudioStream]]":
        packets, bad_reads = container.demux(stream), 0
        while bad_reads < _BAD_READS_IN_A_ROW:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError as error:
                if isinstance(error, OSError):
                    raise
                bad_reads += 1
                self._bad_packets += 1
                packets = container.demux(stream)  # the generator ended with its exception
            else:
                bad_reads = 0
                self._packets += 1
                yield packet

    def _decode(self, packet: "av.Packet[AudioStream]") -> list[AudioFrame]:
        try:
            return packet.decode()
        except av.FFmpegError:
            self._bad_packets += 1
            return []

    def _resample(self, frame: AudioFrame) -> Iterator[Audio]:
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:  # at the start, and where one stream follows another in an Ogg file
            if frame.sample_rate not in _SAMPLE_RATES:
                raise _UnplayableError(f"A sample rate of {frame.sample_rate} Hz can't be played.")
            yield from self._flush()
            self._resampler = av.AudioResampler("flt", "stereo", SAMPLE_RATE, frame_size=SAMPLE_RATE)
            self._shape = shape
        assert self._resampler is not None
        frame.pts = None  # timestamps may be missing or leap; what counts is the samples
        for out in self._resampler.resample(frame):
            yield _audio(out)

    def _flush(self) -> Iterator[Audio]:
        if self._resampler is not None:
            for out in self._resampler.resample(None):
                yield _audio(out)
            self._resampler = None


class _Cues:
    """Where the sound begins and ends, in windows of 10 ms."""

    def __init__(self) -> None:
        self.position = 0
        """Samples seen so far."""
        self._first: int | None = None
        self._last = 0

    def add(self, audio: Audio) -> None:
        peaks = np.abs(audio).max(axis=1)
        whole = np.pad(peaks, (0, -len(peaks) % WINDOW_SAMPLES))
        loud = np.flatnonzero(whole.reshape(-1, WINDOW_SAMPLES).max(axis=1) > SOUND_ABOVE)
        if len(loud):
            if self._first is None:
                self._first = self.position + int(loud[0]) * WINDOW_SAMPLES
            self._last = self.position + min((int(loud[-1]) + 1) * WINDOW_SAMPLES, len(audio))
        self.position += len(audio)

    def seconds(self) -> tuple[float, float]:
        """First and last sound; the whole length for silence."""
        if self._first is None:
            return 0.0, seconds(self.position)
        return seconds(self._first), seconds(self._last)


def _audio(frame: AudioFrame) -> Audio:
    return frame.to_ndarray().reshape(-1, 2).astype(np.float32, copy=False)


def _told_by_ffmpeg(error: Exception) -> str:
    told = error.strerror if isinstance(error, av.FFmpegError) else None
    return (told or "unknown format").lower()


def _sentence(error: OSError) -> str:
    match error.errno:
        case errno.ENOENT:
            return "The file does not exist."
        case errno.EACCES | errno.EPERM:
            return "Permission denied."
        case _:
            return f"The file can't be read ({(error.strerror or 'unknown error').lower()})."
