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

    `on_readers` is called whenever a reader is opened or closed. With `max_size` the items kept are, by `size_of`, no
    larger than that together, except that the last one is always kept.
    """

    def __init__(
        self,
        capacity: int,
        on_readers: Callable[[], None] = lambda: None,
        *,
        max_size: int = 0,
        size_of: Callable[[Item], int] = lambda _: 0,
    ) -> None:
        self._ring: deque[Item] = deque()
        self._capacity = capacity
        self._max_size = max_size
        self._size_of = size_of
        self._size = 0
        """Size of the items kept."""
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

    def keeps(self, number: int) -> bool:
        """Return True if all items after the first `number` ones are kept; False, too, if there were never so many."""
        return 0 <= self._next - number <= len(self._ring)

    def before_last(self, count: int) -> int:
        """Return the number of items before the last `count` ones, or before all that are kept if those are fewer."""
        return self._next - min(count, len(self._ring))

    def forget(self) -> None:
        """Drop the kept items, unless a reader is open."""
        if not self._readers:
            self._ring.clear()
            self._size = 0

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
        ring = self._ring
        ring.append(item)
        self._size += self._size_of(item)
        while len(ring) > self._capacity or (self._size > self._max_size and len(ring) > 1):
            self._size -= self._size_of(ring.popleft())
        self._next += 1
        self._wake()

    def end(self) -> None:
        """End the broadcast; readers may still read the items there are. Idempotent."""
        self._ended = True
        self._wake()

    def reader(self, max_lag: int, *, patient: bool = False, after: int | None = None) -> "Reader[Item]":
        """Open a reader after the first `after` items, which must be kept; by default at the live edge.

        `max_lag` is the number of items that it may be behind. A `patient` reader accepts items in groups.
        """
        return Reader(self, max_lag, patient, self._next if after is None else after)

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

    def __init__(self, broadcast: Broadcast[Item], max_lag: int, patient: bool, position: int) -> None:
        self._broadcast = broadcast
        self._max_lag = max_lag
        self._patient = patient
        self._position = position
        self._closed = False
        self._ended = False
        self._waiting: asyncio.Future[None] | None = None
        self.skipped = 0
        """Number of items skipped to return to the live edge."""
        broadcast._count(1, patient)

    @property
    def unread(self) -> int:
        """Number of items that it has not read."""
        return self._broadcast._next - self._position

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

        Raises LaggedError if the reader is more than `max_lag` items behind, or behind what is kept, and
        BroadcastEndedError.
        """
        await self._wait()
        self._check_lag()
        return self._take()

    def take_if(self, is_wanted: Callable[[Item], bool]) -> Item | None:
        """Return the next item if there is one already and it is wanted, else None. Raises LaggedError."""
        if not self.unread:
            return None
        self._check_lag()
        return self._take() if is_wanted(self._next_item()) else None

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
        return self.unread

    def _check_lag(self) -> None:
        if self.unread > min(self._max_lag, len(self._broadcast._ring)):
            raise LaggedError

    def _next_item(self) -> Item:
        ring = self._broadcast._ring
        return ring[len(ring) - self.unread]

    def _take(self) -> Item:
        item = self._next_item()
        self._position += 1
        return item
