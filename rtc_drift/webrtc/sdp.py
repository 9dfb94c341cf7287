"""What WHEP has to read in an offer and to say in an answer. Pure text in, text out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aiortc.sdp import MediaDescription, SessionDescription

OPUS_PARAMETERS = "minptime=20;useinbandfec=0;stereo=1;sprop-stereo=1"
MID_EXTENSION = "urn:ietf:params:rtp-hdrext:sdes:mid"
HOST_PRIORITY = 126 << 24 | 0xFF
"""Of a host candidate's type and component (RFC 8445, 5.1.2.1); its local preference comes between."""
MAX_MEDIA_LINES = 4
"""Audio, video and data, as players without a care offer them, and one more."""


class BadOfferError(Exception):
    """The offer is not SDP one can work with."""


class UnsupportedOfferError(Exception):
    """The offer is sound, but can't carry one-way Opus."""


@dataclass(frozen=True, slots=True)
class OpusOffer:
    """What matters of an offer."""

    description: SessionDescription
    """What is left of it for aiortc to answer."""
    rejected: tuple[tuple[int, str], ...] = ()
    """Lines that aiortc would accept and nobody wants (data channels): their place, and the section that rejects it."""
    lines: tuple[str | None, ...] = (None,)
    """The section that answers each media line; None for the one that will carry the music."""
    inactive: Mapping[int, str] = field(default_factory=dict)
    """Lines that share its transport and will carry nothing: their place and name. The others are rejected."""
    fragment: str = ""
    password: str = ""
    """ICE's, of the listener."""
    is_lite: bool = False
    """It makes no checks."""
    setup: Literal["active", "passive", "actpass"] = "actpass"
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """Of its certificate, by hash function."""
    payload_type: int = 111
    mid: str = ""
    is_bundled: bool = False
    """Its line is one of a group that shares a transport."""
    mid_extension: int | None = None
    """The header extension that carries the line's name (1 to 14, as one byte holds it), if it asks for that."""
    wants_nack: bool = False
    """It will ask for packets it misses."""


def opus_offer(offer: str) -> OpusOffer:
    """The offer with nothing but Opus on its one audio line, at most lines that ask for video beside it.

    Candidates with mDNS names are left out: only the browser's own network could resolve them, and needlessly, as its
    checks tell its address (they arrive as peer-reflexive candidates). Raises BadOfferError, UnsupportedOfferError.
    """
    if not offer.startswith("v="):
        raise BadOfferError("The offer is not SDP.")
    try:
        description = SessionDescription.parse(offer)
    except Exception as error:
        raise BadOfferError("The offer is not valid SDP.") from error
    lines = description.media
    rejected = _reject_what_is_no_media(description)
    media = _audio_line(description)
    opus = [codec for codec in media.rtp.codecs if codec.mimeType.lower() == "audio/opus"]
    if not opus:
        raise UnsupportedOfferError("The offer does not know Opus.")
    if media.ice is None or not media.ice.usernameFragment or not media.ice.password or media.dtls is None:
        raise BadOfferError("The offer lacks ICE or DTLS parameters.")
    media.rtp.codecs = opus
    media.fmt = [codec.payloadType for codec in opus]
    for line in description.media:
        _drop_names(line)
        _keep_rtcp_mux(line)
    bundled = next((set(group.items) for group in description.group if group.semantic == "BUNDLE"), set[str]())
    inactive = {
        place: line.rtp.muxId
        for place, line in enumerate(lines)
        if line is not media and line.kind == "video" and line.port and {line.rtp.muxId, media.rtp.muxId} <= bundled
    }
    roles: Mapping[str, Literal["active", "passive"]] = {"client": "active", "server": "passive"}
    return OpusOffer(
        description=description,
        rejected=rejected,
        lines=tuple(
            None if line is media else _inactive(line) if place in inactive else _rejecting(line)
            for place, line in enumerate(lines)
        ),
        inactive=inactive,
        fragment=media.ice.usernameFragment,
        password=media.ice.password,
        is_lite=media.ice.iceLite,
        setup=roles.get(media.dtls.role, "actpass"),
        fingerprints={it.algorithm.lower(): it.value.upper() for it in media.dtls.fingerprints},
        payload_type=opus[0].payloadType or 0,
        mid=media.rtp.muxId,
        is_bundled=media.rtp.muxId in bundled,
        mid_extension=next(
            (it.id for it in media.rtp.headerExtensions if it.uri == MID_EXTENSION and 1 <= it.id <= 14), None
        ),
        wants_nack=any(it.type == "nack" and not it.parameter for it in opus[0].rtcpFeedback),
    )


def _audio_line(description: SessionDescription) -> MediaDescription:
    """The one line that will carry the music; the others must not want to send anything."""
    lines = description.media
    audio = [line for line in lines if line.kind == "audio"]
    if not audio:
        raise UnsupportedOfferError("The offer has no audio line.")
    if len(audio) > 1:
        raise UnsupportedOfferError("The offer has more than one audio line.")
    for line in lines:
        line.direction = line.direction or "sendrecv"  # what RFC 8866 says of a line that doesn't say
        if line is not audio[0] and line.direction in ("sendonly", "sendrecv"):
            raise UnsupportedOfferError("The offer wants to send; only what it receives is served.")
    if audio[0].direction not in ("recvonly", "sendrecv"):
        raise UnsupportedOfferError("The offer does not ask to receive audio.")
    if len({line.rtp.muxId for line in lines}) < len(lines):
        raise BadOfferError("Two lines of the offer have the same mid.")
    return audio[0]


