"""The files of a rendering: the audio and the texts beside it. They appear together, or not at all."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from rtc_drift.audio.encoding import audio_frame
from rtc_drift.engine.opus import COMPLEXITY
from rtc_drift.media import SAMPLE_RATE, Audio


@dataclass(frozen=True, slots=True)
class Format:
    """An audio file format, in terms of ffmpeg."""

    container: str
    codec: str
    sample_format: str
    codec_options: Mapping[str, str]
    container_options: Mapping[str, str]


FORMATS = {
    ".flac": Format("flac", "flac", "s32", {}, {}),
    ".wav": Format("wav", "pcm_f32le", "flt", {}, {"rf64": "auto"}),
    ".opus": Format("ogg", "libopus", "flt", {"compression_level": str(COMPLEXITY)}, {"fflags": "+bitexact"}),
}
"""By suffix: FLAC with 24 bits, WAV with floats (RF64 above 4 GB), Ogg Opus."""
OPUS_BITRATE = 128_000
"""In bits per second."""
FULL_SCALE_24 = 2**23
"""Full scale of 24-bit samples."""


class BadOutputError(Exception):
    """A file that can't be written; the message is one sentence."""


class AudioWriter:
    """Encodes blocks of `(n, 2) float32` into an open file as they come."""

    def __init__(self, file: IO[bytes], form: Format) -> None:
        self._form = form
        self._written = 0
        self._container = av.open(file, "w", format=form.container, options=dict(form.container_options))
        options = dict(form.codec_options)
        stream = self._container.add_stream(form.codec, rate=SAMPLE_RATE, layout="stereo", options=options)
        assert isinstance(stream, AudioStream)
        self._stream = stream
        self._stream.codec_context.format = form.sample_format
        if form.codec == "libopus":
            self._stream.bit_rate = OPUS_BITRATE

    def write(self, audio: Audio) -> None:
        """Encode a block. Raises OSError."""
        samples: NDArray[Any] = _as_24_bits(audio) if self._form.sample_format == "s32" else audio
        frame = audio_frame(samples, self._written, self._form.sample_format)
        self._written += len(audio)
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write the rest and complete the file. Raises OSError."""
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def abandon(self) -> None:
        """Close without completing the file. Idempotent; does nothing after `finish`."""
        with suppress(OSError, av.FFmpegError):
            self._container.close()


class Output:
    """The files of a rendering, which differ in their suffix: `with Output(path) as output`.

    They appear with `finish`. Until then the audio is in a hidden file in the same folder; without `finish` it is
    removed.
    """

    def __init__(self, path: Path) -> None:
        """Choose the format by the suffix of `path`. Raises BadOutputError if it is unknown or `path` is a folder."""
        self.path = path
        if path.suffix.lower() not in FORMATS:
            raise BadOutputError(f"{path.name} must end in one of {', '.join(FORMATS)}.")
        if path.is_dir():
            raise BadOutputError(f"{path} is a folder.")
        self._form = FORMATS[path.suffix.lower()]
        self._parts: list[tuple[Path, Path]] = []

    def __enter__(self) -> Self:
        """Create the audio file. Raises BadOutputError."""
        try:
            self._file = self._part(self.path).open("wb")
        except OSError as error:
            self._clear()
            raise BadOutputError(f"{self.path} can't be written ({error.strerror or error}).") from None
        try:
            self._writer = AudioWriter(self._file, self._form)
        except BaseException:
            self._file.close()
            self._clear()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.abandon()
        with suppress(OSError):
            self._file.close()
        self._clear()

    def write(self, audio: Audio) -> None:
        """Write the next block, `(n, 2) float32`. Raises OSError."""
        self._writer.write(audio)

    def finish(self, beside: Mapping[str, str]) -> None:
        """Complete the audio, write the texts `beside` it (by suffix), and make all files appear. Raises OSError."""
        self._writer.finish()
        self._file.close()
        for suffix, text in beside.items():
            self._part(self.path.with_suffix(suffix)).write_text(text, encoding="utf-8")
        while self._parts:  # The audio comes last: if it is there, the other files are, too.
            part, path = self._parts[-1]
            part.replace(path)
            self._parts.pop()

    def _part(self, path: Path) -> Path:
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._parts.append((part, path))
        return part

    def _clear(self) -> None:
        for part, _ in self._parts:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        self._parts.clear()


def _as_24_bits(audio: Audio) -> NDArray[np.int32]:
    """Convert to 24-bit samples in the upper bits of 32, as ffmpeg's FLAC encoder expects."""
    scaled = np.rint(audio.astype(np.float64) * FULL_SCALE_24)
    return np.asarray(np.clip(scaled, -FULL_SCALE_24, FULL_SCALE_24 - 1).astype(np.int32) << 8)
