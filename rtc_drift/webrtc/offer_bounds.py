"""Bounds what a stranger's SDP may hold, before it is parsed: aiortc's parser takes quadratic time.

Only lines that are read later pass; so most of what browsers write (SSRCs, video feedback, header extensions) is gone
before it costs anything.
"""

import ipaddress
import re
from collections import Counter

MAX_SDP_BYTES = 16 * 1024
"""Size of an offer or a trickled fragment. Chromium's offer for audio and video takes 6 kB."""
MAX_LINES = 300
MAX_FORMAT_LINES = 64
"""Number of `rtpmap` lines, and of `rtcp-fb` lines of audio. Chromium's offer for audio and video has 42 and 1."""
MAX_CANDIDATES = 8
"""Number of candidates of one listener that are used, of its offer and trickled; more are left out."""
MAX_CREDENTIAL_CHARACTERS = 256
"""Length of a username fragment or password (RFC 8839, 5.4)."""
MID_EXTENSION = "urn:ietf:params:rtp-hdrext:sdes:mid"

_READ = frozenset(
    (
        *("mid", "group", "rtpmap", "fmtp", "rtcp", "rtcp-mux", "sendrecv", "sendonly", "recvonly", "inactive"),
        *("ice-ufrag", "ice-pwd", "ice-lite", "ice-options", "end-of-candidates", "fingerprint", "setup"),
    )
)
"""Attributes that are read; others are dropped."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters other than tabs and ends of lines; Python's `splitlines` takes some of them for ends of lines."""


class BadOfferError(Exception):
    """The offer is not valid SDP, lacks something that is required, or has too much of something."""


def bounded(offer: str) -> str:
    """Return the lines of an offer that are read. Raises BadOfferError if it has too much of something."""
    section, counts, kept = "", Counter[str](), dict[tuple[str, str], None]()
    candidates = set[tuple[str, int] | None]()
    for number, line in enumerate(checked_lines(offer)):
        if line.startswith("m="):
            section = line[2:].partition(" ")[0]
        name, _, value = line[2:].partition(":") if line.startswith("a=") else ("", "", "")
        counts[name] += name != "rtcp-fb" or section == "audio"
        if name == "candidate":
            candidates.add(usable_address(value))
        elif name in ("ice-ufrag", "ice-pwd") and len(value) > MAX_CREDENTIAL_CHARACTERS:
            raise BadOfferError(f"The offer's {name} is longer than {MAX_CREDENTIAL_CHARACTERS} characters.")
        if not name or _is_read(section, name, value):
            # Feedback for all codecs may be repeated in every line: the parser would copy each to each codec.
            kept[line, "" if name == "rtcp-fb" else str(number)] = None
    for count, most, kind in (
        (counts["rtpmap"], MAX_FORMAT_LINES, "rtpmap lines"),
        (counts["rtcp-fb"], MAX_FORMAT_LINES, "rtcp-fb lines"),
    ):
        if count > most:
            raise BadOfferError(f"The offer has more than {most} {kind}.")
    # Where some candidates are left out, the listener's checks will show more. Without any, aiortc would gather none.
    is_whole = bool(candidates) and None not in candidates
    return "\r\n".join(line for line, _ in kept if is_whole or line != "a=end-of-candidates") + "\r\n"


def checked_lines(text: str) -> list[str]:
    """Return the lines of an offer or a fragment. Raises BadOfferError if it is too long or isn't plain text."""
    if len(text) > MAX_SDP_BYTES:
        raise BadOfferError(f"The SDP is larger than {MAX_SDP_BYTES // 1024} KiB.")
    if _CONTROL.search(text):
        raise BadOfferError("The SDP has a control character.")
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise BadOfferError(f"The SDP has more than {MAX_LINES} lines.")
    return lines


def usable_address(candidate: str) -> tuple[str, int] | None:
    """Return host and port of a candidate (the value of `a=candidate`), or None if it can't be used.

    It can if it is for UDP, of component 1, and at the IP address of one host. Names, which browsers write in place of
    their addresses (mDNS), can be resolved only in the browser's own network.
    """
    match candidate.split():
        case [_, "1", protocol, _, host, port, "typ", *_] if protocol.lower() == "udp" and _is_port(port):
            try:
                address = ipaddress.ip_address(host)
            except ValueError:
                return None
            is_one_host = not (address.is_multicast or address.is_unspecified or host == "255.255.255.255")
            return (str(address), int(port)) if is_one_host else None
    return None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) < 1 << 16


def _is_read(section: str, name: str, value: str) -> bool:
    match name:
        case "extmap":
            return value.endswith(f" {MID_EXTENSION}")
        case "rtcp-fb":
            return section == "audio" and value.split()[1:] == ["nack"]
        case "candidate":
            # A malformed one is left for the parser, which refuses it.
            return len(value.split()) < 8 or usable_address(value) is not None
        case _:
            return name in _READ
