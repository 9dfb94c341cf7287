"""The engine without a clock and without a socket: messages in, ticks in, messages out."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from rtc_drift.engine import messages as m
from rtc_drift.engine.deck import Deck
from rtc_drift.engine.programme import Block, ProgrammeRenderer, to_s16
from rtc_drift.media import BLOCK_SAMPLES

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Session:
    """A programme that runs, who wants its media, and its block for the coming tick."""

    opened: m.OpenSession
    renderer: ProgrammeRenderer
    wants: m.Subscribe
    waiting: Block | None = None

    def media_time(self, tick: int) -> int:
        return self.opened.anchor_media + (tick - self.opened.anchor_tick) * BLOCK_SAMPLES


class EngineCore:
    """Runs programmes tick by tick. The engine's process drives it by the clock; tests drive it as fast as they like.

    Each tick gives out what the tick before has rendered, so a packet is never late because a block took long.
    With `patient=True` decks wait for their decoders: for rendering faster than real time, never on the air.
    """

    def __init__(self, *, patient: bool = False) -> None:
        self._patient = patient
        self._sessions: dict[int, _Session] = {}

    @property
    def starved_blocks(self) -> int:
        """How often a deck had too little decoded."""
        return sum(session.renderer.mixer.starved_blocks for session in self._sessions.values())

    def handle(self, message: m.ToEngine, tick: int) -> None:
        """Carry out one message, before tick number `tick`."""
        if isinstance(message, m.OpenSession):
            self._open(message)
            return
        session = self._sessions.get(message.session)
        if session is None:
            logger.warning("A %s for session %d, which is not open", type(message).__name__, message.session)
        elif isinstance(message, m.Schedule):
            session.renderer.mixer.schedule(message.plays, session.media_time(tick))
        elif isinstance(message, m.Subscribe):
            session.wants = message
        else:
            session.renderer.close()
            del self._sessions[message.session]

    def due(self, tick: int) -> Iterator[m.ToControl]:
        """What goes out at `tick`: rendered before, where no tick was left out."""
        for session in self._sessions.values():
            block = session.waiting
            if block is None or block.media_time != session.media_time(tick):
                block = session.renderer.render(session.media_time(tick))
            session.waiting = None
            if session.wants.packets:
                yield m.Packet(session.opened.session, block.media_time, block.packet)
            if session.wants.pcm:
                yield m.Pcm(session.opened.session, block.media_time, to_s16(block.audio))

    def prepare(self, tick: int) -> Iterator[m.ToControl]:
        """Render what goes out at `tick`, and tell what became of the decks."""
        for number, session in self._sessions.items():
            session.waiting = session.renderer.render(session.media_time(tick))
            mixer = session.renderer.mixer
            for play in mixer.readies:
                yield m.DeckReady(number, play)
            for play, position, reason in mixer.failures:
                yield m.DeckFailed(number, play, position, reason)
            mixer.readies.clear()
            mixer.failures.clear()

    def close(self) -> None:
        """End all programmes."""
        for session in self._sessions.values():
            session.renderer.close()
        self._sessions.clear()

    def _open(self, message: m.OpenSession) -> None:
        renderer = ProgrammeRenderer(self._open_deck, message.bitrate)
        self._sessions[message.session] = _Session(
            message, renderer, m.Subscribe(message.session, packets=True, pcm=False)
        )

    def _open_deck(self, path: str, start: int) -> Deck:
        return Deck(path, start, patient=self._patient)
