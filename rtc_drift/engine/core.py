"""The engine without a clock and without a socket: messages in, ticks in, messages out."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from rtc_drift.engine.deck import Deck
from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import RENDER_AHEAD
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.engine.renderer import Block, PacketRenderer, to_s16
from rtc_drift.media import BLOCK_SAMPLES

logger = logging.getLogger(__name__)


IDLE_STEP = 25
"""Ticks between two looks around, half a second, while every programme stands."""

GROUP = 2 * RENDER_AHEAD
"""Packets handed over at once, 160 ms, to those who are not in a hurry."""


OnAir: TypeAlias = Callable[[int, int, int, bytes], None]
"""Told of each packet at its tick: station, tick, media time, packet."""


class _Station:
    """A programme, who wants its media, and the blocks that are rendered and not told yet."""

    def __init__(self, opened: m.OpenStation, renderer: PacketRenderer, on_air: OnAir) -> None:
        self.opened = opened
        self._on_air = on_air
        self.renderer = renderer
        self.plays: tuple[Play, ...] = ()
        self.restarts = 0
        self.runs = False
        """Whether its media time advances."""
        self.is_hurried = False
        """Whether somebody wants each block at its time."""
        self._wants = m.Subscribe(opened.station)
        self._clock = m.SetClock(opened.station, 0, None)
        self._rendered_up_to = 0
        self._untold: deque[Block] = deque()
        self._awaited = set[int]()

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for it: for each block at its time, or for its decks, to let it run."""
        return self.is_hurried if self.runs else bool(self._awaited)

    def media_time(self, tick: int) -> int:
        elapsed = 0 if self._clock.tick is None else tick - self._clock.tick
        return self._clock.media_time + elapsed * BLOCK_SAMPLES

    def set_clock(self, clock: m.SetClock) -> None:
        """Run, stand, or go on elsewhere. What was rendered for another time is dropped."""
        self._clock = clock
        self.runs = clock.tick is not None
        self._rendered_up_to = clock.media_time
        self._untold.clear()

    def subscribe(self, wants: m.Subscribe) -> None:
        """What is wanted from now on."""
        self._wants = wants
        self.is_hurried = wants.pcm or wants.direct or (wants.packets and not wants.early)

    def set_plays(self, plays: tuple[Play, ...], tick: int) -> None:
        """Replace the plays. The decks of those that are due are awaited until they have something or have failed."""
        now, known = self.media_time(tick), {play.id for play in self.plays}
        self.plays = plays
        self._awaited &= {play.id for play in plays}
        self._awaited |= {play.id for play in plays if play.id not in known and play.start <= now < play.end}
        self.renderer.mixer.set_plays(plays, now)

    def due(self, tick: int) -> Sequence[m.ToControl]:
        """What is told at `tick`; its block is rendered now, should that not have happened before."""
        if not self.runs:
            return ()
        media_time = self.media_time(tick)
        if self._rendered_up_to <= media_time:
            if self._rendered_up_to < media_time:
                # Ticks were left out: what waited for them is too late for anybody.
                self._untold.clear()
            self._render(media_time, 1)
        if self._wants.packets and not self.is_hurried:
            return ()
        told: list[m.ToControl] = []
        while self._untold and self._untold[0].media_time <= media_time:
            block = self._untold.popleft()
            if self._wants.direct and block.media_time == media_time:
                self._on_air(self.opened.station, tick, media_time, block.packet)
            self._tell(block, told)
        return told

    def prepare(self, tick: int, step: int) -> Sequence[m.ToControl]:
        """Render ahead from `tick` on, at this station's turn, or when less is left than the next `step` ticks need.

        Gives what became of the decks, and what those get who are not in a hurry.
        """
        told: list[m.ToControl] = []
        first = self.media_time(tick)
        if self.runs:
            start = max(first, self._rendered_up_to)
            ahead = (start - first) // BLOCK_SAMPLES
            is_turn = (tick + self.opened.station) % RENDER_AHEAD == 0
            if ahead < step or (is_turn and ahead < RENDER_AHEAD):
                self._render(start, RENDER_AHEAD - ahead)
            if self._wants.packets and not self.is_hurried and len(self._untold) >= GROUP:
                while self._untold:
                    self._tell(self._untold.popleft(), told)
        else:
            self.renderer.mixer.report(first)
        if self.renderer.mixer.readies or self.renderer.mixer.failures:
            self._tell_of_decks(told)
        return told

    def _render(self, media_time: int, count: int) -> None:
        self._untold.extend(self.renderer.render(media_time, count))
        self._rendered_up_to = media_time + count * BLOCK_SAMPLES

    def _tell(self, block: Block, told: list[m.ToControl]) -> None:
        if self._wants.packets:
            told.append(m.Packet(self.opened.station, block.media_time, block.packet))
        if self._wants.pcm:
            told.append(m.Pcm(self.opened.station, block.media_time, to_s16(block.audio)))

    def _tell_of_decks(self, told: list[m.ToControl]) -> None:
        number, mixer = self.opened.station, self.renderer.mixer
        told += (m.DeckReady(number, play) for play in mixer.readies)
        told += (m.DeckFailed(number, it.play, it.position, it.reason, it.stalled, it.of_lead) for it in mixer.failures)
        self._awaited.difference_update(mixer.readies, (failure.play for failure in mixer.failures))
        mixer.readies.clear()
        mixer.failures.clear()


