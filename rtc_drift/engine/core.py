"""The engine without clock and socket: messages and ticks in, messages out."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from rtc_drift.engine.mixer import OpenDeck
from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import RENDER_AHEAD
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.engine.renderer import Block, BlockRenderer, to_s16
from rtc_drift.media import BLOCK_SAMPLES

logger = logging.getLogger(__name__)

IDLE_STEP = 50
"""Ticks between two wake-ups (a second) while no station's media time runs."""

GROUP = 2 * RENDER_AHEAD
"""Blocks (160 ms) sent to control at once while all readers are patient."""


SendPacket: TypeAlias = Callable[[int, int, int, bytes], None]
"""Sends a packet to the engine's listeners at its tick: station, tick, media time, packet."""


class _Station:
    """A station in the engine: its renderer, plays and subscription, and rendered blocks that wait for their tick."""

    def __init__(self, opened: m.OpenStation, renderer: BlockRenderer, send_packet: SendPacket) -> None:
        self.opened = opened
        self._send_packet = send_packet
        self.renderer = renderer
        self.plays: tuple[Play, ...] = ()
        self.restarts = 0
        self.runs = False
        """True while its media time advances."""
        self.is_hurried = False
        """True if each block is needed at its tick."""
        self._subscription = m.Subscribe(opened.station)
        self._clock = m.SetClock(opened.station, 0, None)
        self._rendered_up_to = 0
        self._waiting: deque[Block] = deque()
        """Rendered blocks that were not sent yet."""
        self._awaited_plays = set[int]()
        """Plays that are due, and whose decks neither have sound nor have failed."""

    @property
    def needs_every_tick(self) -> bool:
        """True if each block is needed at its tick or, before media time runs, if decks are awaited."""
        return self.is_hurried if self.runs else bool(self._awaited_plays)

    @property
    def _feeds_control(self) -> bool:
        """True if control needs its media."""
        return self._subscription.packets or self._subscription.pcm

    def media_time(self, tick: int) -> int:
        """Return the media time at `tick`, in samples."""
        elapsed = 0 if self._clock.tick is None else tick - self._clock.tick
        return self._clock.media_time + elapsed * BLOCK_SAMPLES

    def set_clock(self, clock: m.SetClock) -> None:
        """Start or stop media time, or set it. Drop the blocks that were rendered before."""
        self._clock = clock
        self.runs = clock.tick is not None
        self._rendered_up_to = clock.media_time
        self._waiting.clear()

    def subscribe(self, subscription: m.Subscribe) -> None:
        """Set which media is needed from now on."""
        self._subscription = subscription
        self.is_hurried = subscription.rtp or (self._feeds_control and not subscription.grouped)

    def set_plays(self, plays: tuple[Play, ...], tick: int) -> None:
        """Replace the plays. Decks of new plays that are due are awaited until they have sound or have failed."""
        now, known = self.media_time(tick), {play.id for play in self.plays}
        self.plays = plays
        self._awaited_plays &= {play.id for play in plays}
        self._awaited_plays |= {play.id for play in plays if play.id not in known and play.start <= now < play.end}
        self.renderer.mixer.set_plays(plays, now)

    def run_tick(self, tick: int) -> Sequence[m.ToControl]:
        """Send the tick's packet to listeners, and return the messages that are due at `tick`.

        Its block is rendered now if it was not rendered ahead.
        """
        if not self.runs:
            return ()
        media_time = self.media_time(tick)
        if self._rendered_up_to <= media_time:
            if self._rendered_up_to < media_time:
                # Ticks were left out, and their blocks are too late.
                self._waiting.clear()
            self._render(media_time, 1)
        if self._feeds_control and not self.is_hurried:
            return ()
        messages: list[m.ToControl] = []
        while self._waiting and self._waiting[0].media_time <= media_time:
            block = self._waiting.popleft()
            if self._subscription.rtp and block.media_time == media_time:
                self._send_packet(self.opened.station, tick, media_time, block.packet)
            self._append_media(block, messages)
        return messages

    def render_ahead(self, tick: int, step: int) -> Sequence[m.ToControl]:
        """Render from `tick` on, if it is this station's turn or if less is ready than the next `step` ticks need.

        Return the reports of its decks, and the media of patient readers once a group of blocks is ready.
        """
        messages: list[m.ToControl] = []
        first = self.media_time(tick)
        if self.runs:
            start = max(first, self._rendered_up_to)
            ahead = (start - first) // BLOCK_SAMPLES
            is_turn = (tick + self.opened.station) % RENDER_AHEAD == 0
            if ahead < step or (is_turn and ahead < RENDER_AHEAD):
                self._render(start, RENDER_AHEAD - ahead)
            if self._feeds_control and not self.is_hurried and len(self._waiting) >= GROUP:
                while self._waiting:
                    self._append_media(self._waiting.popleft(), messages)
        else:
            self.renderer.mixer.report(first)
        if self.renderer.mixer.readies or self.renderer.mixer.failures:
            self._append_deck_reports(messages)
        return messages

    def _render(self, media_time: int, count: int) -> None:
        self._waiting.extend(self.renderer.render(media_time, count))
        self._rendered_up_to = media_time + count * BLOCK_SAMPLES

    def _append_media(self, block: Block, messages: list[m.ToControl]) -> None:
        if self._subscription.packets:
            messages.append(m.Packet(self.opened.station, block.media_time, block.packet))
        if self._subscription.pcm:
            messages.append(m.Pcm(self.opened.station, block.media_time, to_s16(block.audio)))

    def _append_deck_reports(self, messages: list[m.ToControl]) -> None:
        station, mixer = self.opened.station, self.renderer.mixer
        messages += (m.DeckReady(station, play) for play in mixer.readies)
        messages += [
            m.DeckFailed(station, it.play, it.position, it.reason, it.stalled, it.of_lead) for it in mixer.failures
        ]
        self._awaited_plays.difference_update(mixer.readies, (failure.play for failure in mixer.failures))
        mixer.readies.clear()
        mixer.failures.clear()


