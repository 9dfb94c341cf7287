"""WHEP offers and answers: SDP text in, values or SDP text out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aiortc.sdp import MediaDescription, SessionDescription

from rtc_drift.webrtc.offer_bounds import MID_EXTENSION, BadOfferError, bounded

OPUS_PARAMETERS = "minptime=20;useinbandfec=0;stereo=1;sprop-stereo=1"
HOST_PRIORITY = 126 << 24 | 0xFF
"""Priority of a host candidate of component 1, with local preference 0 (RFC 8445, 5.1.2.1)."""
PAYLOAD_TYPES = range(128)
"""Numbers that fit into the 7 bits of an RTP header; aiortc's parser takes any."""
MAX_MEDIA_LINES = 4
"""Largest number of media lines in an offer: generic players offer audio, video and data; one is spare."""
_SETUP_OF_ROLE: Mapping[str, Literal["active", "passive"]] = {"client": "active", "server": "passive"}


class UnsupportedOfferError(Exception):
    """The offer is valid but can't carry one-way Opus."""


@dataclass(frozen=True, slots=True)
class OpusOffer:
    """The parsed offer of a listener."""

    description: SessionDescription
    """Audio and video lines of the offer, with Opus as the only audio codec, for aiortc to answer."""
    rejected: tuple[tuple[int, str], ...] = ()
    """Other media lines (data channels), which aiortc would accept: the index, and the section that rejects it."""
    lines: tuple[str | None, ...] = (None,)
    """Section of the answer for each media line; None for the audio line that will carry the music."""
    inactive: Mapping[int, str] = field(default_factory=dict)
    """Mids, by index, of video lines bundled with the audio line: they carry nothing. Other lines are rejected."""
    fragment: str = ""
    """Username fragment of the listener's ICE credentials (`ice-ufrag`)."""
    password: str = ""
    """Password of the listener's ICE credentials (`ice-pwd`)."""
    is_lite: bool = False
    """True if the listener is ICE-lite: it sends no connectivity checks."""
    setup: Literal["active", "passive", "actpass"] = "actpass"
    """DTLS role that the listener offers."""
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """Fingerprints of the listener's certificate, by hash algorithm in lower case."""
    payload_type: int = 111
    """RTP payload type of Opus."""
    mid: str = ""
    """Mid of the audio line; empty if it has none."""
    is_bundled: bool = False
    """True if the audio line is in a BUNDLE group."""
    mid_extension: int | None = None
    """Id of the RTP header extension for the mid, 1 to 14 (one-byte form); None if not offered."""
    wants_nack: bool = False
    """True if the listener will send NACKs for missing packets."""
    addresses: frozenset[tuple[str, int]] = frozenset()
    """Host and port of each candidate."""


def opus_offer(offer: str) -> OpusOffer:
    """Parse an offer that asks to receive Opus on one audio line, possibly with lines that ask to receive video.

    Candidates with mDNS names are dropped: only the browser's own network can resolve them. They are not needed, as
    the browser's checks show its address (a peer-reflexive candidate). Takes a few milliseconds at most. Raises
    BadOfferError, UnsupportedOfferError.
    """
    description = _parse(offer)
    lines = description.media
    rejected = _reject_other_media(description)
    media = _audio_line(description)
    opus = [
        codec
        for codec in media.rtp.codecs
        if codec.mimeType.lower() == "audio/opus" and codec.payloadType in PAYLOAD_TYPES
    ]
    if not opus:
        raise UnsupportedOfferError("The offer has no Opus codec.")
    if media.ice is None or not media.ice.usernameFragment or not media.ice.password or media.dtls is None:
        raise BadOfferError("The offer lacks ICE or DTLS parameters.")
    media.rtp.codecs = opus
    media.fmt = [codec.payloadType for codec in opus]
    for line in description.media:
        _drop_mdns_host(line)
        _keep_rtcp_mux(line)
    bundled = next((set(group.items) for group in description.group if group.semantic == "BUNDLE"), set[str]())
    inactive = {
        index: line.rtp.muxId
        for index, line in enumerate(lines)
        if line is not media and line.kind == "video" and line.port and {line.rtp.muxId, media.rtp.muxId} <= bundled
    }
    return OpusOffer(
        description=description,
        rejected=rejected,
        lines=tuple(
            None if line is media else _inactive_section(line) if index in inactive else _rejected_section(line)
            for index, line in enumerate(lines)
        ),
        inactive=inactive,
        fragment=media.ice.usernameFragment,
        password=media.ice.password,
        is_lite=media.ice.iceLite,
        setup=_SETUP_OF_ROLE.get(media.dtls.role, "actpass"),
        fingerprints={it.algorithm.lower(): it.value.upper() for it in media.dtls.fingerprints},
        payload_type=opus[0].payloadType or 0,
        mid=media.rtp.muxId,
        is_bundled=media.rtp.muxId in bundled,
        mid_extension=next(
            (it.id for it in media.rtp.headerExtensions if it.uri == MID_EXTENSION and 1 <= it.id <= 14), None
        ),
        wants_nack=any(it.type == "nack" and not it.parameter for it in opus[0].rtcpFeedback),
        addresses=frozenset((it.ip, it.port) for line in description.media for it in line.ice_candidates),
    )


def _parse(offer: str) -> SessionDescription:
    if not offer.startswith("v="):
        raise BadOfferError("The offer is not SDP.")
    lines = bounded(offer)
    try:
        return SessionDescription.parse(lines)
    except Exception as error:
        raise BadOfferError("The offer is not valid SDP.") from error


