"""Answers for two peers that both make an SDP offer, each made of the other's offer."""

import re

PAYLOAD_TYPE = 111
_MID_EXTENSION = "urn:ietf:params:rtp-hdrext:sdes:mid"


def answer_for_listener(offer: str, server: str) -> str:
    """Return the answer to a listener's offer: the Opus stream and the transport of the `server`'s offer.

    Raises ValueError unless each offer has exactly one media line, with Opus as payload type 111, and the attributes
    of a transport.
    """
    return _answer(offer, server, "passive", ("a=sendonly", *(f"a=ssrc:{it}" for it in _all(server, "ssrc"))))


def answer_for_server(offer: str, listener: str) -> str:
    """Return the answer to the server's offer: the listener receives. Raises ValueError like `answer_for_listener`."""
    return _answer(offer, listener, "active", ("a=recvonly",))


def _answer(offer: str, other: str, setup: str, more: tuple[str, ...]) -> str:
    for each in (offer, other):
        if len(re.findall(r"^m=", each, re.MULTILINE)) != 1 or f"{PAYLOAD_TYPE} opus/48000/2" not in _all(
            each, "rtpmap"
        ):
            raise ValueError("not one line of Opus as payload type 111")
    mid = _one(offer, "mid")
    lines = (
        *("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {mid}"),
        *(f"m=audio 9 UDP/TLS/RTP/SAVPF {PAYLOAD_TYPE}", "c=IN IP4 0.0.0.0", f"a=mid:{mid}", "a=rtcp-mux"),
        f"a=rtpmap:{PAYLOAD_TYPE} opus/48000/2",
        *(
            f"a=extmap:{it}"
            for it in _all(offer, "extmap")
            if it.endswith(_MID_EXTENSION) and it in _all(other, "extmap")
        ),
        *(f"a={name}:{_one(other, name)}" for name in ("ice-ufrag", "ice-pwd", "fingerprint")),
        *(f"a=candidate:{it}" for it in _all(other, "candidate")),
        *("a=end-of-candidates", f"a=setup:{setup}", *more),
    )
    return "".join(f"{line}\r\n" for line in lines)


def _one(sdp: str, name: str) -> str:
    found = _all(sdp, name)
    if not found:
        raise ValueError(f"no a={name}")
    return found[0]


def _all(sdp: str, name: str) -> list[str]:
    return re.findall(rf"^a={name}:(.+?)\r?$", sdp, re.MULTILINE)
