"""Drum and percussion sounds, each rendered once per track: `(n,)` mono, or `(2, n)` stereo for wide sounds."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rtc_drift.demo.effects import Wave, band
from rtc_drift.demo.instruments import panned
from rtc_drift.media import SAMPLE_RATE, samples


@dataclass(frozen=True)
class Kit:
    """The tuning of a drum set. Pitches in hertz, decays in seconds."""

    kick_pitch: float = 50.0
    kick_sweep: float = 180.0
    kick_decay: float = 0.18
    kick_click: float = 0.3
    snare_pitch: float = 190.0
    snare_decay: float = 0.12
    snare_wires: float = 0.7
    """Share of noise in the snare, 0–1."""
    hat_low: float = 7000.0
    hat_decay: float = 0.03


KITS: dict[str, Kit] = {
    "felt": Kit(54, 90, 0.16, 0.08, 180, 0.1, 0.5, 5000, 0.035),
    "dusty": Kit(56, 120, 0.14, 0.25, 200, 0.11, 0.65, 5200, 0.028),
    "dub": Kit(48, 100, 0.2, 0.12, 240, 0.09, 0.5, 6500, 0.03),
    "live": Kit(60, 130, 0.11, 0.5, 205, 0.13, 0.75, 6800, 0.03),
    "house": Kit(50, 190, 0.2, 0.35, 190, 0.12, 0.8, 7500, 0.03),
    "hard": Kit(46, 260, 0.24, 0.6, 180, 0.1, 0.85, 8500, 0.025),
    "retro": Kit(52, 170, 0.17, 0.4, 170, 0.22, 0.8, 7000, 0.04),
    "break": Kit(58, 190, 0.1, 0.6, 215, 0.14, 0.75, 7500, 0.025),
}

PAN = {"hat": 0.25, "open": 0.25, "ride": -0.35, "shaker": -0.45, "rim": -0.2, "conga": -0.4, "conga2": 0.4}
PAN |= {"tom": 0.35, "tom2": -0.35, "tambourine": 0.5}

LEVEL = {"kick": 1.0, "snare": 0.55, "clap": 0.5, "rim": 0.3, "hat": 0.26, "open": 0.24, "ride": 0.16}
LEVEL |= {"shaker": 0.2, "conga": 0.28, "conga2": 0.28, "tom": 0.5, "tom2": 0.5, "crash": 0.3, "tambourine": 0.18}


def drum(voice: str, kit: Kit, brightness: float, rng: np.random.Generator) -> Wave:
    """Render one hit at full velocity, `(2, n)`, at its level in the kit. Brightness 0–1 raises the cymbals."""
    sound = _SOUNDS[voice](kit, rng)
    if sound.ndim == 1:
        sound = panned(sound, PAN.get(voice, 0.0))
    metal = voice in {"hat", "open", "ride", "shaker", "crash", "tambourine"}
    level = LEVEL[voice] * (10 ** ((brightness - 0.5) * 14 / 20) if metal else 1.0)
    if voice != "kick":
        sound = band(sound, 60, 3500 + 13_000 * brightness, 1)
        fade = min(64, sound.shape[1])
        sound[:, :fade] *= np.linspace(0, 1, fade, dtype=np.float32)
    return (sound * np.float32(level)).astype(np.float32)


def riser(seconds: float, brightness: float, rng: np.random.Generator) -> Wave:
    """Render noise that rises in level and pitch over `seconds`, `(2, n)`."""
    time = _time(seconds) / np.float32(seconds)
    noise = rng.standard_normal((2, time.size), dtype=np.float32)
    top = 4000 + 9000 * brightness
    dark, bright = band(noise, 300, 900, 1), band(noise, 1500, top, 1)
    swell: Wave = 0.25 * np.square(time) * (dark * (1 - time) + bright * time)
    swell[:, -480:] *= np.linspace(1, 0, 480, dtype=np.float32)
    return swell


def crackle(seconds: float, rng: np.random.Generator) -> Wave:
    """Render the surface noise of an old record, `(2, n)`: rare clicks and a little hiss."""
    length = samples(seconds)
    dust = rng.standard_normal((2, length), dtype=np.float32) * (rng.random((2, length), np.float32) < 0.0003)
    hiss = rng.standard_normal((2, length), dtype=np.float32)
    return band(0.25 * dust + 0.004 * hiss, 700, 5000)


def _time(seconds: float) -> Wave:
    return np.arange(samples(seconds), dtype=np.float32) / np.float32(SAMPLE_RATE)


def _tone(seconds: float, pitch: float, sweep: float, sweep_decay: float, decay: float) -> Wave:
    """Render a sine whose frequency falls from pitch + sweep to pitch, in hertz."""
    time = _time(seconds)
    fall = sweep * sweep_decay * (1 - np.exp(-time / sweep_decay))
    wave = np.sin(np.float32(2 * math.pi) * (pitch * time + fall)) * np.exp(-time / np.float32(decay))
    wave *= np.clip((seconds - time) / 0.02, 0, 1)
    return np.asarray(wave, np.float32)


def _noise(seconds: float, low: float, high: float, decay: float, rng: np.random.Generator, channels: int = 1) -> Wave:
    time = _time(seconds)
    noise = band(rng.standard_normal((channels, time.size), dtype=np.float32), low, high)
    noise *= np.exp(-time / np.float32(decay)) * np.clip((seconds - time) / np.float32(0.01), 0, 1)
    return noise if channels == 2 else noise[0]


def _kick(kit: Kit, rng: np.random.Generator) -> Wave:
    body: Wave = np.tanh(1.6 * _tone(4 * kit.kick_decay, kit.kick_pitch, kit.kick_sweep, 0.028, kit.kick_decay))
    click = kit.kick_click * _noise(0.02, 1500, 6000, 0.004, rng)
    body[: click.size] += click
    body[:24] *= np.linspace(0, 1, 24, dtype=np.float32)
    return body


def _snare(kit: Kit, rng: np.random.Generator) -> Wave:
    seconds = 5 * kit.snare_decay
    wires = _noise(seconds, 900, 9000, kit.snare_decay, rng, channels=2)
    shell = _tone(seconds, kit.snare_pitch, 60, 0.02, 0.07)
    return np.asarray(kit.snare_wires * wires + (0.6 - 0.24 * kit.snare_wires) * shell, np.float32)


def _clap(kit: Kit, rng: np.random.Generator) -> Wave:
    clap = 0.9 * _noise(0.3, 900, 5500, 0.075, rng, channels=2)
    time = _time(0.3)
    bursts = sum(np.exp(-np.abs(time - start) / 0.004) for start in (0.002, 0.012, 0.022)) + (time > 0.028)
    return np.asarray(clap * np.minimum(1.0, bursts), np.float32)


def _rim(kit: Kit, rng: np.random.Generator) -> Wave:
    return _tone(0.08, 1650, 200, 0.005, 0.012) + 0.7 * _tone(0.08, 480, 0, 0.01, 0.02)


def _conga(pitch: float) -> Wave:
    return _tone(0.4, pitch, pitch * 0.2, 0.02, 0.09)


def _tom(pitch: float) -> Wave:
    return _tone(0.6, pitch, pitch * 0.7, 0.05, 0.15)


def _ride(kit: Kit, rng: np.random.Generator) -> Wave:
    partials = sum(_tone(0.5, pitch, 0, 0.1, 0.12) for pitch in (3140.0, 4270.0, 5330.0, 6710.0, 7930.0))
    return np.asarray(0.06 * partials + 0.7 * _noise(0.5, 6000, 14_000, 0.12, rng), np.float32)


def _shaker(kit: Kit, rng: np.random.Generator) -> Wave:
    return np.asarray(_noise(0.12, 5000, 11_000, 0.04, rng) * np.clip(_time(0.12) / 0.015, 0, 1), np.float32)


_SOUNDS: dict[str, Callable[[Kit, np.random.Generator], Wave]] = {
    "kick": _kick,
    "snare": _snare,
    "clap": _clap,
    "rim": _rim,
    "hat": lambda kit, rng: _noise(5 * kit.hat_decay, kit.hat_low, 15_000, kit.hat_decay, rng),
    "open": lambda kit, rng: _noise(0.35, kit.hat_low, 15_000, 0.1, rng),
    "ride": _ride,
    "crash": lambda kit, rng: _noise(2.2, 3500, 13_000, 0.5, rng, channels=2),
    "shaker": _shaker,
    "tambourine": lambda kit, rng: _noise(0.18, 7000, 14_000, 0.05, rng),
    "conga": lambda kit, rng: _conga(290),
    "conga2": lambda kit, rng: _conga(205),
    "tom": lambda kit, rng: _tom(150),
    "tom2": lambda kit, rng: _tom(100),
}
