"""Music for tests: catalogue entries without files, and audio of known content."""

from pathlib import Path

import numpy as np

from rtc_drift.library.track import Track
from rtc_drift.media import SAMPLE_RATE, Audio, samples

SHADES = 6
"""Number of degrees of brightness that `shade` makes."""
SHADE_SECONDS = 10


def make_track(
    number: int,
    *,
    duration: float = 60.0,
    artist: str = "",
    lufs: float = -16.0,
    first_sound: float = 0.0,
    last_sound: float | None = None,
    path: Path | None = None,
) -> Track:
    """Make a track of the catalogue without a file, unless `path` names one."""
    return Track(
        id=f"{number:016x}",
        path=path or Path(f"/music/{number}.flac"),
        title=f"Track {number}",
        artist=artist,
        duration_seconds=duration,
        integrated_lufs=lufs,
        true_peak_dbtp=-1.0,
        first_sound_seconds=first_sound,
        last_sound_seconds=duration if last_sound is None else last_sound,
    )


def make_tracks(count: int, duration: float = 60) -> list[Track]:
    """Make tracks 1 to `count`, of five artists."""
    return [make_track(number, duration=duration, artist=f"Artist {number % 5}") for number in range(1, count + 1)]


def steady_music(seconds: float, seed: int, level: float = 0.1) -> Audio:
    """Make broadband music of steady loudness, different left and right: `(n, 2) float32`.

    The left channel has noise below 2 kHz and a tone, the right one noise below 6 kHz and another tone: swapped or
    mixed channels show. No two seeds correlate.
    """
    rng = np.random.default_rng(seed)
    count = samples(seconds)
    time = np.arange(count) / SAMPLE_RATE
    channels = []
    for width, tone in ((24, 220.0 * 2 ** (seed / 12)), (8, 330.0 * 2 ** (seed / 12))):
        noise = np.convolve(rng.standard_normal(count + width - 1), np.ones(width) / np.sqrt(width), "valid")
        channels.append(level * (0.7 * noise + 0.5 * np.sin(2 * np.pi * tone * time)))
    return np.clip(np.stack(channels, axis=1), -0.98, 0.98).astype(np.float32)


def shade(number: int) -> Audio:
    """Make noise in eighth notes, brighter with each number from 0 to `SHADES` − 1: `(n, 2) float32`."""
    rng = np.random.default_rng(number)
    noise = rng.standard_normal(SHADE_SECONDS * SAMPLE_RATE)
    width = 2 ** (SHADES - number)
    soft = np.convolve(noise, np.ones(width) / np.sqrt(width), "same")
    beat = np.exp(-8 * (np.arange(len(soft)) / SAMPLE_RATE % 0.25))
    return np.repeat((0.15 * soft * beat)[:, None], 2, axis=1).astype(np.float32).clip(-0.9, 0.9)
