"""Trickled candidates of a listener (`application/trickle-ice-sdpfrag`), text in, values out."""

from collections.abc import Mapping
from typing import NamedTuple

from aiortc import RTCIceCandidate
from aiortc.sdp import candidate_from_sdp

from rtc_drift.webrtc.offer_bounds import BadOfferError, checked_lines, usable_address


class Trickle(NamedTuple):
    """A parsed fragment."""

    candidates: Mapping[tuple[str, int], RTCIceCandidate]
    """Candidates that could be used, by host and port."""
    fragments: frozenset[str]
    """Username fragments of the ICE credentials that it names; others than the offer's mean an ICE restart."""


def trickled(fragment: str) -> Trickle:
    """Parse a fragment. Raises BadOfferError."""
    candidates, fragments = dict[tuple[str, int], RTCIceCandidate](), set[str]()
    for line in checked_lines(fragment):
        name, _, value = line.strip().partition(":")
        if name == "a=ice-ufrag":
            fragments.add(value.strip())
        if name != "a=candidate" or not value.strip():  # an empty one means that no more will come
            continue
        try:
            candidate = candidate_from_sdp(value)
        except (ValueError, AssertionError) as error:
            raise BadOfferError("A candidate is not valid.") from error
        if (address := usable_address(value)) is not None:
            candidates[address] = candidate
    return Trickle(candidates, frozenset(fragments))
