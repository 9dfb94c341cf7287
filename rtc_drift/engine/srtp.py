"""SRTP in place: libsrtp called directly, which saves two copies and three objects a packet.

The only place that touches private parts of pylibsrtp (its C session and its binding). `check` tells at the start
whether they are as expected; where they are not, listeners are served through aiortc alone.
"""

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pylibsrtp

_binding: Any = pylibsrtp

TRAILER_BYTES = 144
"""What libsrtp may add behind a packet: authentication tag and key identifier."""
_PROBE = b"\x80\x6f\x12\x34" + bytes(8) + b"probe"


class SrtpUnavailableError(Exception):
    """pylibsrtp is not as expected; the message says how."""


class SrtpSender:
    """The sending end of one listener's SRTP. Its packets are protected where they lie in memory."""

    def __init__(self, profile: int, key: bytes) -> None:
        """`profile` by libsrtp's number; `key` is master key and salt. Raises pylibsrtp.Error, ValueError."""
        policy = pylibsrtp.Policy(key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        # A packet that was lost is sent again as it was, with the same index.
        policy.allow_repeat_tx = True
        self._policy = policy
        self._begin()

    def forward(self, ssrc: int, index: int) -> None:
        """Go to packet `index` (roll-over · 65536 + sequence number), as if those before it had been sent."""
        self._begin()
        for step in steps_to(index):
            header = b"\x80\x00" + (step & 0xFFFF).to_bytes(2, "big") + bytes(4) + ssrc.to_bytes(4, "big")
            self._session.protect(header)

    def _begin(self) -> None:
        self._session = pylibsrtp.Session(self._policy)
        self.handle = int(_binding.ffi.cast("intptr_t", self._session._srtp[0]))
        """The C session's address, for `protect`."""


def in_place() -> Callable[[int, int, int], int]:
    """`protect(handle, packet, length)`, all addresses, is 0 when it worked; the length, an int32, is in and out.

    Called through ctypes, as pylibsrtp's own binding gives the interpreter away at every call: with a decoder waiting
    for it, a thousand packets would be a thousand chances to wait for a thread that has time.
    """
    address = int(_binding.ffi.cast("intptr_t", _binding.ffi.addressof(_binding.lib, "srtp_protect")))
    signature = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    return signature(address)


def check() -> None:
    """See whether protecting in place gives what the public way gives. Raises SrtpUnavailableError."""
    profile = pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80
    key = bytes(range(30))
    try:
        expected = pylibsrtp.Session(
            pylibsrtp.Policy(key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        ).protect(_PROBE)
        packet = np.zeros(len(_PROBE) + TRAILER_BYTES, np.uint8)
        packet[: len(_PROBE)] = np.frombuffer(_PROBE, np.uint8)
        length = np.full(1, len(_PROBE), np.int32)
        sender = SrtpSender(profile, key)
        status = in_place()(sender.handle, packet.ctypes.data, length.ctypes.data)
    except (AttributeError, TypeError, IndexError, pylibsrtp.Error) as error:
        raise SrtpUnavailableError(f"pylibsrtp has changed ({error})") from error
    if status or packet[: length[0]].tobytes() != expected:
        raise SrtpUnavailableError("pylibsrtp has changed (protecting in place gives something else)")


MAX_STEP = 2**15 - 1
"""The furthest a receiver, or libsrtp, follows a sequence number forward."""


def steps_to(index: int) -> Iterator[int]:
    """Indices of packets that lead a fresh SRTP session, which is before index 0, up to just before `index`."""
    yield from range(0, index, MAX_STEP)
