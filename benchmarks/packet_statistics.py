"""Statistics of received RTP packets, in arrays with an entry for each listener."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PACKET_SAMPLES = 960
PACKET_MS = 20.0
SAMPLES_PER_MS = 48
PERCENTILES = (50.0, 99.0, 99.9, 100.0)
LATE_MS = 20.0
"""Lateness above which a packet counts as late."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Packets that have just been added, in arrays with an entry for each."""

    listeners: NDArray[np.intp]
    arrived_ns: NDArray[np.int64]
    behind_ns: NDArray[np.int64]
    """Time of arrival minus media time."""
    is_fresh: NDArray[np.bool_]
    """True for a listener's very first packet, for which the next three say nothing."""
    spacing_ms: NDArray[np.float64]
    """Time since the packet before."""
    steps: NDArray[np.int64]
    """Growth of the sequence number since the packet before."""
    media: NDArray[np.int64]
    """Growth of the RTP timestamp since the packet before, in samples."""


class PacketStatistics:
    """Sequence numbers and times of arrival of the RTP packets of `capacity` listeners.

    A packet is compared with the one that arrived before it at the same listener.
    """

    def __init__(self, capacity: int) -> None:
        self.index = np.zeros(capacity, np.int64)
        """Index of each listener's latest packet: its sequence number with the roll-overs above."""
        self.jitter = np.zeros(capacity, np.int64)
        """Mean deviation of the spacing from 20 ms in the latest round, in RTP units (1/48,000 s)."""
        self.arrived_ns = np.zeros(capacity, np.int64)
        """Time of arrival of the latest packet; 0 = none yet."""
        self._timestamp = np.zeros(capacity, np.int64)
        """RTP timestamp of the latest packet, with the roll-overs above."""
        self.reset()

    def reset(self) -> None:
        """Reset the counts. The next packet is still compared with the one before."""
        self.received = np.zeros(len(self.index), np.int64)
        self.expected = self.duplicates = self.reordered = self.skipped = self.bytes = 0
        self._spacing_ms: list[NDArray[np.float32]] = []
        self._behind_ns: list[tuple[NDArray[np.intp], NDArray[np.int64]]] = []
        """Listeners, and the arrival of each packet minus its media time."""

    def clear(self, listener: int) -> None:
        """Clear the entry of a listener, for another one."""
        for column in (self.index, self.jitter, self.arrived_ns, self._timestamp):
            column[listener] = 0

    def add(
        self,
        listeners: NDArray[np.intp],
        headers: NDArray[np.uint8],
        lengths: NDArray[np.int64],
        arrived_ns: NDArray[np.int64],
    ) -> None:
        """Count packets `(n,)`, sorted by listener, then by arrival. `headers` `(n, ≥ 8)` holds their first bytes."""
        if not len(listeners):
            return
        is_first = np.ones(len(listeners), bool)
        is_first[1:] = listeners[1:] != listeners[:-1]
        fresh = is_first & (self.arrived_ns[listeners] == 0)
        sequence = headers[:, 2].astype(np.int64) << 8 | headers[:, 3]
        timestamp = np.ascontiguousarray(headers[:, 4:8]).view(">u4")[:, 0].astype(np.int64)
        timestamp = self._timestamp[listeners] + _wrapped(timestamp - self._timestamp[listeners], 32)
        steps = _wrapped(sequence - _before(sequence, self.index[listeners], is_first), 16)
        media = _wrapped(timestamp - _before(timestamp, self._timestamp[listeners], is_first), 32)
        steps[fresh], media[fresh] = 1, PACKET_SAMPLES
        all_spacing_ms = (arrived_ns - _before(arrived_ns, self.arrived_ns[listeners], is_first)) / 1e6
        behind_ns = arrived_ns - timestamp * 1_000_000 // SAMPLES_PER_MS
        self._keep(Arrivals(listeners, arrived_ns, behind_ns, fresh, all_spacing_ms, steps, media))
        spacing_ms = all_spacing_ms[~fresh]
        self._count(listeners, lengths, steps, media)
        self._advance(listeners, is_first, sequence, steps, fresh)
        is_last = np.roll(is_first, -1)
        self._timestamp[listeners[is_last]] = timestamp[is_last]
        self.arrived_ns[listeners[is_last]] = arrived_ns[is_last]
        deviation = np.bincount(listeners[~fresh], np.abs(spacing_ms - PACKET_MS), len(self.index))
        count = np.bincount(listeners[~fresh], minlength=len(self.index))
        has_spacing = count > 0
        self.jitter[has_spacing] = deviation[has_spacing] / count[has_spacing] * SAMPLES_PER_MS

    def report(self) -> dict[str, Any]:
        """Return the counts since the last `reset`. Percentiles are those of `PERCENTILES`, over all listeners."""
        received = int(self.received.sum())
        unique = received - self.duplicates
        spacing = np.concatenate([np.empty(0, np.float32), *self._spacing_ms])
        late_ms = self._late_ms()
        return {
            "expected": self.expected,
            "received": received,
            "delivered_percent": 100 * unique / self.expected if self.expected else 0.0,
            "gaps": self.expected - unique,
            "duplicates": self.duplicates,
            "reordered": self.reordered,
            "skipped": self.skipped,
            "bytes": self.bytes,
            "spacing_ms": _percentiles(spacing),
            "deviation_ms": _percentiles(np.abs(spacing - np.float32(PACKET_MS))),
            "late_ms": _percentiles(late_ms),
            "late_packets": int(np.count_nonzero(late_ms > LATE_MS)),
        }

    def _keep(self, packets: Arrivals) -> None:
        """Keep what the report needs of each packet."""
        self._spacing_ms.append(packets.spacing_ms[~packets.is_fresh].astype(np.float32))
        self._behind_ns.append((packets.listeners, packets.behind_ns))

    def _late_ms(self) -> NDArray[np.float32]:
        """Return how many ms each packet came later, by its own timestamp, than its listener's most punctual one."""
        if not self._behind_ns:
            return np.empty(0, np.float32)
        listeners, behind_ns = (np.concatenate(column) for column in zip(*self._behind_ns, strict=True))
        least_ns = np.full(len(self.index), np.iinfo(np.int64).max)
        np.minimum.at(least_ns, listeners, behind_ns)
        return np.asarray((behind_ns - least_ns[listeners]) / 1e6, np.float32)

    def _count(
        self,
        listeners: NDArray[np.intp],
        lengths: NDArray[np.int64],
        steps: NDArray[np.int64],
        media: NDArray[np.int64],
    ) -> None:
        np.add.at(self.received, listeners, 1)
        self.expected += int(steps.sum())
        self.duplicates += int(np.count_nonzero(steps == 0))
        self.reordered += int(np.count_nonzero(steps < 0))
        # Packets that the sender left out without a gap in the numbers.
        self.skipped += int(np.maximum(0, media // PACKET_SAMPLES - steps)[steps > 0].sum())
        self.bytes += int(lengths.sum())

    def _advance(
        self,
        listeners: NDArray[np.intp],
        is_first: NDArray[np.bool_],
        sequence: NDArray[np.int64],
        steps: NDArray[np.int64],
        fresh: NDArray[np.bool_],
    ) -> None:
        """Advance the indices."""
        self.index[listeners[fresh]] = sequence[fresh] - 1
        np.add.at(self.index, listeners, steps)


def _before(column: NDArray[np.int64], kept: NDArray[np.int64], is_first: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the value of the packet before at the same listener: `kept` for the first of a round."""
    return np.where(is_first, kept, np.roll(column, 1))


def _wrapped(difference: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """Return the difference of two numbers that roll over at `bits` bits, the one nearest to 0."""
    half = 1 << bits - 1
    return (difference + half & (1 << bits) - 1) - half


def _percentiles(values: NDArray[np.float32]) -> list[float]:
    return [float(it) for it in np.percentile(values, PERCENTILES)] if len(values) else []
