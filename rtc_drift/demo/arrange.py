"""The arranger, from a spec to a score: sections, harmony, and which part plays which note when."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from rtc_drift.demo import melody
from rtc_drift.demo.melody import BAR_STEPS, parse
from rtc_drift.demo.notation import FILL_VOICES, LAYERS, Style
from rtc_drift.demo.specs import TrackSpec
from rtc_drift.demo.styles import STYLES
from rtc_drift.demo.theory import chord, in_octave, voice_lead

_LOWEST_BASS = 30
_CHORD_CENTRE = 60
_SECTION_NAMES = ("intro", "build", "main", "break", "finale", "outro")
_OPENNESS = {"intro": (0.4, 0.6), "build": (0.6, 1.0), "main": (1.0, 1.0), "break": (0.5, 0.9)}
_OPENNESS |= {"finale": (1.0, 1.0), "outro": (0.9, 0.4)}


class Note(NamedTuple):
    """A note or chord of one part. Step and length in sixteenths from the first downbeat."""

    step: float
    length: float
    pitches: tuple[int, ...]
    velocity: float
    openness: float
    """Opening of the filter, 0–1, in few steps so that a rendered sound can be used again."""


class Hit(NamedTuple):
    """A drum hit."""

    step: float
    voice: str
    velocity: float


class Section(NamedTuple):
    """A stretch of whole bars."""

    name: str
    start: int
    bars: int


@dataclass
class Score:
    """All notes and drum hits of a track. Steps are sixteenths."""

    bars: int
    hits: list[Hit] = field(default_factory=list)
    parts: dict[str, list[Note]] = field(default_factory=lambda: defaultdict(list))
    risers: list[tuple[int, int]] = field(default_factory=list)
    """First step and length of each noise riser."""


class _Bar(NamedTuple):
    """One bar, as the functions that write the parts need it."""

    number: int
    layers: frozenset[str]
    openness: float
    pitch_classes: tuple[int, ...]
    voicing: tuple[int, ...]
    next_root: int
    begins_chord: bool
    fill: str


def sections(spec: TrackSpec, bars: int | None = None) -> list[Section]:
    """Return the sections in order; with `bars`, one finale of that length."""
    if bars is not None:
        return [Section("finale", 0, bars)]
    starts = np.cumsum((0, *spec.form[:-1])).tolist()
    return [Section(*row) for row in zip(_SECTION_NAMES, starts, spec.form, strict=True)]


def arrange(spec: TrackSpec, *, bars: int | None = None) -> Score:
    """Write the whole score, with the tonic on the downbeat after the last bar. The spec's seed decides all chance."""
    rng = np.random.default_rng(spec.seed)
    style, plan = STYLES[spec.style], sections(spec, bars)
    harmony = _harmony(spec, style, plan, rng)
    score = Score(sum(section.bars for section in plan))
    tones = melody.compose(style.motifs, spec.parsed_key, harmony, style.lead_centre, rng)
    for bar in _bars(style, plan, harmony, rng):
        _write_drums(score, style, spec.energy, bar, rng)
        _write_bass(score, style, bar)
        _write_chords(score, style, bar, rng)
        if "lead" in bar.layers:
            begin = bar.number * BAR_STEPS
            _write_lead(score, style, bar, [tone for tone in tones if begin <= tone.step < begin + BAR_STEPS])
    if style.risers:
        score.risers = [((s.start + s.bars - 2) * BAR_STEPS, 32) for s in plan if s.name in ("build", "break")]
    _write_ending(score, spec, style, plan[-1].name)
    return score