def _reject_what_is_no_media(description: SessionDescription) -> tuple[tuple[int, str], ...]:
    if len(description.media) > MAX_MEDIA_LINES:
        raise UnsupportedOfferError(f"The offer has more than {MAX_MEDIA_LINES} media lines.")
    rejected = [(place, line) for place, line in enumerate(description.media) if line.kind not in ("audio", "video")]
    description.media = [line for line in description.media if line.kind in ("audio", "video")]
    for group in description.group:
        group.items = [item for item in group.items if item not in {line.rtp.muxId for _, line in rejected}]
    return tuple((place, _rejecting(line)) for place, line in rejected)


def _rejecting(line: MediaDescription) -> str:
    mid = f"a=mid:{line.rtp.muxId}\r\n" if line.rtp.muxId else ""
    formats = " ".join(map(str, line.fmt))
    return f"m={line.kind} 0 {line.profile} {formats}\r\nc=IN IP4 0.0.0.0\r\n{mid}"


def _keep_rtcp_mux(line: MediaDescription) -> None:
    """Where no port for RTCP is named, aiortc would leave out that it needs none, and refuse its own text."""
    if line.rtcp_mux and line.rtcp_port is None:
        line.rtcp_port, line.rtcp_host = 9, "0.0.0.0"


def _inactive(line: MediaDescription) -> str:
    """What aiortc's own client takes for an answer; a rejected line it takes for an error."""
    codecs = [f"a=rtpmap:{codec.payloadType} {codec}\r\n" for codec in line.rtp.codecs]
    formats = " ".join(map(str, line.fmt))
    head = f"m={line.kind} 9 {line.profile} {formats}\r\nc=IN IP4 0.0.0.0\r\na=mid:{line.rtp.muxId}\r\n"
    return f"{head}a=inactive\r\na=rtcp-mux\r\n{''.join(codecs)}"


def _drop_names(line: MediaDescription) -> None:
    kept = [candidate for candidate in line.ice_candidates if not candidate.ip.lower().endswith(".local")]
    if len(kept) < len(line.ice_candidates):
        line.ice_candidates = kept
        line.ice_candidates_complete = False
    # Firefox writes the same names as addresses of the line.
    if line.host and line.host.lower().endswith(".local"):
        line.host = "0.0.0.0"
    if line.rtcp_host and line.rtcp_host.lower().endswith(".local"):
        line.rtcp_host = "0.0.0.0"


def lite_answer(
    offer: OpusOffer,
    *,
    fragment: str,
    password: str,
    fingerprint: str,
    setup: Literal["active", "passive"],
    candidates: Sequence[tuple[str, int]],
    ssrc: int,
    cname: str,
) -> str:
    """The answer of an ICE-lite sender, with all its `candidates` (host, port)."""
    kind = offer.payload_type
    sections = [
        "v=0",
        f"o=- {ssrc} 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        *([f"a=group:BUNDLE {' '.join((offer.mid, *offer.inactive.values()))}"] if offer.is_bundled else []),
        "a=msid-semantic:WMS *",
    ]
    transport = [
        f"a=ice-ufrag:{fragment}",
        f"a=ice-pwd:{password}",
        f"a=fingerprint:sha-256 {fingerprint}",
        f"a=setup:{setup}",
    ]
    host, port = candidates[0]
    audio = [
        f"m=audio {port} UDP/TLS/RTP/SAVPF {kind}",
        f"c=IN {'IP6' if ':' in host else 'IP4'} {host}",
        *([f"a=mid:{offer.mid}"] if offer.mid else []),
        "a=sendonly",
        "a=rtcp-mux",
        f"a=rtpmap:{kind} opus/48000/2",
        f"a=fmtp:{kind} {OPUS_PARAMETERS}",
        *([f"a=rtcp-fb:{kind} nack"] if offer.wants_nack else []),
        *([f"a=extmap:{offer.mid_extension} {MID_EXTENSION}"] if offer.mid_extension else []),
        f"a=msid:{cname} {cname}",
        f"a=ssrc:{ssrc} cname:{cname}",
        *transport,
        *(
            f"a=candidate:{number} 1 udp {HOST_PRIORITY | 0xFFFF - number << 8} {address} {at} typ host"
            for number, (address, at) in enumerate(candidates)
        ),
        "a=end-of-candidates",
    ]
    for place, section in enumerate(offer.lines):
        if section is None:
            sections += audio
        else:
            sections += [*section.splitlines(), *(transport if place in offer.inactive else ())]
    return "\r\n".join(sections) + "\r\n"


def advertised(answer: str, address: str) -> str:
    """The answer with `address` in place of this host's own."""
    family = r"[0-9a-fA-F:]*:[0-9a-fA-F:.]*" if ":" in address else r"[0-9.]+"
    return re.sub(rf"^(a=candidate:\S+ \d+ \S+ \d+) {family} (\d+ typ host)", rf"\1 {address} \2", answer, flags=re.M)


def whole_answer(answer: str, offer: OpusOffer) -> str:
    """The answer to the whole offer: with the lines that were kept from aiortc, and with stereo."""
    head, *sections = re.split(r"^(?=m=)", stereo_answer(answer), flags=re.MULTILINE)
    for place, section in offer.rejected:
        sections.insert(place, section)
    return "".join((head, *sections))


def stereo_answer(answer: str) -> str:
    """The answer with Opus parameters that say stereo comes and is welcome; aiortc gives none."""
    mapping = re.search(r"^a=rtpmap:(\d+) opus/48000/2\r?$", answer, re.MULTILINE | re.IGNORECASE)
    if mapping is None or re.search(rf"^a=fmtp:{mapping[1]} ", answer, re.MULTILINE):
        return answer
    return answer.replace(mapping[0], f"{mapping[0].rstrip()}\r\na=fmtp:{mapping[1]} {OPUS_PARAMETERS}\r", 1)
