"""The synthesiser, from a score to sound: each part becomes a stem at its level; echo and reverb are added."""

from collections.abc import Iterator

import numpy as np

from rtc_drift.demo import drums, effects
from rtc_drift.demo import instruments as synth
from rtc_drift.demo.arrange import Note, Score, arrange
from rtc_drift.demo.effects import Wave
from rtc_drift.demo.ground_truth import duration_samples, step_samples
from rtc_drift.demo.specs import TrackSpec
from rtc_drift.demo.styles import STYLES
from rtc_drift.media import SAMPLE_RATE, Audio, amplitude

_CEILING = 0.92
_FADE_SECONDS = 1.6
_DUCKED = {"bass": 0.8, "chords": 1.0, "pad": 1.0, "arp": 0.8}
"""Parts that the kick ducks, with each one's share of the style's depth."""


def render(spec: TrackSpec, *, bars: int | None = None) -> Audio:
    """Render a track as `(n, 2) float32` at 48 kHz, peaks below 0.97.

    With `bars`, render that many bars of the fullest section instead of the whole arrangement.
    """
    score, length = arrange(spec, bars=bars), duration_samples(spec, bars=bars)
    style = STYLES[spec.style]
    mix = np.zeros((2, length), np.float32)
    room, echo = np.zeros(length // 2, np.float32), np.zeros(length // 2, np.float32)
    for part, stem in stems(spec, score, length):
        mix += stem
        wet = effects.to_wet(stem)
        room += np.float32(style.send(part)) * wet
        if style.echo(part):
            echo += np.float32(style.echo(part)) * wet
    delay = round(step_samples(spec, style.echo_steps) - step_samples(spec, 0)) // 2
    echoes = effects.ping_pong(echo, delay, feedback=0.5)
    room += 0.2 * (echoes[0] + echoes[1])
    response = effects.impulse_response(style.reverb_seconds, spec.brightness, _generator(spec, "room"))
    effects.add_wet(mix, echoes + effects.convolve(room, response))
    _master(mix, spec.lufs)
    return np.ascontiguousarray(mix.T)


def stems(spec: TrackSpec, score: Score, length: int) -> Iterator[tuple[str, Wave]]:
    """Yield each part's name and its dry sound at its level, `(2, length)`. The next part reuses the array."""
    style = STYLES[spec.style]
    kicks = sorted({step_samples(spec, hit.step) for hit in score.hits if hit.voice == "kick"})
    recovery = min(step_samples(spec, 4), SAMPLE_RATE // 2)
    stem = np.zeros((2, length), np.float32)
    for part in ("drums", *style.patches):
        stem.fill(0)
        if part == "drums":
            _place_drums(stem, spec, score)
        else:
            _place_notes(stem, spec, part, score.parts[part])
        level = effects.active_rms(stem)
        if level == 0:
            continue
        stem *= np.float32(amplitude(style.level(part)) / level)
        if part == "drums":
            _place_noises(stem, spec, score)
        if style.ducking and part in _DUCKED:
            effects.duck(stem, kicks, style.ducking * _DUCKED[part], recovery)
        yield part, stem


def _generator(spec: TrackSpec, *names: object) -> np.random.Generator:
    """Return a random generator for one sound, so that it doesn't depend on which sounds were rendered before."""
    return np.random.default_rng([spec.seed, *"/".join(map(str, names)).encode()])


def _add(stem: Wave, start: int, sound: Wave, gain: float) -> None:
    room = stem.shape[1] - start
    if room > 0:
        stem[:, start : start + sound.shape[1]] += np.float32(gain) * sound[:, :room]


def _place_drums(stem: Wave, spec: TrackSpec, score: Score) -> None:
    kit = drums.KITS[STYLES[spec.style].kit]
    sounds: dict[str, Wave] = {}
    for hit in score.hits:
        if hit.voice not in sounds:
            sounds[hit.voice] = drums.drum(hit.voice, kit, spec.brightness, _generator(spec, hit.voice))
        _add(stem, step_samples(spec, hit.step), sounds[hit.voice], hit.velocity)


def _place_noises(stem: Wave, spec: TrackSpec, score: Score) -> None:
    for step, steps in score.risers:
        start = step_samples(spec, step)
        seconds = (step_samples(spec, step + steps) - start) / SAMPLE_RATE
        _add(stem, start, drums.riser(seconds, spec.brightness, _generator(spec, "riser")), 1.0)
    if STYLES[spec.style].crackle:
        loop = drums.crackle(6.0, _generator(spec, "crackle"))
        for start in range(0, stem.shape[1], loop.shape[1]):
            _add(stem, start, loop, 1.0)


def _place_notes(stem: Wave, spec: TrackSpec, part: str, notes: list[Note]) -> None:
    patch = synth.PATCHES[STYLES[spec.style].patches[part]]
    sounds: dict[object, Wave] = {}
    for note in notes:
        sound_of = (note.pitches, note.length, note.openness)
        if sound_of not in sounds:
            held = (step_samples(spec, note.length) - step_samples(spec, 0)) / SAMPLE_RATE
            rng = _generator(spec, part, *sound_of)
            sounds[sound_of] = synth.play(patch, note.pitches, held, spec.brightness, note.openness, rng)
        _add(stem, step_samples(spec, note.step), sounds[sound_of], note.velocity)


def _master(mix: Wave, lufs: float) -> None:
    """Bring the mix to its loudness below the ceiling and fade out the ending, in place."""
    mix *= np.float32(amplitude(lufs - effects.loudness(mix)))
    effects.soft_clip(mix, _CEILING)
    fade = int(_FADE_SECONDS * SAMPLE_RATE)
    mix[:, -fade:] *= np.square(np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)))
