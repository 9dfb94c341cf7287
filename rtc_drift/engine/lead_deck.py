"""Two decks as one: a track whose first part was rendered ahead, and goes on in its own file."""

import logging
from collections.abc import Callable

import numpy as np

from rtc_drift.engine.deck import DeckReader, Ending
from rtc_drift.engine.fades import DECLICK, ramp
from rtc_drift.engine.protocol.plays import Lead
from rtc_drift.media import SAMPLE_RATE, Audio

logger = logging.getLogger(__name__)

OPEN_AHEAD = 10 * SAMPLE_RATE
"""The track's own file is opened this long before the lead ends: a deck that waits holds seconds of audio."""
PATIENCE = SAMPLE_RATE // 4
"""A lead that gave nothing for so many samples in a row is given up."""


class LeadDeck:
    """Positions are those of the track's file; the lead lies before `lead.resumes_at`, sample for sample.

    A lead that breaks off or stalls gives way to the track's own file from about the same place: beats come apart, but
    the music goes on.
    """

    def __init__(self, open_deck: Callable[[str, int], DeckReader], path: str, lead: Lead, start: int) -> None:
        self._open_deck = open_deck
        self._path = path
        self._resumes_at = lead.resumes_at
        self._begins_at = lead.resumes_at - lead.length
        self._lead = open_deck(lead.path, max(0, start - self._begins_at)) if start < lead.resumes_at else None
        self._rest = open_deck(path, start) if self._lead is None else None
        self._failure: Ending | None = None
        self._missed = 0
        """How much of the lead was asked for in a row without being there."""

    @property
    def ready(self) -> bool:
        deck = self._rest if self._failure is not None else self._lead or self._rest
        return deck is not None and deck.ready

    @property
    def ending(self) -> Ending | None:
        """That of the track's file."""
        return self._rest.ending if self._rest is not None else None

    @property
    def lead_failure(self) -> Ending | None:
        """Where the track's own file takes over too early, if it does, and why."""
        if self._lead is not None and self._failure is None and (ended := self._lead.ending) is not None:
            at = self._begins_at + ended.position
            if at < self._resumes_at:
                self._give_way(at, ended.reason or "It is too short.")
        return self._failure

    def read(self, position: int, count: int) -> Audio:
        """Up to `count` samples from `position` on: `(n, 2) float32`, fewer if late."""
        is_broken = self.lead_failure is not None
        if self._rest is None and position + count >= self._resumes_at - OPEN_AHEAD:
            self._rest = self._open_deck(self._path, self._resumes_at)
        lead = np.empty((0, 2), np.float32)
        if position < self._resumes_at:
            wanted = min(count, self._resumes_at - position)
            lead = self._read_lead(position, wanted)
            if is_broken:
                lead = lead * ramp(self._resumes_at - position, len(lead), DECLICK, step=-1)
            if len(lead) < wanted or wanted == count:
                return lead
        if self._lead is not None:
            self._lead.close()
            self._lead = None
        rest = self._read_rest(position + len(lead), count - len(lead))
        if is_broken:
            rest = rest * ramp(position + len(lead) - self._resumes_at, len(rest), DECLICK)
        return np.concatenate((lead, rest)) if len(lead) else rest

    def close(self) -> None:
        """Let both decks go. Idempotent."""
        for deck in (self._lead, self._rest):
            if deck is not None:
                deck.close()

    def _read_lead(self, position: int, count: int) -> Audio:
        if self._lead is None:
            return np.empty((0, 2), np.float32)
        audio = self._lead.read(position - self._begins_at, count)
        self._missed = self._missed + count if not len(audio) else 0
        if self._missed >= PATIENCE and self._failure is None:
            self._give_way(position + count, "It could not be read in time.")
        return audio

    def _read_rest(self, position: int, count: int) -> Audio:
        """Silence before the file's beginning, where a slower lead began."""
        assert self._rest is not None
        before = min(max(-position, 0), count)
        if before == 0:
            return self._rest.read(position, count)
        silence = np.zeros((before, 2), np.float32)
        return np.concatenate((silence, self._rest.read(0, count - before))) if before < count else silence

    def _give_way(self, position: int, reason: str) -> None:
        """From `position` on the track's own file is heard."""
        logger.warning("What was rendered ahead of %s can't be played: %s", self._path, reason)
        self._failure = Ending(position, reason)
        self._resumes_at = position
        if self._rest is not None:
            self._rest.close()
        self._rest = self._open_deck(self._path, max(0, position))
