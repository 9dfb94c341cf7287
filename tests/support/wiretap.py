"""Records the Opus packets of a station, and compares them with those that its plays make offline."""

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise

from rtc_drift.broadcast import BroadcastEndedError
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.engine.renderer import BlockRenderer
from rtc_drift.media import BLOCK_SAMPLES
from rtc_drift.rendering.file_deck import FileDeck
from rtc_drift.station.station import Station

MOST_LAG = 250


@dataclass
class Wiretap:
    """What one station sent: packets by media time, and every play that it was told to play, in its last form."""

    station: Station
    packets: dict[int, bytes] = field(default_factory=dict)
    plays: dict[int, Play] = field(default_factory=dict)
    bitrate: int = 128_000

    def __post_init__(self) -> None:
        playout = self.station.playout
        set_plays = playout.set_plays

        def note_plays(plays: tuple[Play, ...]) -> None:
            self.plays |= {play.id: play for play in plays}
            set_plays(plays)

        self.plays |= {play.id: play for play in self.station.autodj.programme.plays}
        playout.set_plays = note_plays  # type: ignore[method-assign, assignment]
        self._task = asyncio.create_task(self._record(), name="wiretap")

    async def stop(self) -> None:
        """Record no further."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    @property
    def media_time(self) -> int:
        """Media time up to which packets were received."""
        return max(self.packets, default=0)

    def gaps(self) -> int:
        """Return how often a packet is missing."""
        return sum(later - earlier != BLOCK_SAMPLES for earlier, later in pairwise(sorted(self.packets)))

    def expected(self) -> dict[int, bytes]:
        """Return the packets that the plays make offline, where nothing fails."""
        first, last = min(self.packets), max(self.packets)
        renderer = BlockRenderer(FileDeck, self.bitrate)
        renderer.mixer.set_plays(list(self.plays.values()), first)
        count = (last - first) // BLOCK_SAMPLES + 1
        blocks = [block for at in range(count) for block in renderer.render(first + at * BLOCK_SAMPLES, 1)]
        renderer.close()
        return {block.media_time: block.packet for block in blocks}

    def different(self) -> list[int]:
        """Return the media times of packets that are not, bit for bit, as expected."""
        expected = self.expected()
        return [at for at, packet in sorted(self.packets.items()) if expected[at] != packet]

    async def _record(self) -> None:
        with self.station.packets.reader(MOST_LAG) as reader:
            while True:
                try:
                    packet = await reader.next()
                except BroadcastEndedError:
                    return
                assert packet.pts is not None
                self.packets[packet.pts] = bytes(packet)
