"""Small audio files of every format, written with PyAV from numpy arrays."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream

from rtc_drift.media import SAMPLE_RATE, Audio

CODECS = {
    ".wav": ("pcm_s16le", "s16"),
    ".flac": ("flac", "s16"),
    ".mp3": ("libmp3lame", "fltp"),
    ".ogg": ("vorbis", "fltp"),
    ".opus": ("libopus", "flt"),
    ".m4a": ("aac", "fltp"),
    ".aiff": ("pcm_s16be", "s16"),
    ".wma": ("wmav2", "fltp"),
}
FORMATS = {".opus": "ogg", ".m4a": "ipod", ".wma": "asf"}
CHUNK_SAMPLES = 960
PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)


def sine(
    seconds: float, *, hertz: float = 997.0, amplitude: float = 0.1, rate: int = SAMPLE_RATE, phase: float = 0.0
) -> Audio:
    """Make the same sine on both channels."""
    time = np.arange(round(seconds * rate)) / rate
    wave = amplitude * np.sin(2 * np.pi * hertz * time + phase)
    return np.stack([wave, wave], axis=1).astype(np.float32)


def silence(seconds: float) -> Audio:
    """Make digital silence."""
    return np.zeros((round(seconds * SAMPLE_RATE), 2), np.float32)


def write_audio(
    path: Path,
    audio: Audio,
    *,
    rate: int = SAMPLE_RATE,
    tags: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Encode audio to the format of the file name's suffix, with options of its codec."""
    codec, sample_format = CODECS[path.suffix]
    with av.open(path, "w", format=FORMATS.get(path.suffix)) as container:
        container.metadata.update(tags or {})
        stream = container.add_stream(codec, rate=rate, layout="stereo")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 128_000
        stream.codec_context.options = {"strict": "experimental", **(options or {})}
        resampler = av.AudioResampler(sample_format, "stereo", rate)
        for start in range(0, len(audio), CHUNK_SAMPLES):
            chunk = audio[start : start + CHUNK_SAMPLES]
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(chunk).reshape(1, -1), format="flt", layout="stereo"
            )
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            for converted in resampler.resample(frame):
                container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    return path


def write_float_wav(path: Path, audio: np.ndarray[tuple[int, int], np.dtype[np.float32]], *, rate: int) -> Path:
    """Write an uncompressed float file with any number of channels and any values, NaN included."""
    channels = audio.shape[1]
    data = np.ascontiguousarray(audio, "<f4").tobytes()
    header = b"WAVEfmt " + (16).to_bytes(4, "little") + (3).to_bytes(2, "little") + channels.to_bytes(2, "little")
    header += rate.to_bytes(4, "little") + (rate * channels * 4).to_bytes(4, "little")
    header += (channels * 4).to_bytes(2, "little") + (32).to_bytes(2, "little")
    header += b"data" + len(data).to_bytes(4, "little")
    path.write_bytes(b"RIFF" + (len(header) + len(data)).to_bytes(4, "little") + header + data)
    return path
