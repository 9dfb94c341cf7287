"""The places of listeners that are connecting: so many, and no client can hold all of them."""

from collections import Counter
from collections.abc import Callable
from typing import Generic, TypeVar

from rtc_drift.webrtc.client_address import owner_of

Item = TypeVar("Item")


class Arrivals(Generic[Item]):
    """The listeners on their way, in the order of their offers, by the address of their client."""

    def __init__(self, is_reached: Callable[[Item], bool]) -> None:
        """Make it empty. `is_reached` returns True if there is somebody at the other end of a listener's path."""
        self._is_reached = is_reached
        self._owners: dict[Item, str] = {}
        self._counts = Counter[str]()

    def __len__(self) -> int:
        return len(self._owners)

    def add(self, item: Item, address: str) -> None:
        """Add a listener whose offer came from an address."""
        self._owners[item] = owner_of(address)
        self._counts[self._owners[item]] += 1

    def discard(self, item: Item) -> None:
        """Remove a listener. Idempotent."""
        owner = self._owners.pop(item, None)
        if owner is not None:
            self._counts[owner] -= 1
            if not self._counts[owner]:
                del self._counts[owner]

    def who_gives_way(self, address: str) -> Item | None:
        """Return the listener whose place a newcomer from an address may take, or None.

        It is of the client with the most of them: its oldest that nobody has shown to be real; or else its oldest, if
        that client has more than the newcomer's will have.
        """
        most = max(self._counts.values(), default=0)
        of_the_most = [item for item, owner in self._owners.items() if self._counts[owner] == most]
        unreached = next((item for item in of_the_most if not self._is_reached(item)), None)
        if unreached is None and most > self._counts[owner_of(address)] + 1:
            return of_the_most[0]
        return unreached
