"""Two decks as one: a track whose first part was rendered ahead, and goes on in its own file."""

from collections.abc import Callable

import numpy as np

from rtc_drift.dj.plan import Lead
from rtc_drift.engine.deck import DeckReader, Ending
from rtc_drift.media import SAMPLE_RATE, Audio

OPEN_AHEAD = 10 * SAMPLE_RATE
"""The track's own file is opened this long before the lead ends: a deck that waits holds seconds of audio."""


class LeadDeck:
    """Positions are those of the track's file; the lead lies before `lead.resumes_at`, sample for sample."""

    def __init__(self, open_deck: Callable[[str, int], DeckReader], path: str, lead: Lead, start: int) -> None:
        self._open_deck = open_deck
        self._path = path
        self._resumes_at = lead.resumes_at
        self._begins_at = lead.resumes_at - lead.length
        self._lead = open_deck(lead.path, max(0, start - self._begins_at)) if start < lead.resumes_at else None
        self._rest = open_deck(path, start) if self._lead is None else None

    @property
    def ready(self) -> bool:
        deck = self._lead or self._rest
        return deck is not None and deck.ready

    @property
    def ending(self) -> Ending | None:
        """That of the track's file, or of a lead that broke off."""
        if self._lead is not None and (ended := self._lead.ending) is not None:
            at = self._begins_at + ended.position
            if at < self._resumes_at:
                return Ending(at, ended.reason or "What was rendered ahead is too short.")
        return self._rest.ending if self._rest is not None else None

    def read(self, position: int, count: int) -> Audio:
        """Up to `count` samples from `position` on: `(n, 2) float32`, fewer if late."""
        if self._rest is None and position + count >= self._resumes_at - OPEN_AHEAD:
            self._rest = self._open_deck(self._path, self._resumes_at)
        lead = np.empty((0, 2), np.float32)
        if position < self._resumes_at:
            wanted = min(count, self._resumes_at - position)
            lead = self._lead.read(position - self._begins_at, wanted) if self._lead is not None else lead
            if len(lead) < wanted or wanted == count:
                return lead
        if self._lead is not None:
            self._lead.close()
            self._lead = None
        assert self._rest is not None
        rest = self._rest.read(position + len(lead), count - len(lead))
        return np.concatenate((lead, rest)) if len(lead) else rest

    def close(self) -> None:
        """Let both decks go. Idempotent."""
        for deck in (self._lead, self._rest):
            if deck is not None:
                deck.close()
