"""Receive from many UDP sockets without waiting: `recvmmsg` into one buffer, with times of arrival (Linux)."""

import ctypes
import socket
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

DATAGRAMS = 32
"""Largest number of datagrams received from a socket in one call."""
DATAGRAM_BYTES = 2048
SO_TIMESTAMPNS = 35
_CONTROL_BYTES = 32
"""A `struct cmsghdr` of 16 bytes and a `struct timespec` of two 64-bit numbers."""
_VECTOR = np.dtype([("base", np.uint64), ("length", np.uint64)])
_MESSAGE = np.dtype(
    {
        "names": ["vectors", "vector_count", "control", "control_bytes", "received_bytes"],
        "formats": [np.uint64, np.uint64, np.uint64, np.uint64, np.uint32],
        "offsets": [16, 24, 32, 40, 56],
        "itemsize": 64,
    }
)
"""`struct mmsghdr` on 64-bit Linux, without the sender's address."""


class UdpReceiver:
    """A buffer with `DATAGRAMS` rows for each socket. Received datagrams stay there until the next `receive`."""

    def __init__(self, sockets: int) -> None:
        rows = sockets * DATAGRAMS
        self.data = np.zeros((rows, DATAGRAM_BYTES), np.uint8)
        self._control = np.zeros((rows, _CONTROL_BYTES // 8), np.int64)
        self._vectors = np.zeros(rows, _VECTOR)
        self._messages = np.zeros(rows, _MESSAGE)
        row_numbers = np.arange(rows, dtype=np.uint64)
        self._vectors["base"] = self.data.ctypes.data + row_numbers * DATAGRAM_BYTES
        self._vectors["length"] = DATAGRAM_BYTES
        self._messages["vectors"] = self._vectors.ctypes.data + row_numbers * self._vectors.itemsize
        self._messages["vector_count"] = 1
        self._messages["control"] = self._control.ctypes.data + row_numbers * _CONTROL_BYTES
        self._base = self._messages.ctypes.data
        self._stride = DATAGRAMS * self._messages.itemsize
        self._receive = _recvmmsg()

    def receive(self, descriptors: Sequence[int]) -> NDArray[np.intp]:
        """Receive what waits in each socket (-1 = no socket). Return the filled rows, each socket's by arrival.

        Socket n has rows n · DATAGRAMS and following. If all of them are filled, more may be waiting.
        """
        self._messages["control_bytes"] = _CONTROL_BYTES
        counts, receive, address = np.zeros(len(descriptors), np.intp), self._receive, self._base
        for number, descriptor in enumerate(descriptors):
            if descriptor >= 0:
                counts[number] = max(0, receive(descriptor, address, DATAGRAMS, socket.MSG_DONTWAIT, None))
            address += self._stride
        return np.flatnonzero(np.arange(DATAGRAMS) < counts[:, None])

    def lengths(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the lengths in bytes of the datagrams in some rows."""
        lengths: NDArray[np.int64] = self._messages["received_bytes"][rows].astype(np.int64)
        return lengths

    def arrived_ns(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the times at which the kernel received some rows, in nanoseconds since the epoch."""
        arrived_ns: NDArray[np.int64] = self._control[rows, 2] * 1_000_000_000 + self._control[rows, 3]
        return arrived_ns

    def datagram(self, row: int) -> bytes:
        """Return the datagram in a row."""
        return self.data[row, : int(self._messages["received_bytes"][row])].tobytes()


def open_socket(address: str, receive_buffer_bytes: int) -> socket.socket:
    """Open a UDP socket on a local address whose datagrams get a time of arrival."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind((address, 0))
    return sock


def _recvmmsg() -> Any:
    # PyDLL keeps the interpreter lock: there is no other thread, and releasing it costs as much as the call.
    function = ctypes.PyDLL(None).recvmmsg
    function.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
    return function
