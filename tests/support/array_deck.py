"""A deck whose file is an array."""

from rtc_drift.engine.deck import Ending
from rtc_drift.media import Audio


class ArrayDeck:
    """A deck that has decoded all of an array. Tests may change every attribute, as a decoder would."""

    def __init__(self, audio: Audio, ending: Ending | None = None) -> None:
        self.audio = audio
        self.available = len(audio)
        """Number of samples decoded so far."""
        self.ending = ending
        self.ready = True
        self.closed = False

    def read(self, position: int, count: int) -> Audio:
        """Return up to `count` samples from `position` on, as far as they are decoded."""
        assert position >= 0
        return self.audio[position : min(position + count, self.available)].copy()

    def close(self) -> None:
        """Note that the deck is closed."""
        self.closed = True
