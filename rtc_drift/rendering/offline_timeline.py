"""The timeline of a rendering: its media time is the number of samples rendered so far."""

from collections.abc import Sequence

from rtc_drift.engine.mixer import OpenDeck
from rtc_drift.engine.protocol.messages import DeckFailed
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.engine.renderer import MixRenderer
from rtc_drift.media import Audio
from rtc_drift.rendering.file_deck import FileDeck
from rtc_drift.station.playout import HORIZON

STATION = 1
"""Station number in failure messages; a rendering has only one station."""


class OfflineTimeline:
    """A `Timeline` that advances with each call of `render`. It stands at 0 until `running` is set."""

    def __init__(self, open_deck: OpenDeck = FileDeck) -> None:
        """Open decks with `open_deck`; their reads must give all samples there are."""
        self.running = False
        self._mix = MixRenderer(open_deck)
        self._time = 0

    @property
    def horizon(self) -> int:
        """The media time before which plans must not change anything, as on a live station."""
        return self._time + (HORIZON if self.running else 0)

    def now(self) -> int:
        """Return the media time up to which everything is rendered, in samples."""
        return self._time

    def set_plays(self, plays: Sequence[Play]) -> None:
        """Replace all plays."""
        self._mix.mixer.set_plays(plays, self._time)

    def is_ready(self, play_id: int) -> bool:
        """Return True: decks decode when they are read."""
        return True

    def failures(self) -> list[DeckFailed]:
        """Return the decks that have failed since the last call: they have no (more) sound."""
        mixer = self._mix.mixer
        mixer.report(self._time)
        failed = [DeckFailed(STATION, it.play, it.position, it.reason, it.stalled, it.of_lead) for it in mixer.failures]
        mixer.failures.clear()
        mixer.readies.clear()
        return failed

    def render(self, count: int) -> Audio:
        """Render the next `count` samples: `(count, 2) float32`."""
        audio = self._mix.render(self._time, count)
        self._time += count
        return audio

    def close(self) -> None:
        """Close all decks. Idempotent."""
        self._mix.close()
