"""SRTP in place: libsrtp called directly, which saves two copies and three objects for each packet.

The only module that touches private parts of pylibsrtp (its C session and its binding). `check_in_place` tests at
start-up that they are as expected; if they are not, aiortc sends to all listeners.
"""

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pylibsrtp

_binding: Any = pylibsrtp

TRAILER_BYTES = 144
"""Most bytes that libsrtp adds after a packet: authentication tag and key identifier."""
_PROBE = b"\x80\x6f\x12\x34" + bytes(8) + b"probe"


class SrtpUnavailableError(Exception):
    """A pylibsrtp that is not as expected. The message names the difference."""


class SrtpSender:
    """The sending side of one listener's SRTP session. It protects packets in place, where they lie in memory."""

    def __init__(self, profile: int, key: bytes) -> None:
        """Open a session. Raises pylibsrtp.Error or ValueError.

        `profile` is the number that libsrtp gives it; `key` is master key and salt.
        """
        policy = pylibsrtp.Policy(key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        # A lost packet is sent again unchanged, with the same index.
        policy.allow_repeat_tx = True
        self._policy = policy
        self._open_session()

    def skip_to(self, ssrc: int, index: int) -> None:
        """Go to packet `index` (roll-over count · 65536 + sequence number), as if all before it had been sent."""
        self._open_session()
        for step in steps_to(index):
            header = b"\x80\x00" + (step & 0xFFFF).to_bytes(2, "big") + bytes(4) + ssrc.to_bytes(4, "big")
            self._session.protect(header)

    def _open_session(self) -> None:
        self._session = pylibsrtp.Session(self._policy)
        self.session_address = int(_binding.ffi.cast("intptr_t", self._session._srtp[0]))
        """The C session's address, for `protect`."""


def load_protect() -> Callable[[int, int, int], int]:
    """Return `protect(session, packet, length)`, which takes three addresses and returns 0 if it worked.

    `length` is the address of an int32, which is read and updated. The call goes through ctypes because pylibsrtp's own
    binding gives the interpreter lock away and takes it back for each packet.
    """
    address = int(_binding.ffi.cast("intptr_t", _binding.ffi.addressof(_binding.lib, "srtp_protect")))
    signature = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    return signature(address)


def check_in_place() -> None:
    """Check that protecting in place gives the same as pylibsrtp's public interface. Raises SrtpUnavailableError."""
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
        status = load_protect()(sender.session_address, packet.ctypes.data, length.ctypes.data)
    except (AttributeError, TypeError, IndexError, pylibsrtp.Error) as error:
        raise SrtpUnavailableError(f"pylibsrtp has changed ({error})") from error
    if status or packet[: length[0]].tobytes() != expected:
        raise SrtpUnavailableError("pylibsrtp has changed (protecting in place gives other bytes)")


MAX_STEP = 2**15 - 1
"""Largest step forward in sequence numbers that a receiver, or libsrtp, follows."""


def steps_to(index: int) -> Iterator[int]:
    """Yield packet indices that lead a new SRTP session, which is before index 0, to just before `index`."""
    yield from range(0, index, MAX_STEP)
