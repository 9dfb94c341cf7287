"""A mix taken apart: what each play alone gives, rendered by the engine's own mixer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtc_drift.engine.fades import DECLICK
from rtc_drift.engine.mixer import Mixer, OpenDeck
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.media import SAMPLE_RATE, Audio

_BLOCK = SAMPLE_RATE // 2
"""Less than a patient deck decodes ahead: it would wait for ever for more at once."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one source contributes to a stretch of a mix. It exists just where `audio` does: its ends are real ends."""

    audio: Audio
    start: int = 0
    """The sample of the stretch at which `audio` begins, not negative."""
    play: int = 0
    """The play's id."""

    @property
    def end(self) -> int:
        return self.start + len(self.audio)

    def placed(self, count: int) -> Audio:
        """As long as the stretch, silent where the part is not: `(count, 2) float32`."""
        audio = np.zeros((count, 2), np.float32)
        audio[self.start : self.end] = self.audio[: max(0, count - self.start)]
        return audio


def parts_of(
    plays: Sequence[Play], open_deck: OpenDeck, first: int, count: int, *, lead: int | None = SAMPLE_RATE
) -> list[Part]:
    """What each play alone gives from media time `first` on, for `count` samples, fades and levels included.

    Plays that don't sound in that window are left out. Decks must be patient (`Deck(…, patient=True)`). Rendering
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
    """As `parts_of`, but without the plan's fades and hushes, and running on to the end of the file or the window.

    What vouches for a mix: no fault of the plan or of the engine's fades is in it.
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
    """Where the file is over, the mixer gives zeros; the part has its end before them."""
    sounding = np.flatnonzero(audio.any(axis=1))
    return audio[: sounding[-1] + 1] if len(sounding) else audio[:0]
