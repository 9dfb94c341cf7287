"""A station: one live programme, with its mixer, its journey, its events and the task that keeps it going.

The engine behind it may die and come back; the station does not notice but for a gap in its packets.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from rtc_drift.broadcast import Broadcast
from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.library.library import Library
from rtc_drift.library.status import LibraryStatus
from rtc_drift.media import seconds
from rtc_drift.selection.feature_space import EMPTY, FeatureSpace
from rtc_drift.selection.open_directions import Open, explore
from rtc_drift.station.autodj import AutoDj
from rtc_drift.station.commands import Commands
from rtc_drift.station.event_hub import EventHub
from rtc_drift.station.event_publisher import EventPublisher
from rtc_drift.station.lead_prefetch import LeadPrefetch
from rtc_drift.station.playout import Playout
from rtc_drift.station.snapshot import SavedStation
from rtc_drift.station.sources import Sources
from rtc_drift.tracks import DriftTrack, PacketTrack, shared_packet

if TYPE_CHECKING:
    from rtc_drift.tracks import OpusPacket

logger = logging.getLogger(__name__)

RING_BLOCKS = 256
"""5.1 s of media kept for readers that lag."""
RESTORE_SECONDS = 15.0
"""What an earlier life of the server played is waited for this long: the library may still be loading."""
RETRY_SECONDS = 1.0


class Station:
    """One programme and everyone who hears it. Made and ended by `Sessions`."""

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
        """Open station `number` of the engine; `send` reaches it.

        `saved`: to go on from there. `kept_ready`: its decks stay open when nobody listens.
        """
        self.id = session_id
        self.listeners = 0
        """How many hear it over WebRTC or Ogg, through whichever session."""
        self.fed_by_engine = 0
        """To how many of them the engine sends by itself."""
        self.followers = 0
        self.ended = False
        self.first_audio = asyncio.Event()
        """Set when the first samples of the first track are decoded."""
        self.explorer: Sequence[Open] = ()
        """Where the music may go from the track that is playing, as last told."""
        self._explored: tuple[str, int] | None = None
        """From which track, and after how many."""
        self._explored_in: FeatureSpace = EMPTY
        self._library = library
        self._sources = sources
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._saved = saved
        self.hub = EventHub(generation=secrets.token_hex(4))
        self.packets: Broadcast[OpusPacket] = Broadcast(RING_BLOCKS, self._audience_changed)
        self.pcm: Broadcast[m.Pcm] = Broadcast(RING_BLOCKS, self._audience_changed)
        self.playout = Playout(number, ticks, send, bitrate=bitrate, kept_ready=kept_ready)
        self.publisher = EventPublisher(session_id, self.playout.now, library.loved, self.hub.publish)
        self.autodj = AutoDj(sources, seed, self.playout, self.publisher)
        self.commands = Commands(self.autodj, library.get)
        self._lead_prefetch = LeadPrefetch(self.autodj, sources.leads, self.wake) if sources.leads else None
        if saved is not None:
            self.playout.stand_at(saved.media_time)

    # --- what there is ------------------------------------------------------------------------------------------------

    @property
    def loved(self) -> Container[str]:
        """Ids of the loved tracks."""
        return self._library.loved

    @property
    def is_restored(self) -> bool:
        """Whether it is what was saved of it, if anything was."""
        return self._saved is None

    def library_status(self) -> LibraryStatus:
        """Return what the library holds, and how far it is analysed."""
        return self._library.status()

    # --- listening ----------------------------------------------------------------------------------------------------

    def now(self) -> int:
        """The media time that goes out at this moment, or at which it stands, in samples."""
        return self.playout.now()

    def track(self) -> DriftTrack:
        """The mixer's frames as an aiortc track of the caller's own, from the live edge on."""
        return DriftTrack(self.pcm)

    def packet_track(self) -> PacketTrack:
        """The encoded packets as an aiortc track of the caller's own, from the live edge on."""
        return PacketTrack(self.packets, self.now)

    @property
    def has_listeners(self) -> bool:
        """Whether anybody takes its audio."""
        return self.listeners + self.packets.readers + self.pcm.readers > 0

    def expect(self) -> None:
        """A listener is on the way: have the decks ready."""
        self.playout.expect()
        self.wake()

    def count(self, *, listeners: int = 0, followers: int = 0, fed_by_engine: int = 0) -> None:
        """Count listeners or followers in or out, and tell."""
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
        """Begin to conduct, as soon as the library has a track."""
        self._task = asyncio.create_task(self._conduct(), name=f"station {self.id}")

    async def close(self, reason: str | None = None) -> None:
        """End the programme. Readers are told why, unless it will be back: with the server. Idempotent."""
        if self.ended:
            return
        self.ended = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._lead_prefetch is not None:
            await self._lead_prefetch.close()
        if reason is not None:
            self.publisher.ended(reason)
        self.hub.end()
        self.packets.end()
        self.pcm.end()
        self.playout.close()

    def wake(self) -> None:
        """Something has changed."""
        self._wake.set()

    def library_changed(self) -> None:
        """There are other tracks to play, or more is known of how they sound."""
        if self.autodj.wants_more or self._explored_in is not self._sources.spaces.space:
            self.wake()

    def restore(self) -> Iterator[m.ToCore]:
        """What brings a fresh engine to the present state."""
        return self.playout.restore()

    def on_engine(self, message: m.OfStation) -> None:
        """Take what the engine says about this programme."""
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

    async def _conduct(self) -> None:
        await self._resume()
        while True:
            self._wake.clear()
            try:
                wait = self._step()
            except Exception:
                # The plan stands as it was; a programme must not fall silent because one step of planning failed.
                logger.exception("%s: planning failed", self.id)
                wait = RETRY_SECONDS
            if self._lead_prefetch is not None and self.playout.running:
                self._lead_prefetch.keep_up()
            await self._explore()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    async def _resume(self) -> None:
        if self._saved is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(RESTORE_SECONDS):
                await self._library.wait_until_playable()
        try:
            self.autodj.restore(self._saved.snapshot(self._library.get), self._saved.history)
        except Exception:
            logger.exception("%s: what was saved can't be gone on from; it begins anew", self.id)
        self._saved = None

    def _step(self) -> float | None:
        """Do what is due; gives the seconds until the next time, None = when something happens."""
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
        """Tell where the music may go, when another track plays or more is known."""
        playing, space = self.autodj.now_playing(), self._sources.spaces.space
        if playing is None or not len(space):
            return
        journey, loved = self.autodj.journey, tuple(self._library.loved)
        here = (playing.track.id, len(journey.history.played))
        if self._explored == here and self._explored_in is space:
            return
        found = list[Open]()
        try:
            found = await asyncio.to_thread(explore, space, loved, journey, playing.track.id)
        except Exception:
            logger.exception("%s: exploring failed", self.id)
        self.explorer, self._explored, self._explored_in = found, here, space
        self.publisher.explorer(playing.track.id, found)

    def _audience_changed(self) -> None:
        if self.ended:
            return
        wants = m.Subscribe(
            self.playout.number,
            packets=self.packets.readers > 0,
            pcm=self.pcm.readers > 0,
            early=self.packets.hurried_readers == 0,
            direct=self.fed_by_engine > 0,
        )
        self.playout.want(wants, demand=self.has_listeners)
        self.wake()
