"""Many datagrams in one system call: `sendmmsg` where the system has it (Linux), else one `sendto` for each."""

import ctypes
import errno
import socket
import struct
import sys
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

MAX_AT_ONCE = 1024
"""Most datagrams that the kernel takes in one call (UIO_MAXIOV)."""
ADDRESS_BYTES = 28
"""Size of an IPv6 socket address; an IPv4 one has 16 bytes."""


class _Vector(ctypes.Structure):
    """`struct iovec`, with the pointer as a number."""

    _fields_ = (("base", ctypes.c_size_t), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """`struct msghdr`, with pointers as numbers."""

    _fields_ = (
        ("name", ctypes.c_size_t),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.c_size_t),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_size_t),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """`struct mmsghdr`. The header is padded by itself, so all fields can't be in one structure."""

    _fields_ = (("header", _Header), ("sent", ctypes.c_uint))


def _dtype(structure: type[ctypes.Structure], itemsize: int) -> np.dtype[Any]:
    """Return the numpy type of a structure, `itemsize` bytes long."""
    names = [field[0] for field in structure._fields_]
    return np.dtype(
        {
            "names": names,
            "formats": [np.dtype(field[1]) for field in structure._fields_],
            "offsets": [getattr(structure, name).offset for name in names],
            "itemsize": itemsize,
        }
    )


_VECTORS = _dtype(_Vector, ctypes.sizeof(_Vector))
_MESSAGES = _dtype(_Header, ctypes.sizeof(_Message))


class Outbox(Protocol):
    """Datagrams in the rows of one buffer, each with an address of its own."""

    def address(self, row: int, address: tuple[str, int]) -> None:
        """Set the address of a row. May raise OSError or ValueError if it is not valid."""

    def move(self, source: int, target: int) -> None:
        """Give row `target` the address of row `source`."""

    def send(self, sock: socket.socket, first: int, count: int, length: int) -> list[int]:
        """Send `length` bytes of `count` rows from `first` on, without waiting. Return the rows that failed."""


class BatchOutbox:
    """An outbox that sends with `sendmmsg`: a datagram costs only the kernel's work on it."""

    def __init__(self, buffer: NDArray[np.uint8]) -> None:
        """Create an outbox for `buffer`, `(rows, bytes)`, with one datagram in each row."""
        rows = len(buffer)
        self._vectors = np.zeros(rows, _VECTORS)
        self._messages = np.zeros(rows, _MESSAGES)
        self._addresses = np.zeros((rows, ADDRESS_BYTES), np.uint8)
        numbers = np.arange(rows, dtype=np.uint64)
        self._vectors["base"] = buffer.ctypes.data + numbers * buffer.strides[0]
        self._messages["name"] = self._addresses.ctypes.data + numbers * ADDRESS_BYTES
        self._messages["vectors"] = self._vectors.ctypes.data + numbers * self._vectors.strides[0]
        self._messages["vector_count"] = 1

    def address(self, row: int, address: tuple[str, int]) -> None:
        """Set the address of a row. Raises OSError or ValueError if it is not valid."""
        packed = socket_address(address)
        self._addresses[row, : len(packed)] = np.frombuffer(packed, np.uint8)
        self._messages["name_length"][row] = len(packed)

    def move(self, source: int, target: int) -> None:
        """Give row `target` the address of row `source`."""
        self._addresses[target] = self._addresses[source]
        self._messages["name_length"][target] = self._messages["name_length"][source]

    def send(self, sock: socket.socket, first: int, count: int, length: int) -> list[int]:
        """Send `length` bytes of `count` rows from `first` on, without waiting. Return the rows that failed."""
        assert _sendmmsg is not None
        self._vectors["length"][first : first + count] = length
        fd, base, size = sock.fileno(), self._messages.ctypes.data, self._messages.strides[0]
        failed, row, end = [], first, first + count
        while row < end:
            sent = _sendmmsg(fd, base + row * size, min(MAX_AT_ONCE, end - row), socket.MSG_DONTWAIT)
            if sent > 0:
                row += sent
            elif ctypes.get_errno() != errno.EINTR:
                # Only the first one could not be sent; try those after it.
                failed.append(row)
                row += 1
        return failed


class PlainOutbox:
    """An outbox that sends each datagram with `sendto`."""

    def __init__(self, buffer: NDArray[np.uint8]) -> None:
        """Create an outbox for `buffer`, `(rows, bytes)`, with one datagram in each row."""
        self._buffer = buffer
        self._addresses: list[tuple[str, int]] = [("", 0)] * len(buffer)

    def address(self, row: int, address: tuple[str, int]) -> None:
        """Set the address of a row."""
        self._addresses[row] = address

    def move(self, source: int, target: int) -> None:
        """Give row `target` the address of row `source`."""
        self._addresses[target] = self._addresses[source]

    def send(self, sock: socket.socket, first: int, count: int, length: int) -> list[int]:
        """Send `length` bytes of `count` rows from `first` on, without waiting. Return the rows that failed."""
        failed = []
        for row in range(first, first + count):
            try:
                sock.sendto(self._buffer[row, :length].data, self._addresses[row])
            except OSError:
                failed.append(row)
        return failed


def socket_address(address: tuple[str, int]) -> bytes:
    """Pack an address as Linux's `struct sockaddr_in` or `sockaddr_in6`. Raises OSError or ValueError if invalid."""
    host, port = address
    if ":" in host:
        head = struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, 0)
        return head + socket.inet_pton(socket.AF_INET6, host) + bytes(4)
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)


def _load_sendmmsg() -> Any:
    """Return the C library's `sendmmsg`, or None if there is none."""
    if not sys.platform.startswith("linux"):
        return None
    # PyDLL keeps the interpreter lock during the call: this process has no other thread.
    function = getattr(ctypes.PyDLL(None, use_errno=True), "sendmmsg", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    return function


_sendmmsg = _load_sendmmsg()
outbox: type[BatchOutbox] | type[PlainOutbox] = PlainOutbox if _sendmmsg is None else BatchOutbox
"""The faster class of those that work on this system."""
