"""The reception of all listeners, second by second: bounded in memory however long the soak takes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.packet_statistics import PACKET_MS, SAMPLES_PER_MS, Arrivals, PacketStatistics
from benchmarks.soak.measures import LATE_EDGES_MS

BASELINE_SECONDS = 10
"""Length of the spans whose most punctual packet says when a listener's packets are due: the machine's clock of the day
may be slewed against the monotonic one, by which the server sends."""
KEPT_SECONDS = 3
"""Age of a second after which nothing of it is still to come: sockets are read more often."""
_NEVER = np.iinfo(np.int64).max


class SecondsOfReception(PacketStatistics):
    """Packet statistics that keep one record for each second instead of an entry for each packet.

    A gap is measured in two ways. In *arrival*: time between two packets beyond the 20 ms of their pace. In *media*:
    sound between two packets that never came.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.stays = np.zeros(capacity, bool)
        """True for each listener that stays until the end."""
        self.strangers = 0
        """Packets of streams that were meant for a listener who vanished, and had the same port."""
        self._ssrc = np.zeros(capacity, np.int64)
        self._least_ns = np.full((2, capacity), _NEVER)
        """Lowest `behind_ns` of each listener in this span and in the span before."""
        self._span = 0
        self._seconds: dict[int, dict[str, Any]] = {}

    def begin(self, listener: int, ssrc: int, *, stays: bool) -> None:
        """Clear the entry of a listener for another one, who gets the stream with this SSRC."""
        self.clear(listener)
        self._ssrc[listener], self.stays[listener] = ssrc, stays

    def add(
        self,
        listeners: NDArray[np.intp],
        headers: NDArray[np.uint8],
        lengths: NDArray[np.int64],
        arrived_ns: NDArray[np.int64],
    ) -> None:
        """Count packets as `PacketStatistics` does, but those of other streams."""
        ssrc = np.ascontiguousarray(headers[:, 8:12]).view(">u4").reshape(-1)
        own = ssrc == self._ssrc[listeners]
        self.strangers += int(np.count_nonzero(~own))
        super().add(listeners[own], headers[own], lengths[own], arrived_ns[own])

    def clear(self, listener: int) -> None:
        """Clear the entry of a listener, for another one."""
        super().clear(listener)
        self._least_ns[:, listener] = _NEVER

    def finished(self, now: float) -> list[dict[str, Any]]:
        """Return and forget the records of all seconds of which nothing is still to come, by time."""
        due = sorted(second for second in self._seconds if second < now - KEPT_SECONDS)
        return [self._seconds.pop(second) for second in due]

    def _keep(self, packets: Arrivals) -> None:
        late_ms = self._late_against_baseline_ms(packets)
        seconds = packets.arrived_ns // 1_000_000_000
        for second in np.unique(seconds).tolist():
            record = self._seconds.setdefault(second, new_record(second))
            self._add_to(record, packets, seconds == second, late_ms)

    def _add_to(
        self, record: dict[str, Any], packets: Arrivals, chosen: NDArray[np.bool_], late_ms: NDArray[np.float64]
    ) -> None:
        record["packets"] += int(np.count_nonzero(chosen))
        bins = np.bincount(np.searchsorted(LATE_EDGES_MS, late_ms[chosen], "right"))
        for number in np.flatnonzero(bins).tolist():
            record["late"][number] = record["late"].get(number, 0) + int(bins[number])
        chosen = chosen & ~packets.is_fresh
        record["lost"] += int(np.sum(packets.steps[chosen] - 1))
        for names, of_them in (
            (("gap_ms", "missing_ms"), chosen & self.stays[packets.listeners]),
            (("visitors_gap_ms", "visitors_missing_ms"), chosen & ~self.stays[packets.listeners]),
        ):
            arrival = packets.spacing_ms[of_them] - PACKET_MS
            missing = packets.media[of_them] / SAMPLES_PER_MS - PACKET_MS
            for name, values in zip(names, (arrival, missing), strict=True):
                record[name] = max(record[name], round(float(values.max(initial=0)), 3))

    def _late_against_baseline_ms(self, packets: Arrivals) -> NDArray[np.float64]:
        span = int(packets.arrived_ns.max()) // (BASELINE_SECONDS * 1_000_000_000)
        if span != self._span:
            self._span = span
            self._least_ns[1] = self._least_ns[0]
            self._least_ns[0] = _NEVER
        np.minimum.at(self._least_ns[0], packets.listeners, packets.behind_ns)
        least_ns = self._least_ns.min(axis=0)[packets.listeners]
        return np.asarray((packets.behind_ns - least_ns) / 1e6, np.float64)


def new_record(second: int) -> dict[str, Any]:
    """Return the record of a second in which nothing was received yet."""
    values = dict.fromkeys(("packets", "lost", "silent", "quiet_ms"), 0)
    gaps = dict.fromkeys(("gap_ms", "missing_ms", "visitors_gap_ms", "visitors_missing_ms"), 0.0)
    return {"second": second, **values, **gaps, "late": {}}
