"""A deck, as the mixer sees it: a file that is read forward from some position, and never waited for."""

from typing import Protocol

from rtc_drift.decoder.ring import Ending
from rtc_drift.media import Audio

__all__ = ["DeckReader", "Ending"]


class DeckReader(Protocol):
    """The part of a deck that the mixer uses."""

    @property
    def ready(self) -> bool:
        """True if its first samples are decoded."""

    @property
    def ending(self) -> Ending | None:
        """End of its sound, or None if it is not known yet."""

    def read(self, position: int, count: int) -> Audio:
        """Read up to `count` samples from `position` on: `(n, 2) float32`, fewer if they are late."""

    def close(self) -> None:
        """Stop decoding. Idempotent."""
