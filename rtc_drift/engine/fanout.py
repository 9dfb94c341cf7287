"""Sends a station's packets to its listeners: RTP headers written as arrays, SRTP in place, one system call for many.

A packet's index is its tick plus an offset of the listener, its timestamp is the media time plus another offset. So
nothing is remembered from packet to packet, and a restarted engine sends what the old one would have sent.
"""

import logging
import socket
from collections import deque
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rtc_drift.engine.datagrams import Outbox, outbox
from rtc_drift.engine.pacer import Pacer
from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.srtp import MAX_STEP, TRAILER_BYTES, SrtpSender, load_protect

logger = logging.getLogger(__name__)

_Kind: TypeAlias = tuple[int, str, int]
"""Socket, header extension (hex) and SRTP profile: the same for all listeners of a batch."""

MAX_PACKET_BYTES = 1276
"""Largest Opus packet (RFC 6716, 3.2.1), and so the largest payload."""
HEADER_BYTES = 12
"""Size of the fixed RTP header (RFC 3550, 5.1)."""
HISTORY_TICKS = 50
"""Packets that can be sent again: those of the last second."""
BATCH_ROWS = 256
"""Listeners in one batch. More would save little; fewer would make no noticeable difference either."""
MARKER = 0x800000
"""The marker bit in the first 32-bit word of an RTP header."""


@dataclass(frozen=True, slots=True)
class _Packet:
    """The Opus packet of a tick."""

    tick: int
    media_time: int
    opus: bytes


