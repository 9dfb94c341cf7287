"""A deck whose last part may come from another file: a track that goes on in a stretched ending.

Positions are those of the track's file. From `lead_out.begins_at` on, the ending plays, sample for sample.
"""

import logging
from collections.abc import Callable

import numpy as np

from rtc_drift.engine.deck import DeckReader, Ending
from rtc_drift.engine.fades import DECLICK, ramp
from rtc_drift.engine.lead_deck import OPEN_AHEAD, STALLED, LeadDeck
from rtc_drift.engine.protocol.plays import LeadOut
from rtc_drift.media import Audio

logger = logging.getLogger(__name__)


class LeadOutDeck:
    """A deck of a track, with or without a stretched ending, which may be set and taken back while it plays.

    If the ending breaks off or stalls, the track's own file goes on: beats come apart, but the music goes on.
    """

    def __init__(self, open_deck: Callable[[str, int], DeckReader], track: DeckReader) -> None:
        self._open_deck = open_deck
        self._track = track
        self._lead_out: LeadOut | None = None
        self._deck: DeckReader | None = None
        """The ending's deck, while it is open."""
        self._failure: Ending | None = None
        self._missed = 0
        """Samples of the ending requested in a row without getting any."""
        self._read_until: int | None = None
        """Position up to which samples were requested, or None before the first request."""

    def set_lead_out(self, lead_out: LeadOut | None) -> None:
        """Let the track end in a stretched ending, in another one than before, or (None) in its own file.

        What already sounds goes on: an ending that has begun stays, and one that should have begun is ignored.
        """
        if lead_out != self._lead_out and not self._is_sounding() and not self._has_passed(lead_out):
            self._close_ending()
            self._lead_out, self._failure, self._missed = lead_out, None, 0

    @property
    def ready(self) -> bool:
        """True if the first samples to be played are decoded."""
        return self._track.ready

    @property
    def ending(self) -> Ending | None:
        """End of the sound, or None if it is not known yet."""
        ending, lead_out = self._track.ending, self._lead_out
        if lead_out is None or self._failure is not None:
            return ending
        if ending is not None and ending.position < lead_out.begins_at:
            return ending
        return Ending(lead_out.begins_at + lead_out.length, None)

    @property
    def lead_failure(self) -> Ending | None:
        """Position at which the track's own file takes over from a stretched part, and why; None if all is intact."""
        if (failure := self._ending_failure()) is not None:
            return failure
        return self._track.lead_failure if isinstance(self._track, LeadDeck) else None

    def read(self, position: int, count: int) -> Audio:
        """Read up to `count` samples from `position` on: `(n, 2) float32`, fewer if they are late."""
        lead_out, self._read_until = self._lead_out, position + count
        if lead_out is None or position + count <= lead_out.begins_at - OPEN_AHEAD:
            return self._track.read(position, count)
        if self._deck is None and self._failure is None:
            self._deck = self._open_deck(lead_out.path, max(0, position - lead_out.begins_at))
        failure = self._ending_failure()
        takes_over = failure.position if failure is not None else None
        own = max(0, min(count, lead_out.begins_at - position))
        if takes_over is not None and takes_over <= lead_out.begins_at:
            return self._track.read(position, count)
        audio = self._track.read(position, own) if own else np.empty((0, 2), np.float32)
        if len(audio) < own or own == count:
            return audio
        return np.concatenate((audio, self._read_ending(lead_out, position + own, count - own, takes_over)))

    def close(self) -> None:
        """Close all decks. Idempotent."""
        self._close_ending()
        self._track.close()

    def _read_ending(self, lead_out: LeadOut, position: int, count: int, takes_over: int | None) -> Audio:
        """Read from the ending, and from `takes_over` on from the track's own file."""
        until = lead_out.begins_at + lead_out.length if takes_over is None else takes_over
        wanted = max(0, min(count, until - position))
        audio = np.empty((0, 2), np.float32)
        if wanted and self._deck is not None:
            audio = self._deck.read(position - lead_out.begins_at, wanted)
            self._track.read(position, wanted)  # a deck holds seconds: it must be here if the ending breaks off
            self._missed = self._missed + wanted if not len(audio) else 0
            if self._missed >= STALLED and self._failure is None:
                self._fail(lead_out, position + wanted, "It could not be read in time.")
        if takes_over is None or len(audio) < wanted:
            return audio
        audio = audio * ramp(takes_over - position, len(audio), DECLICK, step=-1)
        at = position + len(audio)
        own = self._track.read(at, count - len(audio)) if count > len(audio) else audio[:0]
        return np.concatenate((audio, own * ramp(at - takes_over, len(own), DECLICK)))

    def _ending_failure(self) -> Ending | None:
        """Return where the track's own file takes over from the ending, and why; None if the ending is intact."""
        lead_out = self._lead_out
        if self._deck is not None and self._failure is None and lead_out is not None:
            ended = self._deck.ending
            if ended is not None and ended.position < lead_out.length:
                self._fail(lead_out, lead_out.begins_at + ended.position, ended.reason or "It is too short.")
        return self._failure

    def _is_sounding(self) -> bool:
        return self._failure is None and self._has_passed(self._lead_out)

    def _has_passed(self, lead_out: LeadOut | None) -> bool:
        """Return True if samples from behind the start of an ending were requested."""
        return lead_out is not None and self._read_until is not None and self._read_until > lead_out.begins_at

    def _fail(self, lead_out: LeadOut, position: int, reason: str) -> None:
        logger.warning("The stretched ending in %s can't be played: %s", lead_out.path, reason)
        self._failure = Ending(position, reason)

    def _close_ending(self) -> None:
        if self._deck is not None:
            self._deck.close()
            self._deck = None