class EngineCore:
    """Runs programmes tick by tick. The engine's process drives it by the clock; tests drive it as fast as they like.

    Each tick gives out what earlier ones have rendered, so a packet is never late because a block took long.
    With `patient=True` decks wait for their decoders: for rendering faster than real time, never on the air.
    """

    def __init__(self, on_air: OnAir = lambda *_: None, *, patient: bool = False) -> None:
        self._on_air = on_air
        self._patient = patient
        self._stations: dict[int, _Station] = {}

    @property
    def starved_blocks(self) -> int:
        """How often a deck had too little decoded."""
        missing = sum(station.renderer.mixer.starved_samples for station in self._stations.values())
        return missing // BLOCK_SAMPLES

    @property
    def step(self) -> int:
        """How many ticks the next one may be away: 1 when anybody waits for something, more when nobody does."""
        if any(station.is_awaited for station in self._stations.values()):
            return 1
        return RENDER_AHEAD if any(station.runs for station in self._stations.values()) else IDLE_STEP

    def handle(self, message: m.ToCore, tick: int) -> None:
        """Carry out one message, before tick number `tick`."""
        station = self._stations.get(message.station)
        if isinstance(message, m.OpenStation):
            if station is None:
                self._stations[message.station] = _Station(message, self._new_renderer(message), self._on_air)
        elif station is None:
            logger.warning("A %s for station %d, which is not open", type(message).__name__, message.station)
        elif isinstance(message, m.SetClock):
            station.set_clock(message)
        elif isinstance(message, m.SetPlays):
            try:
                station.set_plays(message.plays, tick)
            except Exception:
                self._begin_anew(station, tick)
        elif isinstance(message, m.Subscribe):
            station.subscribe(message)
        else:
            station.renderer.close()
            del self._stations[message.station]

    def due(self, tick: int) -> list[m.ToControl]:
        """What goes out at `tick`: rendered before, where no tick was left out."""
        told: list[m.ToControl] = []
        for station in self._stations.values():
            try:
                told += station.due(tick)
            except Exception:
                self._begin_anew(station, tick)
        return told

    def prepare(self, tick: int, step: int = 1) -> list[m.ToControl]:
        """Render what goes out from `tick` on, at least `step` blocks of it, and tell what became of the decks."""
        told: list[m.ToControl] = []
        for station in self._stations.values():
            try:
                told += station.prepare(tick, step)
            except Exception:
                self._begin_anew(station, tick)
        return told

    def close(self) -> None:
        """End all programmes."""
        for station in self._stations.values():
            station.renderer.close()
        self._stations.clear()

    def _begin_anew(self, station: _Station, tick: int) -> None:
        """A programme that fails goes on where it would be by now; the others do not notice."""
        station.restarts += 1
        if station.restarts == 1:
            logger.exception("Session %d failed and is begun anew", station.opened.station)
        station.renderer.close()
        station.renderer = self._new_renderer(station.opened)
        with suppress(Exception):
            station.renderer.mixer.set_plays(station.plays, station.media_time(tick))

    def _new_renderer(self, opened: m.OpenStation) -> PacketRenderer:
        return PacketRenderer(self._open_deck, opened.bitrate)

    def _open_deck(self, path: str, start: int) -> Deck:
        return Deck(path, start, patient=self._patient)