def _harmony(spec: TrackSpec, style: Style, plan: Sequence[Section], rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Return the pitch classes of each bar, root first. The break has a progression of its own."""
    choices = style.progressions[spec.parsed_key.mode]
    usual, other = (choices[index].split() for index in rng.permutation(len(choices))[:2])
    harmony = []
    for section in plan:
        degrees = other if section.name == "break" else usual
        for bar in range(section.bars):
            degree = int(degrees[bar // style.chord_bars % len(degrees)])
            harmony.append(chord(spec.parsed_key, degree, style.chord_notes))
    return harmony


def _bars(
    style: Style, plan: Sequence[Section], harmony: Sequence[tuple[int, ...]], rng: np.random.Generator
) -> list[_Bar]:
    bars: list[_Bar] = []
    voicing: tuple[int, ...] = ()
    for section in plan:
        low, high = _OPENNESS[section.name]
        for number in range(section.bars):
            index = section.start + number
            begins = number % style.chord_bars == 0
            if begins:
                voicing = voice_lead(harmony[index], voicing, _CHORD_CENTRE)
            openness = low + (high - low) * number / max(1, section.bars - 1)
            last = number == section.bars - 1 or number % 8 == 7
            bars.append(
                _Bar(
                    number=index,
                    layers=_layers(style, section, number),
                    openness=math.ceil(openness * 5) / 5,
                    pitch_classes=harmony[index],
                    voicing=voicing,
                    next_root=harmony[min(index + 1, len(harmony) - 1)][0],
                    begins_chord=begins,
                    fill=str(rng.choice(style.fills)) if last else "",
                )
            )
    return bars


def _layers(style: Style, section: Section, bar: int) -> frozenset[str]:
    """Return the layers that play in a bar. They enter one by one in intro and break, and leave in the outro."""
    everyone = {*LAYERS.values(), *style.patches}
    progress = (bar // 4 + 1) / math.ceil(section.bars / 4)
    if section.name in ("intro", "break"):
        order = style.intro if section.name == "intro" else style.pause
        present = {*order[: max(2, math.ceil(progress * len(order)))]}
    elif section.name == "outro":
        staying = max(2, math.ceil((1 - progress / 2) * len(style.intro)))
        present = {*style.intro[:staying], "bass"}
    else:
        present = everyone - (style.finale if section.name != "finale" else set())
        if section.name == "build":
            present -= {"lead"}
    return frozenset(present)


def _slice(pattern: str, bar: int) -> str:
    start = bar * BAR_STEPS % len(pattern)
    return pattern[start : start + BAR_STEPS]


def _swung(style: Style, step: int) -> float:
    return step + style.swing if step % 2 else float(step)


def _write_drums(score: Score, style: Style, energy: float, bar: _Bar, rng: np.random.Generator) -> None:
    begin = bar.number * BAR_STEPS
    filling = bool(bar.fill) and "snare" in bar.layers
    for voice, pattern in style.drums.items():
        layer = LAYERS.get(voice, "snare")
        if layer not in bar.layers:
            continue
        until = BAR_STEPS // 2 if filling and layer == "snare" else BAR_STEPS
        push = 1.0 if layer in ("kick", "snare") else 0.65 + 0.5 * energy
        for step, _, digit in parse(_slice(pattern, bar.number)[:until]):
            velocity = int(digit) / 9 * push * (1 if voice == "kick" else rng.uniform(0.9, 1.06))
            score.hits.append(Hit(_swung(style, begin + step), voice, velocity))
    if filling:
        for step, _, letter in parse(bar.fill):
            loud = 0.45 + 0.5 * step / 8
            score.hits.append(Hit(_swung(style, begin + BAR_STEPS // 2 + step), FILL_VOICES[letter], loud))
    if bar.number and bar.number % 8 == 0 and {"kick", "snare"} <= bar.layers and energy > 0.45:
        score.hits.append(Hit(begin, "crash", 0.4 + 0.5 * energy))


def _write_bass(score: Score, style: Style, bar: _Bar) -> None:
    if "bass" not in bar.layers:
        return
    root = in_octave(bar.pitch_classes[0], _LOWEST_BASS)
    fifth = in_octave(bar.pitch_classes[2], root)
    pitches = {
        "r": root,
        "o": root + 12,
        "f": fifth,
        "s": in_octave(bar.pitch_classes[3], root) if len(bar.pitch_classes) > 3 else fifth,
        "a": in_octave(bar.next_root, root - 6),
    }
    for step, length, token in parse(_slice(style.bass, bar.number)):
        velocity = 1.0 if step % 8 == 0 else 0.85
        place = _swung(style, bar.number * BAR_STEPS + step)
        score.parts["bass"].append(Note(place, length, (pitches[token],), velocity, bar.openness))


def _write_chords(score: Score, style: Style, bar: _Bar, rng: np.random.Generator) -> None:
    begin = bar.number * BAR_STEPS
    if "chords" in bar.layers and "chords" in style.patches:
        for step, length, _ in parse(_slice(style.comp, bar.number)):
            velocity = (0.95 if step % 4 == 0 else 0.8) * float(rng.uniform(0.92, 1.0))
            note = Note(_swung(style, begin + step), length, bar.voicing, velocity, bar.openness)
            score.parts["chords"].append(note)
    if "pad" in bar.layers and "pad" in style.patches and bar.begins_chord:
        length = style.chord_bars * BAR_STEPS
        score.parts["pad"].append(Note(begin, length, bar.voicing[:4], 0.9, bar.openness))
    if "arp" in bar.layers and "arp" in style.patches:
        for step, _, digit in parse(_slice(style.arp, bar.number)):
            octave, which = divmod(int(digit), len(bar.voicing))
            pitch = bar.voicing[which] + 12 + 12 * octave
            velocity = 0.95 if step % 4 == 0 else 0.75
            score.parts["arp"].append(Note(_swung(style, begin + step), 2, (pitch,), velocity, bar.openness))


def _write_lead(score: Score, style: Style, bar: _Bar, tones: Sequence[melody.Tone]) -> None:
    for tone in tones:
        place = _swung(style, tone.step)
        score.parts["lead"].append(Note(place, tone.length, (tone.pitch,), tone.velocity, bar.openness))


def _write_ending(score: Score, spec: TrackSpec, style: Style, last_section: str) -> None:
    """Write the tonic, held, on the downbeat after the last bar."""
    end, openness = float(score.bars * BAR_STEPS), math.ceil(5 * _OPENNESS[last_section][1]) / 5
    tonic = chord(spec.parsed_key, 1, style.chord_notes)
    beat_steps = round(1.2 * spec.bpm / 15)
    part = "chords" if "chords" in style.patches else "pad"
    score.parts[part].append(Note(end, beat_steps, voice_lead(tonic, (), _CHORD_CENTRE), 1.0, openness))
    score.parts["bass"].append(Note(end, beat_steps, (in_octave(tonic[0], _LOWEST_BASS),), 0.9, openness))
    score.hits.append(Hit(end, "kick", 0.8))
