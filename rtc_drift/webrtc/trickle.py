"""Trickled candidates of a listener (`application/trickle-ice-sdpfrag`), text in, values out."""

from aiortc import RTCIceCandidate
from aiortc.sdp import candidate_from_sdp

from rtc_drift.webrtc.offer_bounds import BadOfferError, checked_lines, usable_address


def trickled(fragment: str) -> dict[tuple[str, int], RTCIceCandidate]:
    """Return the candidates of a fragment that could be used, by host and port. Raises BadOfferError."""
    found = dict[tuple[str, int], RTCIceCandidate]()
    for line in checked_lines(fragment):
        name, _, value = line.strip().partition(":")
        if name != "a=candidate":
            continue
        try:
            candidate = candidate_from_sdp(value)
        except (ValueError, AssertionError) as error:
            raise BadOfferError("A candidate is not valid.") from error
        if (address := usable_address(value)) is not None:
            found[address] = candidate
    return found
