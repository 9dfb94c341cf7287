"""A station: one live programme with its DJ, playout, broadcasts and events, and the task that keeps it going.

The engine behind it may die and be replaced; the station notices only a gap in its packets.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from rtc_drift.broadcast import Broadcast
from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.library.library import Library
from rtc_drift.library.status import LibraryStatus
from rtc_drift.library.track import Track
from rtc_drift.media import seconds
from rtc_drift.selection.feature_space import EMPTY, FeatureSpace
from rtc_drift.selection.open_directions import ExploredDirection, explore
from rtc_drift.station.autodj import AutoDj
from rtc_drift.station.commands import Commands
from rtc_drift.station.event_hub import EventHub
from rtc_drift.station.event_publisher import EventPublisher
from rtc_drift.station.events import Event
from rtc_drift.station.lead_prefetch import LeadPrefetch
from rtc_drift.station.plan_ahead import PlanAhead
from rtc_drift.station.playout import Playout
from rtc_drift.station.snapshot import SavedStation
from rtc_drift.station.sources import Sources
from rtc_drift.station.titles import Titles
from rtc_drift.tracks import DriftTrack, PacketTrack, shared_packet

if TYPE_CHECKING:
    from rtc_drift.tracks import OpusPacket

logger = logging.getLogger(__name__)

PCM_RING_BLOCKS = 256
"""Blocks of PCM kept for readers that lag: 5.1 s."""
PACKET_RING_BLOCKS = 750
"""Packets kept for readers that lag, and for what a reader gets at once at its start: 15 s."""
RESTORE_SECONDS = 15.0
"""Time to wait for the library to load before a saved station goes on."""
KILLED_ENGINE = "The engine ended twice before this file was ready."
WAITING_SECONDS = 2.0
"""Time that a listener may have to wait for the first audio: longer than decks take to be ready."""
RETRY_SECONDS = 1.0
"""Pause after a step of planning that failed."""


class Station:
    """One programme and its listeners. `Sessions` opens and closes it."""

    def __init__(
        self,
        session_id: str,
        number: int,
        library: Library,
        sources: Sources,
        ticks: TickClock,
        send: Callable[[m.ToCore], None],
        *,
        seed: int,
        bitrate: int,
        kept_ready: bool = False,
        saved: SavedStation | None = None,
    ) -> None:
        """Make station `number`. Nothing happens before `start`.

        Args:
            session_id: The id under which its events are published.
            number: Its number in messages to and from the engine.
            library: The library that it plays from.
            sources: What the DJ chooses and plays from, shared by all stations.
            ticks: The tick clock shared with the engine.
            send: Sends a message to the engine.
            seed: The seed of its journey; a saved station keeps its own.
            bitrate: Bits per second of its Opus packets.
            kept_ready: Keep its decks open while nobody listens.
            saved: A saved station to go on from.
        """
        self.id = session_id
        self.listeners = 0
        """Number of listeners, over WebRTC or plain HTTP, through any of its sessions."""
        self.fed_by_engine = 0
        """Number of those listeners to which the engine sends by itself."""
        self.followers = 0
        self.ended = False
        self.first_audio = asyncio.Event()
        """Set once the first samples of the first track are decoded."""
        self.explorer: Sequence[ExploredDirection] = ()
        """The directions open from the present track, as published last."""
        self._explored: tuple[str, int] | None = None
        """The track they start from, and the number of tracks played by then."""
        self._explored_in: FeatureSpace = EMPTY
        self._library = library
        self._sources = sources
        self._wake = asyncio.Event()
        self._waiting_since: float | None = None
        """Time since which somebody listens and no audio is on the air."""
        self._task: asyncio.Task[None] | None = None
        self._saved = saved
        self.hub = EventHub(generation=secrets.token_hex(4))
        self.packets: Broadcast[OpusPacket] = Broadcast(PACKET_RING_BLOCKS, self._audience_changed)
        self.pcm: Broadcast[m.Pcm] = Broadcast(PCM_RING_BLOCKS, self._audience_changed)
        self.playout = Playout(number, ticks, send, bitrate=bitrate, kept_ready=kept_ready)
        self.publisher = EventPublisher(session_id, self.playout.now, library.loved, self._publish)
        self.autodj = AutoDj(sources, seed, self.playout, self.publisher)
        self.titles = Titles(lambda: self.autodj.programme.entries)
        self.commands = Commands(self.autodj, library.get)
        self._plan_ahead = PlanAhead(self.autodj, sources.planning, self.wake) if sources.planning else None
        self._lead_prefetch = LeadPrefetch(self.autodj, sources.leads, self.wake) if sources.leads else None
        if saved is not None:
            self.playout.stand_at(saved.media_time)

    # --- what there is ------------------------------------------------------------------------------------------------

    @property
    def loved(self) -> Container[str]:
        """The ids of the loved tracks."""
        return self._library.loved

    @property
    def is_restored(self) -> bool:
        """True unless a saved state is still to be restored."""
        return self._saved is None

    def find_track(self, track_id: str) -> Track | None:
        """Return the track of an id, if the library has it."""
        return self._library.get(track_id)

    def library_status(self) -> LibraryStatus:
        """Return what the library holds, and how far it is analysed."""
        return self._library.status()

    # --- listening ----------------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Return the present media time, in samples."""
        return self.playout.now()

    def track(self) -> DriftTrack:
        """Return a new aiortc track of the mixer's frames, starting at the live edge."""
        return DriftTrack(self.pcm)

    def packet_track(self) -> PacketTrack:
        """Return a new aiortc track of the Opus packets, starting at the live edge."""
        return PacketTrack(self.packets, self.now)

    @property
    def has_listeners(self) -> bool:
        """True while somebody listens or reads its audio."""
        return self.listeners + self.packets.readers + self.pcm.readers > 0

    @property
    def keeps_waiting(self) -> bool:
        """True if somebody listens who has had no audio for some seconds, though nobody has paused it."""
        self._note_waiting()
        since = self._waiting_since
        return since is not None and time.monotonic() - since >= WAITING_SECONDS

    @property
    def may_begin_otherwise(self) -> bool:
        """True if its first track may still become another: nobody listens, and nobody has."""
        return not self.has_listeners and self.autodj.beginning.is_open

    def expect(self) -> None:
        """Get the decks ready, because a listener is about to connect."""
        self.playout.expect()
        self.wake()

    def count(self, *, listeners: int = 0, followers: int = 0, fed_by_engine: int = 0) -> None:
        """Add to the numbers of listeners and followers (or subtract), and publish them."""
        self.listeners += listeners
        self.fed_by_engine += fed_by_engine
        self.followers += followers
        self._audience_changed()
        if not self.ended:
            self.publisher.listeners(self.listeners, self.followers, running=self.playout.running)

    def beat(self) -> None:
        """Publish a heartbeat."""
        self.publisher.heartbeat(running=self.playout.running)

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the station's task. The first track begins as soon as the library has one."""
        self._task = asyncio.create_task(self._run(), name=f"station {self.id}")

    async def close(self, reason: str | None = None) -> None:
        """End the programme, and every stream of it. Idempotent.

        A `reason` is published to the readers; without one they may expect the station back after a restart.
        """
        if self.ended:
            return
        self.ended = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for ahead in (self._plan_ahead, self._lead_prefetch):
            if ahead is not None:
                await ahead.close()
        if reason is not None:
            self.publisher.ended(reason)
        self.hub.end()
        self.packets.end()
        self.pcm.end()
        self.playout.close()

    def wake(self) -> None:
        """Have the task look at once for something to do."""
        self._wake.set()

    async def plans_settled(self) -> None:
        """Wait until the next track is settled, but not longer than the answer to a command may wait."""
        if self._plan_ahead is not None and not self.ended:
            await self._plan_ahead.settled()

    def library_changed(self) -> None:
        """React to a change of the library or of the feature space."""
        is_new = self._explored_in is not self._sources.spaces.space
        if is_new or self.autodj.wants_more or self.autodj.beginning.is_like_others:
            self.wake()

    def withhold_unready(self) -> None:
        """Have other tracks played in place of those whose decks were never ready: the engine may have died of one."""
        for play in self.playout.never_ready():
            failed = m.DeckFailed(self.playout.number, play.id, play.offset, KILLED_ENGINE, stalled=True)
            self.autodj.deck_failed(failed)
        self.wake()

    def restore(self) -> Iterator[m.ToCore]:
        """Yield the messages that bring a new engine to the present state."""
        return self.playout.restore()

    def on_engine(self, message: m.StationMessage) -> None:
        """Handle a message of the engine about this station."""
        if isinstance(message, m.Packet):
            self.packets.publish(shared_packet(message.data, message.media_time))
        elif isinstance(message, m.Pcm):
            self.pcm.publish(message)
        elif isinstance(message, m.DeckReady):
            self.playout.deck_ready(message.play)
            if self.autodj.is_audible:
                self.first_audio.set()
            self.wake()
        elif isinstance(message, m.DeckFailed):
            self.autodj.deck_failed(message)
            self.wake()

    async def _run(self) -> None:
        await self._restore_saved()
        while True:
            self._wake.clear()
            try:
                wait = self._step()
            except Exception:
                # The plan stands as it was; a programme must not fall silent because one step of planning failed.
                logger.exception("%s: planning failed", self.id)
                wait = RETRY_SECONDS
            if self._plan_ahead is not None:
                self._plan_ahead.keep_up()
            if self._lead_prefetch is not None and self.playout.running:
                self._lead_prefetch.keep_up()
            await self._explore()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    async def _restore_saved(self) -> None:
        if self._saved is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(RESTORE_SECONDS):
                await self._library.wait_until_playable()
        try:
            self.autodj.restore(self._saved.snapshot(self._library.get), self._saved.history)
        except Exception:
            logger.exception("%s: the saved state can't be restored; the programme begins anew", self.id)
        self._saved = None

    def _step(self) -> float | None:
        """Do what is due. Return the seconds until the next step; None if only an event can cause one."""
        self._note_waiting()
        if self.may_begin_otherwise and self.autodj.beginning.is_like_others:
            self.autodj.beginning.take_back()
            self.autodj.advance()
        due = self.autodj.advance()
        if self.playout.settle():
            self.beat()
            due = self.autodj.advance()
        waits = [self.playout.due_in_seconds()]
        if self.playout.running:
            waits.append(seconds(due - self.now()))
        else:
            self.packets.forget()
            self.pcm.forget()
        return max(0.001, min(known)) if (known := [wait for wait in waits if wait is not None]) else None

    async def _explore(self) -> None:
        """Publish the open directions if another track plays or the space has changed."""
        playing, space = self.autodj.now_playing(), self._sources.spaces.space
        if playing is None or not len(space):
            return
        journey, loved = self.autodj.journey, tuple(self._library.loved)
        here = (playing.track.id, len(journey.history.played))
        if self._explored == here and self._explored_in is space:
            return
        found = list[ExploredDirection]()
        try:
            found = await self._sources.exploring.run(
                explore, space, self._sources.tracks.get, loved, journey, playing.track.id
            )
        except Exception:
            logger.exception("%s: finding the open directions failed", self.id)
        self.explorer, self._explored, self._explored_in = found, here, space
        self.publisher.explorer(playing.track.id, found)

    def _note_waiting(self) -> None:
        is_on_air = self.autodj.programme.paused_at is not None or (self.playout.running and self.autodj.is_audible)
        if is_on_air or not self.has_listeners:
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = time.monotonic()

    def _publish(self, event: Event) -> None:
        self.titles.note(event)
        self.hub.publish(event)

    def _audience_changed(self) -> None:
        if self.ended:
            return
        self._note_waiting()
        wants = m.Subscribe(
            self.playout.number,
            packets=self.packets.readers > 0,
            pcm=self.pcm.readers > 0,
            grouped=self.packets.hurried_readers + self.pcm.hurried_readers == 0,
            rtp=self.fed_by_engine > 0,
        )
        self.playout.want(wants, demand=self.has_listeners)
        self.wake()
