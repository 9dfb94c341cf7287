"""WHEP offers and answers: SDP text in, values or SDP text out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.sdp import MediaDescription, SessionDescription

from rtc_drift.webrtc.offer_bounds import MAX_CANDIDATES, MID_EXTENSION, BadOfferError, bounded

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
    """The audio line that will carry the music, with Opus as its only codec, for aiortc to answer."""
    lines: tuple[str | None, ...] = (None,)
    """Section of the answer for each media line; None for the audio line that will carry the music."""
    in_bundle: Mapping[int, str] = field(default_factory=dict)
    """Mids, by index, of rejected video lines that stay in the bundle, as in the example of the WHEP draft."""
    fragments: frozenset[str] = frozenset()
    """Username fragments of all lines."""
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
    """Parse an offer that asks to receive Opus on an audio line; other lines are answered, but carry nothing.

    Candidates with mDNS names are dropped: only the browser's own network can resolve them. They are not needed, as
    the browser's checks show its address (a peer-reflexive candidate). Takes a few milliseconds at most. Raises
    BadOfferError, UnsupportedOfferError.
    """
    description = _parse(offer)
    lines = description.media
    if len(lines) > MAX_MEDIA_LINES:
        raise UnsupportedOfferError(f"The offer has more than {MAX_MEDIA_LINES} media lines.")
    if len({line.rtp.muxId for line in lines}) < len(lines):
        raise BadOfferError("Two lines of the offer have the same mid.")
    mids = next((list(map(str, it.items)) for it in description.group if it.semantic == "BUNDLE"), [])
    media = _audio_line(lines, mids)
    opus = _opus_codecs(media)
    bundled = set(mids) if media.rtp.muxId in mids else set[str]()
    _share_transport(media, [line for mid in mids for line in lines if line.rtp.muxId == mid] if bundled else [media])
    if media.ice is None or not media.ice.usernameFragment or not media.ice.password or media.dtls is None:
        raise BadOfferError("The offer lacks ICE or DTLS parameters.")
    media.rtp.codecs = opus
    media.fmt = [codec.payloadType for codec in opus]
    _drop_mdns_host(media)
    _keep_rtcp_mux(media)
    in_bundle = {
        index: line.rtp.muxId
        for index, line in enumerate(lines)
        if line.kind == "video" and line.port and line.rtp.muxId in bundled
    }
    description.media = [media]
    for group in description.group:
        group.items = [media.rtp.muxId] if media.rtp.muxId in group.items else []
    return OpusOffer(
        description=description,
        lines=tuple(
            None if line is media else _bundled_section(line) if index in in_bundle else _rejected_section(line)
            for index, line in enumerate(lines)
        ),
        in_bundle=in_bundle,
        fragments=frozenset(line.ice.usernameFragment for line in lines if line.ice and line.ice.usernameFragment),
        fragment=media.ice.usernameFragment,
        password=media.ice.password,
        is_lite=media.ice.iceLite,
        setup=_SETUP_OF_ROLE.get(media.dtls.role, "actpass"),
        fingerprints={it.algorithm.lower(): it.value.upper() for it in media.dtls.fingerprints},
        payload_type=opus[0].payloadType or 0,
        mid=media.rtp.muxId,
        is_bundled=bool(bundled),
        mid_extension=next(
            (it.id for it in media.rtp.headerExtensions if it.uri == MID_EXTENSION and 1 <= it.id <= 14), None
        ),
        wants_nack=any(it.type == "nack" and not it.parameter for it in opus[0].rtcpFeedback),
        addresses=frozenset((it.ip, it.port) for it in media.ice_candidates),
    )


def _parse(offer: str) -> SessionDescription:
    if not offer.startswith("v="):
        raise BadOfferError("The offer is not SDP.")
    lines = bounded(offer)
    try:
        return SessionDescription.parse(lines)
    except Exception as error:
        raise BadOfferError("The offer is not valid SDP.") from error


def _audio_line(lines: Sequence[MediaDescription], bundled: Sequence[str]) -> MediaDescription:
    """Return the first audio line that can receive Opus. Raises UnsupportedOfferError."""
    audio = [line for line in lines if line.kind == "audio"]
    if not audio:
        raise UnsupportedOfferError("The offer has no audio line.")
    # Without a direction it is sendrecv (RFC 8866, 6.7). In a bundle, port 0 means `bundle-only` (RFC 9143, 6).
    receiving = [
        line
        for line in audio
        if line.direction in ("recvonly", "sendrecv", None) and (line.port or line.rtp.muxId in bundled)
    ]
    if not receiving:
        raise UnsupportedOfferError("The offer does not ask to receive audio.")
    chosen = next(filter(_opus_codecs, receiving), None)
    if chosen is None:
        raise UnsupportedOfferError("The offer has no Opus codec.")
    chosen.direction = chosen.direction or "sendrecv"
    chosen.port = chosen.port or 9
    return chosen


def _opus_codecs(line: MediaDescription) -> list[RTCRtpCodecParameters]:
    return [
        codec
        for codec in line.rtp.codecs
        if codec.mimeType.lower() == "audio/opus" and codec.payloadType in PAYLOAD_TYPES
    ]


def _share_transport(media: MediaDescription, bundled: Sequence[MediaDescription]) -> None:
    """Give the audio line what another line of its bundle says for both, and leave it MAX_CANDIDATES candidates.

    A line that is `bundle-only` has no transport of its own (RFC 9143, 6), and candidates are often in the first line.
    """
    if (media.ice is None or not media.ice.usernameFragment) and (first := _with_transport(bundled)) is not None:
        media.ice, media.rtcp_mux = first.ice, True
        if media.dtls is None or not media.dtls.fingerprints:
            media.dtls = first.dtls
    ours = [line for line in bundled if line.ice and media.ice and _fragment(line) == _fragment(media)]
    source = next((line for line in (media, *ours) if line.ice_candidates), media)
    candidates = {(it.ip, it.port): it for it in source.ice_candidates}
    media.ice_candidates = list(candidates.values())[:MAX_CANDIDATES]
    media.ice_candidates_complete = source.ice_candidates_complete and len(candidates) <= MAX_CANDIDATES


def _with_transport(lines: Sequence[MediaDescription]) -> MediaDescription | None:
    return next((line for line in lines if line.port and _fragment(line)), None)


def _fragment(line: MediaDescription) -> str | None:
    return line.ice.usernameFragment if line.ice else None


def _rejected_section(line: MediaDescription) -> str:
    mid = f"a=mid:{line.rtp.muxId}\r\n" if line.rtp.muxId else ""
    formats = " ".join(map(str, line.fmt))
    return f"m={line.kind} 0 {line.profile} {formats}\r\nc=IN IP4 0.0.0.0\r\n{mid}"


def _keep_rtcp_mux(line: MediaDescription) -> None:
    """Set the RTCP port if the line has none: without it aiortc omits `rtcp-mux` and then rejects its own SDP."""
    if line.rtcp_mux and line.rtcp_port is None:
        line.rtcp_port, line.rtcp_host = 9, "0.0.0.0"


def _bundled_section(line: MediaDescription) -> str:
    """Return the section that rejects a line of the bundle, with all that aiortc as a client reads of one.

    A line that is only inactive would need the parameters of all its codecs: Chromium compares them.
    """
    codecs = [f"a=rtpmap:{codec.payloadType} {codec}\r\n" for codec in line.rtp.codecs]
    formats = " ".join(map(str, line.fmt))
    head = f"m={line.kind} 0 {line.profile} {formats}\r\nc=IN IP4 0.0.0.0\r\na=mid:{line.rtp.muxId}\r\n"
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
        *([f"a=group:BUNDLE {' '.join((offer.mid, *offer.in_bundle.values()))}"] if offer.is_bundled else []),
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
            sections += [*section.splitlines(), *(transport if index in offer.in_bundle else ())]
    return "\r\n".join(sections) + "\r\n"


def advertised(answer: str, address: str) -> str:
    """Return the answer with `address` in place of this host's own, in host candidates of the same IP version."""
    family = r"[0-9a-fA-F:]*:[0-9a-fA-F:.]*" if ":" in address else r"[0-9.]+"
    return re.sub(rf"^(a=candidate:\S+ \d+ \S+ \d+) {family} (\d+ typ host)", rf"\1 {address} \2", answer, flags=re.M)


