"""The time of a rendering: it goes on as far as was rendered."""

from collections.abc import Sequence

from rtc_drift.engine.deck import Deck
from rtc_drift.engine.mixer import OpenDeck
from rtc_drift.engine.protocol.messages import DeckFailed
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.engine.renderer import MixRenderer
from rtc_drift.media import Audio
from rtc_drift.station.playout import HORIZON

SESSION = 1
"""The number under which failures are told."""


def patient_deck(path: str, start: int) -> Deck:
    """A deck that is waited for."""
    return Deck(path, start, patient=True)


class OfflineTimeline:
    """A `Timeline` whose media time is what has been rendered so far. Like a mixer's it stands at 0 until it runs."""

    def __init__(self, open_deck: OpenDeck = patient_deck) -> None:
        """Decks that `open_deck` gives have to be patient."""
        self.running = False
        self._mix = MixRenderer(open_deck)
        self._time = 0

    @property
    def horizon(self) -> int:
        """Plans leave alone what comes before this media time, as they do on the air."""
        return self._time + (HORIZON if self.running else 0)

    def now(self) -> int:
        """The media time up to which it is rendered, in samples."""
        return self._time

    def set_plays(self, plays: Sequence[Play]) -> None:
        """Everything that is to be heard, replacing what was said before."""
        self._mix.mixer.set_plays(plays, self._time)

    def is_ready(self, play_id: int) -> bool:
        """Decks are waited for."""
        return True

    def failures(self) -> list[DeckFailed]:
        """Which decks have found out, since the last time, that they have no (more) sound to give."""
        mixer = self._mix.mixer
        mixer.report(self._time)
        failed = [DeckFailed(SESSION, it.play, it.position, it.reason, it.stalled, it.of_lead) for it in mixer.failures]
        mixer.failures.clear()
        mixer.readies.clear()
        return failed

    def render(self, count: int) -> Audio:
        """The next `count` samples: `(count, 2) float32`."""
        audio = self._mix.render(self._time, count)
        self._time += count
        return audio

    def close(self) -> None:
        """Let all decks go. Idempotent."""
        self._mix.close()
