"""A blind test: one transition of two tracks twice, as planned and as a plain crossfade of 6 s, in random order."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rtc_drift.engine.fades import ramp
from rtc_drift.engine.renderer import MixRenderer
from rtc_drift.media import SAMPLE_RATE, Audio, samples
from rtc_drift.mixing.model import Transition
from rtc_drift.rendering.file_deck import FileDeck
from rtc_drift.station.entry import Entry

AROUND = samples(20.0)
"""Samples of each track that are heard before and after a transition."""
PAUSE = samples(1.5)
"""Silence between both versions."""
_EDGE = samples(0.5)
"""Fade at the beginning and the end of a version."""
_AT_ONCE = SAMPLE_RATE // 2
"""Samples rendered in one go."""
_SETTLING = SAMPLE_RATE
"""Samples rendered before a version begins: a deck that starts in the middle of a file fades in."""
Version = Literal["planned", "crossfade"]
Pair = tuple[Entry, Entry]
"""The entries of the outgoing and of the incoming track."""
Versions = list[tuple[Version, Pair]]
"""Both versions, in the order in which they are heard."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One version, and where it is in the file, in samples."""

    version: Version
    starts_at: int
    transition_at: int
    """Start of the transition."""
    transition: Transition


def shuffled(planned: Pair, crossfade: Pair, seed: int) -> Versions:
    """Return both versions in an order that follows from a seed alone."""
    versions: Versions = [("planned", planned), ("crossfade", crossfade)]
    random.Random(seed).shuffle(versions)
    return versions


def key_of(versions: Versions) -> list[Heard]:
    """Return which version is where in the file."""
    heard, at = list[Heard](), 0
    for version, entries in versions:
        begin, end, leaves = _span(entries)
        heard.append(Heard(version, at, at + leaves - begin, entries[1].transition))
        at += end - begin + PAUSE
    return heard


def render_versions(versions: Versions) -> Iterator[Audio]:
    """Yield the audio of both versions with a pause between them, in blocks of `(n, 2) float32`."""
    for number, (_, entries) in enumerate(versions):
        if number:
            yield np.zeros((PAUSE, 2), np.float32)
        yield _rendered(entries)


def _rendered(entries: Pair) -> Audio:
    begin, end, _ = _span(entries)
    first = max(entries[0].play.start, begin - _SETTLING)
    renderer = MixRenderer(FileDeck)
    try:
        renderer.mixer.set_plays([entry.play for entry in entries], first)
        blocks = [renderer.render(at, min(_AT_ONCE, end - at)) for at in range(first, end, _AT_ONCE)]
    finally:
        renderer.close()
    audio = np.concatenate(blocks)[begin - first :]
    audio[:_EDGE] *= ramp(0, _EDGE, _EDGE)
    audio[-_EDGE:] *= ramp(_EDGE, _EDGE, _EDGE, step=-1)
    return audio


def _span(entries: Pair) -> tuple[int, int, int]:
    """Return the media times at which a version begins and ends, and at which its transition starts."""
    outgoing, incoming = entries
    leaves = incoming.play.start - incoming.transition.delay
    ends = max(outgoing.play.end, incoming.play.start + incoming.play.fade_in)
    return max(outgoing.play.start, leaves - AROUND), min(ends + AROUND, incoming.play.end), leaves
