"""Sends a programme to its listeners: RTP headers written as arrays, SRTP in place, one system call for many.

A packet's index is its tick plus a number of the listener's own, its timestamp the media time plus another. So there is
nothing to remember from packet to packet, and an engine started anew sends what the old one would have sent.
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
from rtc_drift.engine.srtp import MAX_STEP, TRAILER_BYTES, SrtpSender, in_place

logger = logging.getLogger(__name__)

_Kind: TypeAlias = tuple[int, str, int]
"""Socket, header extension and SRTP profile: what all listeners of a batch have in common."""

MAX_PACKET_BYTES = 1276
"""Of one Opus packet (RFC 6716, 3.2.1), and so of the payload."""
HEADER_BYTES = 12
HISTORY_TICKS = 50
"""Packets of the last second can be sent again."""
BATCH_ROWS = 256
"""Listeners of one batch. More would save little, and fewer would not be noticed either."""
MARKER = 0x800000


@dataclass(frozen=True, slots=True)
class _Past:
    """A packet that went out."""

    tick: int
    media_time: int
    opus: bytes


class _Batch:
    """Up to 256 listeners of one programme whose packets differ in nothing but numbers, keys and addresses."""

    def __init__(self, sock: socket.socket, extension: bytes) -> None:
        self._sock = sock
        self._extension_bytes = len(extension)
        self._first_word = (0x90 if extension else 0x80) << 24
        self._protect = in_place()
        self._sent_at_tick = 0
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
        self._handles: list[int] = []
        self._packets: list[int] = []
        self._length_places: list[int] = []
        """Addresses in memory, as libsrtp takes them."""
        self._fresh = set[int]()
        """Rows whose next packet is the first, or the first after a long pause."""
        self.listeners: list[int] = []

    @property
    def is_full(self) -> bool:
        return len(self.listeners) == BATCH_ROWS

    @property
    def counts(self) -> NDArray[np.uint32]:
        """`(n, 4)`: listener, packets, octets, dropped."""
        return self._counts[: len(self.listeners)]

    def add(self, it: m.AddListener) -> None:
        """One more row. Raises pylibsrtp.Error, OSError, ValueError on what can't be."""
        row, sender = len(self.listeners), SrtpSender(it.profile, bytes.fromhex(it.key))
        self._outbox.address(row, it.address)
        self._type[row] = it.payload_type << 16
        self._ssrc[row] = it.ssrc
        self._index_offset[row] = it.index_offset
        self._timestamp_offset[row] = it.timestamp_offset
        self._counts[row] = (it.listener, *it.sent)
        self._fresh.add(row)
        self._senders.append(sender)
        self._handles.append(sender.handle)
        self._packets.append(self._buffer.ctypes.data + row * self._buffer.strides[0])
        self._length_places.append(self._lengths.ctypes.data + row * self._lengths.strides[0])
        self.listeners.append(it.listener)

    def remove(self, listener: int) -> None:
        """The last row takes the place of the one that goes."""
        row, last = self.listeners.index(listener), len(self.listeners) - 1
        for column in self._columns:
            column[row] = column[last]
        self._outbox.move(last, row)
        self.listeners[row], self._senders[row] = self.listeners[last], self._senders[last]
        self._handles[row] = self._handles[last]
        self._fresh.discard(row)
        if last in self._fresh:
            self._fresh = self._fresh - {last} | ({row} if row != last else set())
        kept: tuple[list[Any], ...] = (self.listeners, self._senders)
        for rows in (*kept, self._handles, self._packets, self._length_places):
            rows.pop()

    def sent(self, listener: int) -> tuple[int, int, int]:
        """Packets, octets, dropped."""
        _, packets, octets, dropped = self._counts[self.listeners.index(listener)].tolist()
        return packets, octets, dropped

    def readdress(self, listener: int, address: tuple[str, int]) -> None:
        """A listener has another address."""
        self._outbox.address(self.listeners.index(listener), address)

    def index_offset(self, listener: int) -> int:
        """The index of a listener's packets less their tick."""
        return int(self._index_offset[self.listeners.index(listener)])

    def send(self, packet: _Past) -> None:
        """One packet to everybody."""
        count = len(self.listeners)
        self._write(0, count, packet)
        if packet.tick - self._sent_at_tick > MAX_STEP:
            self._fresh.update(range(count))
        self._sent_at_tick = packet.tick
        for row in self._fresh:
            self._header[row, 0] |= MARKER
            self._first_tick[row] = packet.tick
            self._senders[row].forward(int(self._ssrc[row]), packet.tick + int(self._index_offset[row]))
            self._handles[row] = self._senders[row].handle
        self._fresh.clear()
        self._go(0, count, len(packet.opus))

    def resend(self, listener: int, past: _Past) -> None:
        """A packet once more to one listener, the same to the bit: under one index there must never be two."""
        row = self.listeners.index(listener)
        if row in self._fresh or past.tick < self._first_tick[row]:
            return
        self._write(row, row + 1, past)
        if past.tick == self._first_tick[row]:
            self._header[row, 0] |= MARKER
        self._go(row, row + 1, len(past.opus))

    def _write(self, first: int, end: int, packet: _Past) -> None:
        """Headers and payloads, in the clear."""
        rows, header, body = slice(first, end), self._header[first:end], HEADER_BYTES + self._extension_bytes
        sequence_numbers = ((self._index_offset[rows] + packet.tick) & 0xFFFF).astype(np.uint32)
        header[:, 0] = self._first_word | self._type[rows] | sequence_numbers
        header[:, 1] = (self._timestamp_offset[rows] + packet.media_time) & 0xFFFFFFFF
        header[:, 2] = self._ssrc[rows]
        self._buffer[rows, body : body + len(packet.opus)] = np.frombuffer(packet.opus, np.uint8)

    def _go(self, first: int, end: int, opus_bytes: int) -> None:
        """Protect, send and count. What could not be protected is not sent: it lies there in the clear."""
        clear = HEADER_BYTES + self._extension_bytes + opus_bytes
        lengths, rows = self._lengths[first:end], slice(first, end)
        lengths[:] = clear
        # Not a loop: a sixth of the time would be the interpreter's.
        statuses = list(map(self._protect, self._handles[rows], self._packets[rows], self._length_places[rows]))
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
    """All listeners that the engine sends to, by programme."""

    def __init__(self, pace: Pacer | None = None) -> None:
        self._pace = pace or Pacer()
        self._sockets: dict[int, socket.socket] = {}
        self._batches: dict[int, dict[_Kind, list[_Batch]]] = {}
        self._homes: dict[int, tuple[m.AddListener, _Batch]] = {}
        self._past: dict[int, deque[_Past]] = {}

    @property
    def waited_ns(self) -> int:
        """How long `send` has waited for the places of batches, in all."""
        return self._pace.waited_ns

    def add_socket(self, number: int, sock: socket.socket) -> None:
        """A socket to send from; this owns it from now on."""
        sock.setblocking(False)
        self._sockets[number] = sock

    def handle(self, message: m.AddListener | m.MoveListener | m.RemoveListener | m.Resend) -> None:
        """Carry out one message. What is said of a listener that is not there is passed over."""
        if isinstance(message, m.AddListener):
            self._add(message)
        elif message.listener not in self._homes:
            return
        elif isinstance(message, m.MoveListener):
            self._move(message)
        elif isinstance(message, m.RemoveListener):
            self._remove(message.listener)
        else:
            self._resend(message)

    def send(self, station: int, tick: int, media_time: int, opus: bytes) -> None:
        """The packet of a tick to all listeners of a programme."""
        kinds = self._batches.get(station)
        if kinds is None or len(opus) > MAX_PACKET_BYTES:
            return
        packet = _Past(tick, media_time, opus)
        self._past[station].append(packet)
        for batches in kinds.values():
            for batch in batches:
                self._pace.begin(tick)
                batch.send(packet)
                self._pace.end(len(batch.listeners))

    def report(self) -> m.Sent:
        """What everybody was sent so far."""
        counts = [batch.counts for kinds in self._batches.values() for some in kinds.values() for batch in some]
        return m.Sent(np.concatenate(counts).astype("<u4").tobytes() if counts else b"")

    def close(self) -> None:
        """Let all sockets go."""
        for sock in self._sockets.values():
            sock.close()

    def _add(self, it: m.AddListener) -> None:
        kind = (it.socket, it.extension, it.profile)
        batches = self._batches.setdefault(it.station, {}).setdefault(kind, [])
        self._past.setdefault(it.station, deque(maxlen=HISTORY_TICKS))
        try:
            batch = next((batch for batch in batches if not batch.is_full), None)
            if batch is None:
                batch = _Batch(self._sockets[it.socket], bytes.fromhex(it.extension))
                batches.append(batch)
            batch.add(it)
        except Exception:
            logger.exception("Listener %d can't be sent to", it.listener)
            self._tidy(it.station)
        else:
            self._homes[it.listener] = (it, batch)

    def _move(self, to: m.MoveListener) -> None:
        it, batch = self._homes[to.listener]
        if to.socket == it.socket:
            try:
                batch.readdress(to.listener, to.address)
            except (OSError, ValueError):
                logger.exception("Listener %d can't be followed", it.listener)
        else:
            sent = batch.sent(to.listener)
            self._remove(to.listener)
            self._add(replace(it, socket=to.socket, address=to.address, sent=sent))

    def _remove(self, listener: int) -> None:
        it, batch = self._homes.pop(listener)
        batch.remove(listener)
        self._tidy(it.station)

    def _resend(self, message: m.Resend) -> None:
        _, batch = self._homes[message.listener]
        past = self._past[message.station]
        offset = batch.index_offset(message.listener)
        for number in message.sequence_numbers:
            found = next((it for it in past if (it.tick + offset) & 0xFFFF == number), None)
            if found is not None:
                batch.resend(message.listener, found)

    def _tidy(self, station: int) -> None:
        """Forget batches and programmes without listeners."""
        kinds = {
            kind: left
            for kind, batches in self._batches[station].items()
            if (left := [batch for batch in batches if batch.listeners])
        }
        if kinds:
            self._batches[station] = kinds
        else:
            del self._batches[station], self._past[station]
