"""A rendering on disk: the audio file and what lies beside it, all of it complete or none of it there."""

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
    """How audio is written, in ffmpeg's words."""

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
"""By suffix: FLAC of 24 bits, WAV of floats (with RF64 when it exceeds 4 GB), Ogg Opus."""
OPUS_BITRATE = 128_000
FULL_SCALE_24 = 2**23


class BadOutputError(Exception):
    """No file that could be written; the message is one sentence."""


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
        """Raises OSError when that is not possible."""
        samples: NDArray[Any] = _as_24_bits(audio) if self._form.sample_format == "s32" else audio
        frame = audio_frame(samples, self._written, self._form.sample_format)
        self._written += len(audio)
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what is left. Raises OSError."""
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def abandon(self) -> None:
        """It comes to nothing. Idempotent, and harmless after `finish`."""
        with suppress(OSError, av.FFmpegError):
            self._container.close()


class Output:
    """Files of one name but for the suffix, which appear with `finish`: `with Output(path) as output`.

    Until then the audio has a hidden name beside them; it is removed if it comes to nothing.
    """

    def __init__(self, path: Path) -> None:
        """Raises BadOutputError when the suffix tells no format or the path is no place for a file."""
        self.path = path
        if path.suffix.lower() not in FORMATS:
            raise BadOutputError(f"{path.name} must end in one of {', '.join(FORMATS)}.")
        if path.is_dir():
            raise BadOutputError(f"{path} is a folder.")
        self._form = FORMATS[path.suffix.lower()]
        self._parts: list[tuple[Path, Path]] = []

    def __enter__(self) -> Self:
        """Raises BadOutputError when nothing can be written there."""
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
        """The next `(n, 2) float32`. Raises OSError."""
        self._writer.write(audio)

    def finish(self, beside: Mapping[str, str]) -> None:
        """Make everything appear: the audio, and texts `beside` it, by their suffixes. Raises OSError."""
        self._writer.finish()
        self._file.close()
        for suffix, text in beside.items():
            self._part(self.path.with_suffix(suffix)).write_text(text, encoding="utf-8")
        while self._parts:  # the audio last: where it is, the rest is, too
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
    """In the upper 24 of 32 bits, as ffmpeg's FLAC encoder takes them."""
    scaled = np.rint(audio.astype(np.float64) * FULL_SCALE_24)
    return np.asarray(np.clip(scaled, -FULL_SCALE_24, FULL_SCALE_24 - 1).astype(np.int32) << 8)