def whole_answer(answer: str, offer: OpusOffer) -> str:
    """Return aiortc's answer for the audio line, with all other lines, and with Opus parameters for stereo."""
    head, audio = re.split(r"^(?=m=)", stereo_answer(answer), maxsplit=1, flags=re.MULTILINE)
    group = f"a=group:BUNDLE {' '.join((offer.mid, *offer.in_bundle.values()))}\r\n" if offer.is_bundled else ""
    head = re.sub(r"^a=group:BUNDLE.*\r\n", group, head, flags=re.MULTILINE)
    transport = "".join(re.findall(r"^a=(?:ice-ufrag|ice-pwd|fingerprint|setup):.*\r\n", audio, flags=re.MULTILINE))
    others = (
        audio if section is None else section + (transport if index in offer.in_bundle else "")
        for index, section in enumerate(offer.lines)
    )
    return "".join((head, *others))


def stereo_answer(answer: str) -> str:
    """Return the answer with Opus parameters for stereo, unless it has any; aiortc writes none."""
    mapping = re.search(r"^a=rtpmap:(\d+) opus/48000/2\r?$", answer, re.MULTILINE | re.IGNORECASE)
    if mapping is None or re.search(rf"^a=fmtp:{mapping[1]} ", answer, re.MULTILINE):
        return answer
    return answer.replace(mapping[0], f"{mapping[0].rstrip()}\r\na=fmtp:{mapping[1]} {OPUS_PARAMETERS}\r", 1)