class _Batch:
    """Up to 256 listeners of a station, whose packets differ only in numbers, keys and addresses."""

    def __init__(self, sock: socket.socket, extension: bytes) -> None:
        self._sock = sock
        self._extension_bytes = len(extension)
        self._first_word = (0x90 if extension else 0x80) << 24
        self._protect = load_protect()
        self._last_tick = 0
        size = HEADER_BYTES + len(extension) + MAX_PACKET_BYTES + TRAILER_BYTES
        self._buffer = np.zeros((BATCH_ROWS, -(-size // 64) * 64), np.uint8)
        self._buffer[:, HEADER_BYTES : HEADER_BYTES + len(extension)] = np.frombuffer(extension, np.uint8)
        self._header = self._buffer.view(">u4")[:, :3]
        self._outbox: Outbox = outbox(self._buffer)
        self._type = np.zeros(BATCH_ROWS, np.uint32)
        self._ssrc = np.zeros(BATCH_ROWS, np.uint32)
        self._index_offset = np.zeros(BATCH_ROWS, np.int64)
        self._timestamp_offset = np.zeros(BATCH_ROWS, np.int64)
        self._first_tick = np.zeros(BATCH_ROWS, np.int64)
        self._counts = np.zeros((BATCH_ROWS, 4), np.uint32)
        self._lengths = np.zeros(BATCH_ROWS, np.int32)
        self._columns = (
            self._type,
            self._ssrc,
            self._index_offset,
            self._timestamp_offset,
            self._first_tick,
            self._counts,
        )
        self._senders: list[SrtpSender] = []
        # Addresses in memory of sessions, packets and lengths, as libsrtp takes them:
        self._session_addresses: list[int] = []
        self._packet_addresses: list[int] = []
        self._length_addresses: list[int] = []
        self._fresh = set[int]()
        """Rows whose next packet is their first, or the first after a long pause."""
        self.listeners: list[int] = []

    @property
    def is_full(self) -> bool:
        """True if no row is free."""
        return len(self.listeners) == BATCH_ROWS

    @property
    def counts(self) -> NDArray[np.uint32]:
        """Totals, `(n, 4)`: listener, packets, octets, packets dropped."""
        return self._counts[: len(self.listeners)]

    def add(self, added: m.AddListener) -> None:
        """Add a row. Raises pylibsrtp.Error, OSError or ValueError if the key or the address is not valid."""
        row, sender = len(self.listeners), SrtpSender(added.profile, bytes.fromhex(added.key))
        self._outbox.address(row, added.address)
        self._type[row] = added.payload_type << 16
        self._ssrc[row] = added.ssrc
        self._index_offset[row] = added.index_offset
        self._timestamp_offset[row] = added.timestamp_offset
        self._counts[row] = (added.listener, *added.sent)
        self._fresh.add(row)
        self._senders.append(sender)
        self._session_addresses.append(sender.session_address)
        self._packet_addresses.append(self._buffer.ctypes.data + row * self._buffer.strides[0])
        self._length_addresses.append(self._lengths.ctypes.data + row * self._lengths.strides[0])
        self.listeners.append(added.listener)

    def remove(self, listener: int) -> None:
        """Remove a listener's row. The last row takes its place."""
        row, last = self.listeners.index(listener), len(self.listeners) - 1
        for column in self._columns:
            column[row] = column[last]
        self._outbox.move(last, row)
        self.listeners[row], self._senders[row] = self.listeners[last], self._senders[last]
        self._session_addresses[row] = self._session_addresses[last]
        self._fresh.discard(row)
        if last in self._fresh:
            self._fresh = self._fresh - {last} | ({row} if row != last else set())
        kept: tuple[list[Any], ...] = (self.listeners, self._senders)
        for rows in (*kept, self._session_addresses, self._packet_addresses, self._length_addresses):
            rows.pop()

    def sent(self, listener: int) -> tuple[int, int, int]:
        """Return how many packets and octets a listener was sent, and how many packets were dropped."""
        _, packets, octets, dropped = self._counts[self.listeners.index(listener)].tolist()
        return packets, octets, dropped

    def readdress(self, listener: int, address: tuple[str, int]) -> None:
        """Change the address of a listener."""
        self._outbox.address(self.listeners.index(listener), address)

    def index_offset(self, listener: int) -> int:
        """Return the index of a listener's packets minus their tick."""
        return int(self._index_offset[self.listeners.index(listener)])

    def send(self, packet: _Packet) -> None:
        """Send a packet to all listeners."""
        count = len(self.listeners)
        self._write(0, count, packet)
        if packet.tick - self._last_tick > MAX_STEP:
            self._fresh.update(range(count))
        self._last_tick = packet.tick
        for row in self._fresh:
            self._header[row, 0] |= MARKER
            self._first_tick[row] = packet.tick
            self._senders[row].skip_to(int(self._ssrc[row]), packet.tick + int(self._index_offset[row]))
            self._session_addresses[row] = self._senders[row].session_address
        self._fresh.clear()
        self._protect_and_send(0, count, len(packet.opus))

    def resend(self, listener: int, packet: _Packet) -> None:
        """Send a past packet to one listener again, unchanged: one index must never stand for two different packets."""
        row = self.listeners.index(listener)
        if row in self._fresh or packet.tick < self._first_tick[row]:
            return
        self._write(row, row + 1, packet)
        if packet.tick == self._first_tick[row]:
            self._header[row, 0] |= MARKER
        self._protect_and_send(row, row + 1, len(packet.opus))

    def _write(self, first: int, end: int, packet: _Packet) -> None:
        """Write headers and payloads, not yet encrypted."""
        rows, header, body = slice(first, end), self._header[first:end], HEADER_BYTES + self._extension_bytes
        sequence_numbers = ((self._index_offset[rows] + packet.tick) & 0xFFFF).astype(np.uint32)
        header[:, 0] = self._first_word | self._type[rows] | sequence_numbers
        header[:, 1] = (self._timestamp_offset[rows] + packet.media_time) & 0xFFFFFFFF
        header[:, 2] = self._ssrc[rows]
        self._buffer[rows, body : body + len(packet.opus)] = np.frombuffer(packet.opus, np.uint8)

    def _protect_and_send(self, first: int, end: int, opus_bytes: int) -> None:
        """Protect, send and count. A packet that could not be protected is not sent, because it is not encrypted."""
        clear = HEADER_BYTES + self._extension_bytes + opus_bytes
        lengths, rows = self._lengths[first:end], slice(first, end)
        lengths[:] = clear
        # `map` and not a loop, which would spend a sixth of the time in the interpreter.
        addresses = (self._session_addresses[rows], self._packet_addresses[rows], self._length_addresses[rows])
        statuses = list(map(self._protect, *addresses))
        unprotected = [row for row, status in enumerate(statuses, first) if status] if any(statuses) else []
        protected = int(lengths.max(initial=0))
        failed, start = list(unprotected), first
        for stop in (*unprotected, end):
            failed += self._outbox.send(self._sock, start, stop - start, protected)
            start = stop + 1
        self._counts[first:end, 1] += 1
        self._counts[first:end, 2] += opus_bytes
        for row in failed:
            self._counts[row, 1] -= 1
            self._counts[row, 2] -= opus_bytes
            self._counts[row, 3] += 1


class Fanout:
    """All listeners that the engine sends to, by station."""

    def __init__(self, pacer: Pacer | None = None) -> None:
        self._pacer = pacer or Pacer()
        self._sockets: dict[int, socket.socket] = {}
        self._batches: dict[int, dict[_Kind, list[_Batch]]] = {}
        self._listeners: dict[int, tuple[m.AddListener, _Batch]] = {}
        self._history: dict[int, deque[_Packet]] = {}

    @property
    def waited_ns(self) -> int:
        """Total time that `send` has waited for the places of batches."""
        return self._pacer.waited_ns

    def add_socket(self, number: int, sock: socket.socket) -> None:
        """Add a socket to send from, and own it."""
        sock.setblocking(False)
        self._sockets[number] = sock

    def remove_socket(self, number: int) -> None:
        """Close a socket that no listener uses any more."""
        self._sockets.pop(number).close()

    def handle(self, message: m.AddListener | m.MoveListener | m.RemoveListener | m.Resend) -> None:
        """Carry out one message. A message about an unknown listener is ignored."""
        if isinstance(message, m.AddListener):
            self._add(message)
        elif message.listener not in self._listeners:
            return
        elif isinstance(message, m.MoveListener):
            self._move(message)
        elif isinstance(message, m.RemoveListener):
            self._remove(message.listener)
        else:
            self._resend(message)

    def send(self, station: int, tick: int, media_time: int, opus: bytes) -> None:
        """Send the packet of a tick to all listeners of a station."""
        kinds = self._batches.get(station)
        if kinds is None or len(opus) > MAX_PACKET_BYTES:
            return
        packet = _Packet(tick, media_time, opus)
        self._history[station].append(packet)
        for batches in kinds.values():
            for batch in batches:
                self._pacer.begin(tick)
                batch.send(packet)
                self._pacer.end(len(batch.listeners))

    def report(self) -> m.SentCounts:
        """Return what all listeners were sent so far."""
        counts = [batch.counts for kinds in self._batches.values() for batches in kinds.values() for batch in batches]
        return m.SentCounts(np.concatenate(counts).astype("<u4").tobytes() if counts else b"")

    def close(self) -> None:
        """Close all sockets."""
        for sock in self._sockets.values():
            sock.close()

    def _add(self, added: m.AddListener) -> None:
        kind = (added.socket, added.extension, added.profile)
        batches = self._batches.setdefault(added.station, {}).setdefault(kind, [])
        self._history.setdefault(added.station, deque(maxlen=HISTORY_TICKS))
        try:
            batch = next((batch for batch in batches if not batch.is_full), None)
            if batch is None:
                batch = _Batch(self._sockets[added.socket], bytes.fromhex(added.extension))
                batches.append(batch)
            batch.add(added)
        except Exception:
            logger.exception("Can't send to listener %d", added.listener)
            self._drop_empty_batches(added.station)
        else:
            self._listeners[added.listener] = (added, batch)

    def _move(self, to: m.MoveListener) -> None:
        added, batch = self._listeners[to.listener]
        if to.socket == added.socket:
            try:
                batch.readdress(to.listener, to.address)
            except (OSError, ValueError):
                logger.exception("Can't change the address of listener %d", to.listener)
        else:
            sent = batch.sent(to.listener)
            self._remove(to.listener)
            self._add(replace(added, socket=to.socket, address=to.address, sent=sent))

    def _remove(self, listener: int) -> None:
        added, batch = self._listeners.pop(listener)
        batch.remove(listener)
        self._drop_empty_batches(added.station)

    def _resend(self, message: m.Resend) -> None:
        _, batch = self._listeners[message.listener]
        history = self._history[message.station]
        offset = batch.index_offset(message.listener)
        for number in message.sequence_numbers:
            found = next((packet for packet in history if (packet.tick + offset) & 0xFFFF == number), None)
            if found is not None:
                batch.resend(message.listener, found)

    def _drop_empty_batches(self, station: int) -> None:
        """Remove the batches of a station that have no listeners, and the station if it has none."""
        kinds = {
            kind: left
            for kind, batches in self._batches[station].items()
            if (left := [batch for batch in batches if batch.listeners])
        }
        if kinds:
            self._batches[station] = kinds
        else:
            del self._batches[station], self._history[station]
