"""One writer and many readers over a bounded ring: a slow reader delays neither the writer nor other readers."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class BroadcastEndedError(Exception):
    """The broadcast or its reader has ended: no more items will come."""


class LaggedError(Exception):
    """The reader is more than its `max_lag` items behind."""


class Broadcast(Generic[Item]):
    """A ring of the last `capacity` items. Readers share the items; they are never copied.

    `on_readers` is called whenever a reader is opened or closed.
    """

    def __init__(self, capacity: int, on_readers: Callable[[], None] = lambda: None) -> None:
        self._ring: deque[Item] = deque(maxlen=capacity)
        self._next = 0
        self._readers = 0
        self._patient = 0
        self._on_readers = on_readers
        self._waiting: list[asyncio.Future[None]] = []
        self._ended = False

    @property
    def published(self) -> int:
        """Number of items published so far."""
        return self._next

    def since(self, number: int) -> list[Item] | None:
        """Return the items after the first `number` ones; None if some are no longer kept or `number` is too large."""
        missing = self._next - number
        return list(self._ring)[len(self._ring) - missing :] if 0 <= missing <= len(self._ring) else None

    def forget(self) -> None:
        """Drop the kept items, unless a reader is open."""
        if not self._readers:
            self._ring.clear()

    @property
    def readers(self) -> int:
        """Number of open readers."""
        return self._readers

    @property
    def hurried_readers(self) -> int:
        """Number of open readers that need each item at its tick."""
        return self._readers - self._patient

    def publish(self, item: Item) -> None:
        """Make an item available to all readers; never blocks."""
        self._ring.append(item)
        self._next += 1
        self._wake()

    def end(self) -> None:
        """End the broadcast; readers may still read the items there are. Idempotent."""
        self._ended = True
        self._wake()

    def reader(self, max_lag: int, *, patient: bool = False) -> "Reader[Item]":
        """Open a reader at the live edge: the first item it gets is the next one published.

        `max_lag` is the number of items that it may be behind. A `patient` reader accepts items in groups.
        """
        return Reader(self, max_lag, patient)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _count(self, change: int, patient: bool) -> None:
        self._readers += change
        self._patient += change * patient
        self._on_readers()


class Reader(Generic[Item]):
    """A position in a broadcast. Close it, or use it as a context manager."""

    def __init__(self, broadcast: Broadcast[Item], max_lag: int, patient: bool) -> None:
        self._broadcast = broadcast
        self._max_lag = max_lag
        self._patient = patient
        self._position = broadcast._next
        self._closed = False
        self._ended = False
        self._waiting: asyncio.Future[None] | None = None
        self.skipped = 0
        """Number of items skipped to return to the live edge."""
        broadcast._count(1, patient)

    async def next(self) -> Item:
        """Wait for the next item and return it. Safe to cancel: no item is lost.

        A reader more than `max_lag` items behind skips to the live edge: old audio sent in a burst would stay in the
        listener's buffer and delay all later audio. Raises BroadcastEndedError.
        """
        lag = await self._wait()
        if lag > self._max_lag:
            self.skipped += lag - 1
            self._position += lag - 1
        return self._take()

    async def next_in_order(self) -> Item:
        """Wait for the next item and return it; none is skipped.

        Raises LaggedError if the reader is more than `max_lag` items behind, and BroadcastEndedError.
        """
        if await self._wait() > self._max_lag:
            raise LaggedError
        return self._take()

    async def next_ones(self) -> list[Item]:
        """Wait for at least one item and return all unread ones, in order. Raises as `next_in_order` does."""
        count = await self._wait()
        if count > self._max_lag:
            raise LaggedError
        ring = self._broadcast._ring
        self._position += count
        return [ring[index] for index in range(len(ring) - count, len(ring))]

    def end(self) -> None:
        """End this reader; it may still read the items there are. Idempotent."""
        self._ended = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def close(self) -> None:
        """Close this reader. Idempotent."""
        if not self._closed:
            self._closed = True
            self._broadcast._count(-1, self._patient)

    def __enter__(self) -> "Reader[Item]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _wait(self) -> int:
        """Wait until there is an item to read; return the number of unread items."""
        broadcast = self._broadcast
        while self._position == broadcast._next:
            if broadcast._ended or self._ended:
                raise BroadcastEndedError
            self._waiting = asyncio.get_running_loop().create_future()
            broadcast._waiting.append(self._waiting)
            await self._waiting
        return broadcast._next - self._position

    def _take(self) -> Item:
        ring = self._broadcast._ring
        item = ring[len(ring) - (self._broadcast._next - self._position)]
        self._position += 1
        return item