def _audio_line(description: SessionDescription) -> MediaDescription:
    """Return the only audio line. Raises UnsupportedOfferError, also if another line wants to send; BadOfferError."""
    lines = description.media
    audio = [line for line in lines if line.kind == "audio"]
    if not audio:
        raise UnsupportedOfferError("The offer has no audio line.")
    if len(audio) > 1:
        raise UnsupportedOfferError("The offer has more than one audio line.")
    for line in lines:
        line.direction = line.direction or "sendrecv"  # the default (RFC 8866, 6.7)
        if line is not audio[0] and line.direction in ("sendonly", "sendrecv"):
            raise UnsupportedOfferError("The offer wants to send media; this server only sends it.")
    if audio[0].direction not in ("recvonly", "sendrecv"):
        raise UnsupportedOfferError("The offer does not ask to receive audio.")
    if len({line.rtp.muxId for line in lines}) < len(lines):
        raise BadOfferError("Two lines of the offer have the same mid.")
    return audio[0]


def _reject_other_media(description: SessionDescription) -> tuple[tuple[int, str], ...]:
    """Remove lines other than audio and video; return their indices and the sections that reject them.

    Groups then name the lines that are left, and no others: aiortc would bundle lines with one that is not there.
    """
    if len(description.media) > MAX_MEDIA_LINES:
        raise UnsupportedOfferError(f"The offer has more than {MAX_MEDIA_LINES} media lines.")
    rejected = [(index, line) for index, line in enumerate(description.media) if line.kind not in ("audio", "video")]
    description.media = [line for line in description.media if line.kind in ("audio", "video")]
    left = {line.rtp.muxId for line in description.media}
    for group in description.group:
        group.items = [item for item in group.items if item in left]
    return tuple((index, _rejected_section(line)) for index, line in rejected)


def _rejected_section(line: MediaDescription) -> str:
    mid = f"a=mid:{line.rtp.muxId}\r\n" if line.rtp.muxId else ""
    formats = " ".join(map(str, line.fmt))
    return f"m={line.kind} 0 {line.profile} {formats}\r\nc=IN IP4 0.0.0.0\r\n{mid}"


def _keep_rtcp_mux(line: MediaDescription) -> None:
    """Set the RTCP port if the line has none: without it aiortc omits `rtcp-mux` and then rejects its own SDP."""
    if line.rtcp_mux and line.rtcp_port is None:
        line.rtcp_port, line.rtcp_host = 9, "0.0.0.0"


def _inactive_section(line: MediaDescription) -> str:
    """Return the section that answers a line as inactive; aiortc as a client treats a rejected line as an error."""
    codecs = [f"a=rtpmap:{codec.payloadType} {codec}\r\n" for codec in line.rtp.codecs]
    formats = " ".join(map(str, line.fmt))
    head = f"m={line.kind} 9 {line.profile} {formats}\r\nc=IN IP4 0.0.0.0\r\na=mid:{line.rtp.muxId}\r\n"
    return f"{head}a=inactive\r\na=rtcp-mux\r\n{''.join(codecs)}"


def _drop_mdns_host(line: MediaDescription) -> None:
    """Drop mDNS names from the line's connection address, where Firefox writes them too."""
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
    """Return the answer of an ICE-lite sender, with all its `candidates` (host, port), the best first."""
    payload_type = offer.payload_type
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
        f"m=audio {port} UDP/TLS/RTP/SAVPF {payload_type}",
        f"c=IN {'IP6' if ':' in host else 'IP4'} {host}",
        *([f"a=mid:{offer.mid}"] if offer.mid else []),
        "a=sendonly",
        "a=rtcp-mux",
        f"a=rtpmap:{payload_type} opus/48000/2",
        f"a=fmtp:{payload_type} {OPUS_PARAMETERS}",
        *([f"a=rtcp-fb:{payload_type} nack"] if offer.wants_nack else []),
        *([f"a=extmap:{offer.mid_extension} {MID_EXTENSION}"] if offer.mid_extension else []),
        f"a=msid:{cname} {cname}",
        f"a=ssrc:{ssrc} cname:{cname}",
        *transport,
        *(
            f"a=candidate:{number} 1 udp {HOST_PRIORITY | 0xFFFF - number << 8} {address} {udp_port} typ host"
            for number, (address, udp_port) in enumerate(candidates)
        ),
        "a=end-of-candidates",
    ]
    for index, section in enumerate(offer.lines):
        if section is None:
            sections += audio
        else:
            sections += [*section.splitlines(), *(transport if index in offer.inactive else ())]
    return "\r\n".join(sections) + "\r\n"


def advertised(answer: str, address: str) -> str:
    """Return the answer with `address` in place of this host's own, in host candidates of the same IP version."""
    family = r"[0-9a-fA-F:]*:[0-9a-fA-F:.]*" if ":" in address else r"[0-9.]+"
    return re.sub(rf"^(a=candidate:\S+ \d+ \S+ \d+) {family} (\d+ typ host)", rf"\1 {address} \2", answer, flags=re.M)


def whole_answer(answer: str, offer: OpusOffer) -> str:
    """Return aiortc's answer with the lines that aiortc did not get, and with Opus parameters for stereo."""
    head, *sections = re.split(r"^(?=m=)", stereo_answer(answer), flags=re.MULTILINE)
    for index, section in offer.rejected:
        sections.insert(index, section)
    return "".join((head, *sections))


def stereo_answer(answer: str) -> str:
    """Return the answer with Opus parameters for stereo, unless it has any; aiortc writes none."""
    mapping = re.search(r"^a=rtpmap:(\d+) opus/48000/2\r?$", answer, re.MULTILINE | re.IGNORECASE)
    if mapping is None or re.search(rf"^a=fmtp:{mapping[1]} ", answer, re.MULTILINE):
        return answer
    return answer.replace(mapping[0], f"{mapping[0].rstrip()}\r\na=fmtp:{mapping[1]} {OPUS_PARAMETERS}\r", 1)
