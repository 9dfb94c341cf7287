"""What WHEP has to read in an offer and to say in an answer. Pure text in, text out."""

import re
from dataclasses import dataclass

from aiortc.sdp import MediaDescription, SessionDescription

OPUS_PARAMETERS = "minptime=20;useinbandfec=0;stereo=1;sprop-stereo=1"
MAX_MEDIA_LINES = 4
"""Audio, video and data, as players without a care offer them, and one more."""


class BadOfferError(Exception):
    """The offer is not SDP one can work with."""


class UnsupportedOfferError(Exception):
    """The offer is sound, but can't carry one-way Opus."""


@dataclass(frozen=True, slots=True)
class OpusOffer:
    """What is left of an offer for aiortc to answer."""

    sdp: str
    rejected: tuple[tuple[int, str], ...] = ()
    """Lines that aiortc would accept and nobody wants (data channels): their place, and the section that rejects it."""


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
    return OpusOffer(str(description), rejected)


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


def _drop_names(line: MediaDescription) -> None:
    kept = [candidate for candidate in line.ice_candidates if not candidate.ip.lower().endswith(".local")]
    if len(kept) < len(line.ice_candidates):
        line.ice_candidates = kept
        line.ice_candidates_complete = False


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