class EngineCore:
    """All stations of an engine, run tick by tick: by the clock in the engine process, as fast as possible in tests.

    A tick sends what earlier ones have rendered, so no packet is late because its block took long to render.
    """

    def __init__(self, open_deck: OpenDeck, send_packet: SendPacket = lambda *_: None) -> None:
        self._open_deck = open_deck
        self._send_packet = send_packet
        self._stations: dict[int, _Station] = {}

    @property
    def starved_blocks(self) -> int:
        """Number of blocks for which decks had too little decoded."""
        missing = sum(station.renderer.mixer.starved_samples for station in self._stations.values())
        return missing // BLOCK_SAMPLES

    @property
    def step(self) -> int:
        """Number of ticks to the next one that must run: 1 if any station needs every tick, more if none does."""
        if any(station.needs_every_tick for station in self._stations.values()):
            return 1
        return RENDER_AHEAD if any(station.runs for station in self._stations.values()) else IDLE_STEP

    def handle(self, message: m.ToCore, tick: int) -> None:
        """Carry out one message, before tick number `tick`."""
        station = self._stations.get(message.station)
        if isinstance(message, m.OpenStation):
            if station is None:
                self._stations[message.station] = _Station(message, self._new_renderer(message), self._send_packet)
        elif station is None:
            logger.warning("Ignored a %s for station %d, which is not open", type(message).__name__, message.station)
        elif isinstance(message, m.SetClock):
            station.set_clock(message)
        elif isinstance(message, m.SetPlays):
            try:
                station.set_plays(message.plays, tick)
            except Exception:
                self._restart(station, tick)
        elif isinstance(message, m.Subscribe):
            station.subscribe(message)
        else:
            station.renderer.close()
            del self._stations[message.station]

    def run_tick(self, tick: int) -> list[m.ToControl]:
        """Send the packets of `tick` to listeners, and return the messages to control that are due."""
        messages: list[m.ToControl] = []
        for station in self._stations.values():
            try:
                messages += station.run_tick(tick)
            except Exception:
                self._restart(station, tick)
        return messages

    def render_ahead(self, tick: int, step: int = 1) -> list[m.ToControl]:
        """Render what is due from `tick` on, at least `step` blocks of it. Return messages to control."""
        messages: list[m.ToControl] = []
        for station in self._stations.values():
            try:
                messages += station.render_ahead(tick, step)
            except Exception:
                self._restart(station, tick)
        return messages

    def close(self) -> None:
        """Close all stations."""
        for station in self._stations.values():
            station.renderer.close()
        self._stations.clear()

    def _restart(self, station: _Station, tick: int) -> None:
        """Give a failed station a new renderer, which goes on at the present media time. Others are not affected."""
        station.restarts += 1
        if station.restarts == 1:
            logger.exception("Station %d failed; its renderer is started again", station.opened.station)
        station.renderer.close()
        station.renderer = self._new_renderer(station.opened)
        with suppress(Exception):
            station.renderer.mixer.set_plays(station.plays, station.media_time(tick))

    def _new_renderer(self, opened: m.OpenStation) -> BlockRenderer:
        return BlockRenderer(self._open_deck, opened.bitrate)
