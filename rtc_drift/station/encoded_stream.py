"""A programme in a format for radios: one encoder for all its readers, and only while there are any.

The encoder runs in a thread, since its library gives the interpreter away while it works
(decision 032-encoders-in-threads).
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

from rtc_drift.audio.live_encoder import EncodedFrame, LiveEncoder, StreamFormat
from rtc_drift.broadcast import Broadcast, BroadcastEndedError, Reader
from rtc_drift.engine.protocol.messages import Pcm
from rtc_drift.media import SAMPLE_RATE
from rtc_drift.station.station import Station
from rtc_drift.station.titles import Title
from rtc_drift.workers.threads import Threads, ThreadsClosedError

logger = logging.getLogger(__name__)

GROUP_BLOCKS = 8
"""Blocks encoded at once: 160 ms, the group in which they come if nobody hurries."""
MAX_PCM_LAG_BLOCKS = 200
"""Blocks (4 s) that an encoder may be behind; then it skips to the live edge."""
LINGER_SECONDS = 5.0
"""Time that an encoder goes on after its last reader, so that a radio that connects again finds it running."""
MAX_LAG_SECONDS = 4.0
"""Time that a reader may lag, beside its burst; then it is dropped."""
MAX_BURST_SECONDS = 10.0
"""Greatest length of what a reader gets at once at its start."""
MAX_FAILURES = 3
"""Failures of an encoder in a row after which its readers are disconnected."""


class TitledFrame(NamedTuple):
    """A frame of a stream, and the title of the track that is heard in it."""

    media_time: int
    data: bytes
    title: Title


class Timer(Protocol):
    """A call that is due later, as `call_later` returns it."""

    def cancel(self) -> None:
        """Call the function no more."""


CallLater = Callable[[float, Callable[[], None]], Timer]


def call_later(seconds: float, function: Callable[[], None]) -> Timer:
    """Have the event loop call a function in some seconds."""
    return asyncio.get_running_loop().call_later(seconds, function)


class EncodedStream:
    """One programme in one format, from its first reader until some time after its last one."""

    def __init__(
        self,
        station: Station,
        stream_format: StreamFormat,
        threads: Threads,
        later: CallLater,
        on_failure: Callable[[], None],
        on_end: Callable[["EncodedStream"], None],
    ) -> None:
        """Make a stream that is not encoded yet.

        `on_failure` is called for each failure of its encoder, `on_end` when nobody may read it any more.
        """
        self._station = station
        self._format = stream_format
        self._threads = threads
        self._later = later
        self._on_failure = on_failure
        self._on_end = on_end
        self._encoder: LiveEncoder | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: Timer | None = None
        kept = MAX_BURST_SECONDS + MAX_LAG_SECONDS + 1
        self.frames: Broadcast[TitledFrame] = Broadcast(self._frames_in(kept), self._readers_changed)

    def reader(self, burst_seconds: float) -> Reader[TitledFrame]:
        """Open a reader that first gets the last `burst_seconds`, as far as there are any. Starts the encoder."""
        burst = self._frames_in(burst_seconds)
        max_lag = burst + self._frames_in(MAX_LAG_SECONDS)
        return self.frames.reader(max_lag, patient=True, after=self.frames.before_last(burst))

    async def close(self) -> None:
        """End the encoder, and the stream of every reader. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _frames_in(self, seconds: float) -> int:
        return int(seconds * SAMPLE_RATE / self._format.frame_samples)

    def _readers_changed(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.frames.readers == 0:
            self._timer = self._later(LINGER_SECONDS, self._stop)
        elif self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"{self._format.name} of {self._station.id}")

    def _stop(self) -> None:
        self._on_end(self)  # who comes now gets another stream
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        failures = 0
        try:
            with self._station.pcm.reader(MAX_PCM_LAG_BLOCKS, patient=True) as reader:
                while failures < MAX_FAILURES:
                    blocks = [await reader.next() for _ in range(GROUP_BLOCKS)]
                    failures = 0 if await self._publish(blocks) else failures + 1
            logger.error("%s of %s can't be encoded; its readers are disconnected", self._format.name, self._station.id)
        except (BroadcastEndedError, ThreadsClosedError):
            pass  # The session has ended, or the server stops.
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._on_end(self)
            self.frames.end()

    async def _publish(self, blocks: list[Pcm]) -> bool:
        """Encode some blocks and publish the frames. Return False if the encoder has failed: the next one is new."""
        try:
            frames = await self._threads.run(self._encode, [(block.media_time, block.data) for block in blocks])
        except ThreadsClosedError:
            raise
        except Exception as error:
            self._encoder = None
            self._on_failure()
            logger.warning("The %s encoder of %s failed: %s", self._format.name, self._station.id, error)
            return False
        for frame in frames:
            self.frames.publish(TitledFrame(*frame, self._station.titles.at(frame.media_time)))
        return True

    def _encode(self, blocks: list[tuple[int, bytes]]) -> list[EncodedFrame]:
        """Encode some blocks; called in a thread, one call at a time."""
        self._encoder = self._encoder or LiveEncoder(self._format)
        return self._encoder.encode(blocks)


class EncodedStreams:
    """All encoded streams, by station and format."""

    def __init__(self, threads: Threads, later: CallLater = call_later) -> None:
        """Make it without streams; encoders run in `threads`."""
        self._threads = threads
        self._later = later
        self._streams: dict[tuple[int, str], EncodedStream] = {}
        self.failures = 0
        """Number of failures of encoders so far."""

    def __len__(self) -> int:
        """Return the number of encoders that run."""
        return len(self._streams)

    def reader(self, station: Station, stream_format: StreamFormat, burst_seconds: float) -> Reader[TitledFrame]:
        """Open a reader of a station in a format, with a burst at its start."""
        key = (station.playout.number, stream_format.name)
        stream = self._streams.get(key)
        if stream is None:
            ended = partial(self._forget, key)
            stream = EncodedStream(station, stream_format, self._threads, self._later, self._count_failure, ended)
            self._streams[key] = stream
        return stream.reader(burst_seconds)

    async def close(self) -> None:
        """End all streams."""
        for stream in list(self._streams.values()):
            await stream.close()

    def _count_failure(self) -> None:
        self.failures += 1

    def _forget(self, key: tuple[int, str], stream: EncodedStream) -> None:
        if self._streams.get(key) is stream:
            del self._streams[key]
