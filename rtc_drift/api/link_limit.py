"""Limits how many sessions and followers the links make: a page full of them must not fill the server."""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

LINKS = 10
"""Number of links of one address that may make something within WINDOW_SECONDS."""
WINDOW_SECONDS = 60.0
MAX_ADDRESSES = 1_000
"""Number of addresses remembered; beyond, the one that was used least lately is forgotten."""


class LinkLimitError(Exception):
    """Too many links of one address have made something."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("Too many sessions were made by links of this address. Try again later.")
        self.retry_after_seconds = retry_after_seconds


class LinkLimit:
    """Counts for each address the links that made something within the last minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._made: OrderedDict[str, deque[float]] = OrderedDict()
        """The times of an address's latest links, the addresses in order of use."""

    def __len__(self) -> int:
        """Return the number of addresses remembered."""
        return len(self._made)

    def take(self, address: str) -> None:
        """Count a link that is about to make something. Raises LinkLimitError."""
        now = self._clock()
        made = self._made.setdefault(address, deque(maxlen=LINKS))
        self._made.move_to_end(address)
        if len(self._made) > MAX_ADDRESSES:
            self._made.popitem(last=False)
        if len(made) == LINKS and (wait := made[0] + WINDOW_SECONDS - now) > 0:
            raise LinkLimitError(math.ceil(wait))
        made.append(now)
