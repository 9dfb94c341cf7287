"""Many datagrams in one system call: `sendmmsg` where the system has it (Linux), else one `sendto` each."""

import ctypes
import errno
import socket
import struct
import sys
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Addresses = NDArray[np.uint8]
MAX_AT_ONCE = 1024
"""What the kernel takes in one call (UIO_MAXIOV)."""
ADDRESS_BYTES = 28
"""Of an IPv6 socket address; an IPv4 one has 16."""


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_size_t), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """`struct msghdr`, pointers as numbers."""

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
    """`struct mmsghdr`. The header is padded by itself, so the fields can't all stand in one structure."""

    _fields_ = (("header", _Header), ("sent", ctypes.c_uint))


def _dtype(structure: type[ctypes.Structure], itemsize: int) -> np.dtype[Any]:
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
    """Datagrams that lie in rows of one buffer, each with an address of its own."""

    def address(self, row: int, address: tuple[str, int]) -> None:
        """Where the datagram of a row goes."""

    def move(self, source: int, target: int) -> None:
        """The datagram of row `target` goes where that of `source` did."""

    def send(self, sock: socket.socket, first: int, count: int, length: int) -> list[int]:
        """Send `length` bytes of `count` rows from `first` on, without waiting; gives the rows that could not be."""


class BatchOutbox:
    """Sends with `sendmmsg`: what one datagram costs is the kernel's work on it, and nothing else."""

    def __init__(self, buffer: NDArray[np.uint8]) -> None:
        """`buffer`: `(rows, bytes)`, one datagram a row."""
        rows = len(buffer)
        self._vectors = np.zeros(rows, _VECTORS)
        self._messages = np.zeros(rows, _MESSAGES)
        self._addresses = np.zeros((rows, ADDRESS_BYTES), np.uint8)
        places = np.arange(rows, dtype=np.uint64)
        self._vectors["base"] = buffer.ctypes.data + places * buffer.strides[0]
        self._messages["name"] = self._addresses.ctypes.data + places * ADDRESS_BYTES
        self._messages["vectors"] = self._vectors.ctypes.data + places * self._vectors.strides[0]
        self._messages["vector_count"] = 1

    def address(self, row: int, address: tuple[str, int]) -> None:
        packed = socket_address(address)
        self._addresses[row, : len(packed)] = np.frombuffer(packed, np.uint8)
        self._messages["name_length"][row] = len(packed)

    def move(self, source: int, target: int) -> None:
        self._addresses[target] = self._addresses[source]
        self._messages["name_length"][target] = self._messages["name_length"][source]

    def send(self, sock: socket.socket, first: int, count: int, length: int) -> list[int]:
        assert _sendmmsg is not None
        self._vectors["length"][first : first + count] = length
        fd, base, size = sock.fileno(), self._messages.ctypes.data, self._messages.strides[0]
        failed, row, end = [], first, first + count
        while row < end:
            sent = _sendmmsg(fd, base + row * size, min(MAX_AT_ONCE, end - row), socket.MSG_DONTWAIT)
            if sent > 0:
                row += sent
            elif ctypes.get_errno() != errno.EINTR:
                # The first one could not be sent; those behind it are none the worse for it.
                failed.append(row)
                row += 1
        return failed


class PlainOutbox:
    """The same with `sendto`."""

    def __init__(self, buffer: NDArray[np.uint8]) -> None:
        self._buffer = buffer
        self._addresses: list[tuple[str, int]] = [("", 0)] * len(buffer)

    def address(self, row: int, address: tuple[str, int]) -> None:
        self._addresses[row] = address

    def move(self, source: int, target: int) -> None:
        self._addresses[target] = self._addresses[source]

    def send(self, sock: socket.socket, first: int, count: int, length: int) -> list[int]:
        failed = []
        for row in range(first, first + count):
            try:
                sock.sendto(self._buffer[row, :length].data, self._addresses[row])
            except OSError:
                failed.append(row)
        return failed


def socket_address(address: tuple[str, int]) -> bytes:
    """A `struct sockaddr_in` or `sockaddr_in6` as Linux has them. Raises OSError, ValueError."""
    host, port = address
    if ":" in host:
        head = struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, 0)
        return head + socket.inet_pton(socket.AF_INET6, host) + bytes(4)
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)


def _load() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    # Not one that gives the interpreter away meanwhile: getting it back would take longer than sending.
    function = getattr(ctypes.PyDLL(None, use_errno=True), "sendmmsg", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    return function


_sendmmsg = _load()
outbox: type[BatchOutbox] | type[PlainOutbox] = PlainOutbox if _sendmmsg is None else BatchOutbox
"""The better one that this system has."""
