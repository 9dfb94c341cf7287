"""What WHEP has to read in an offer and to say in an answer. Pure text in, text out."""

import re

from aiortc.sdp import SessionDescription

OPUS_PARAMETERS = "minptime=20;useinbandfec=0;stereo=1;sprop-stereo=1"


class BadOfferError(Exception):
    """The offer is not SDP one can work with."""


class UnsupportedOfferError(Exception):
    """The offer is sound, but can't carry one-way Opus."""


def opus_offer(offer: str) -> str:
    """The offer with nothing but Opus on its audio line, and without mDNS candidates.

    Only the browser's own network could resolve those names, and needlessly: its checks tell its address (they arrive
    as peer-reflexive candidates). Raises BadOfferError, UnsupportedOfferError.
    """
    if not offer.startswith("v="):
        raise BadOfferError("The offer is not SDP.")
    try:
        description = SessionDescription.parse(offer)
    except Exception as error:
        raise BadOfferError("The offer is not valid SDP.") from error
    media = next((media for media in description.media if media.kind == "audio"), None)
    if media is None:
        raise UnsupportedOfferError("The offer has no audio line.")
    if media.direction not in ("recvonly", "sendrecv"):
        raise UnsupportedOfferError("The offer does not ask to receive audio.")
    opus = [codec for codec in media.rtp.codecs if codec.mimeType.lower() == "audio/opus"]
    if not opus:
        raise UnsupportedOfferError("The offer does not know Opus.")
    if media.ice is None or not media.ice.usernameFragment or not media.ice.password or media.dtls is None:
        raise BadOfferError("The offer lacks ICE or DTLS parameters.")
    media.rtp.codecs = opus
    media.fmt = [codec.payloadType for codec in opus]
    kept = [candidate for candidate in media.ice_candidates if not candidate.ip.endswith(".local")]
    if len(kept) < len(media.ice_candidates):
        media.ice_candidates = kept
        media.ice_candidates_complete = False
    return str(description)


def stereo_answer(answer: str) -> str:
    """The answer with Opus parameters that say stereo comes and is welcome; aiortc gives none."""
    mapping = re.search(r"^a=rtpmap:(\d+) opus/48000/2\r?$", answer, re.MULTILINE | re.IGNORECASE)
    if mapping is None or re.search(rf"^a=fmtp:{mapping[1]} ", answer, re.MULTILINE):
        return answer
    return answer.replace(mapping[0], f"{mapping[0].rstrip()}\r\na=fmtp:{mapping[1]} {OPUS_PARAMETERS}\r", 1)
