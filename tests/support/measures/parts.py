"""A mix taken apart: each play alone, rendered by the engine's own mixer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtc_drift.engine.fades import DECLICK
from rtc_drift.engine.mixer import Mixer, OpenDeck
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.media import SAMPLE_RATE, Audio

_BLOCK = SAMPLE_RATE // 2
"""Samples rendered at once: less than a blocking deck decodes ahead, else it would wait forever."""


@dataclass(frozen=True, slots=True)
class Part:
    """The contribution of one source to a stretch of a mix. Its ends are real ends of the source."""

    audio: Audio
    start: int = 0
    """The sample of the stretch at which `audio` begins, not negative."""
    play: int = 0
    """The play's id."""

    @property
    def end(self) -> int:
        """The sample of the stretch after the last of `audio`."""
        return self.start + len(self.audio)

    def placed(self, count: int) -> Audio:
        """Return the part at its place in a stretch of `count` samples, silent elsewhere: `(count, 2) float32`."""
        audio = np.zeros((count, 2), np.float32)
        audio[self.start : self.end] = self.audio[: max(0, count - self.start)]
        return audio


def parts_of(
    plays: Sequence[Play], open_deck: OpenDeck, first: int, count: int, *, lead: int | None = SAMPLE_RATE
) -> list[Part]:
    """Render each play alone from media time `first` on, for `count` samples, with its fades and levels.

    Plays that don't sound in that window are left out. Decks must give all samples there are (`FileDeck`). Rendering
    begins `lead` samples before the window, so that decoders have settled and the ramp of a deck that is entered in
    its middle is over; with `None` it begins with the play, as on the air.
    """
    parts = []
    for play in plays:
        start, end = max(play.start, first), min(play.end, first + count)
        if start < end:
            parts.append(Part(_alone(play, open_deck, start, end, lead), start - first, play.id))
    return parts


def sources_of(
    plays: Sequence[Play], open_deck: OpenDeck, first: int, count: int, *, lead: int | None = SAMPLE_RATE
) -> list[Part]:
    """Render as `parts_of`, but without the plan's fades and pauses, to the end of the file or of the window.

    A mix can be compared with these: they contain no fault of the plan or of the engine's fades.
    """
    bare = [
        replace(play, fade_in=0, fade_out=None, hush=None, end=max(play.end, first + count) if play.end > first else 0)
        for play in plays
    ]
    sources = parts_of(bare, open_deck, first, count, lead=lead)
    return [replace(part, audio=_without_silent_end(part.audio)) for part in sources]


def _alone(play: Play, open_deck: OpenDeck, start: int, end: int, lead: int | None) -> Audio:
    begin = play.start if lead is None else max(play.start, start - max(lead, DECLICK))
    mixer = Mixer(open_deck)
    try:
        mixer.set_plays([play], begin)
        blocks = [mixer.mix(at, min(_BLOCK, end - at)) for at in range(begin, end, _BLOCK)]
    finally:
        mixer.close()
    return np.concatenate(blocks)[start - begin :]


def _without_silent_end(audio: Audio) -> Audio:
    """Cut the zeros that the mixer gives after the end of the file."""
    sounding = np.flatnonzero(audio.any(axis=1))
    return audio[: sounding[-1] + 1] if len(sounding) else audio[:0]
