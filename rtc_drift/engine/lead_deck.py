"""Two decks as one: a track that starts with a stretched intro and goes on in its own file."""

import logging
from collections.abc import Callable

import numpy as np

from rtc_drift.engine.deck import DeckReader, Ending
from rtc_drift.engine.fades import DECLICK, ramp
from rtc_drift.engine.protocol.plays import Lead
from rtc_drift.media import SAMPLE_RATE, Audio

logger = logging.getLogger(__name__)

OPEN_AHEAD = 10 * SAMPLE_RATE
"""Samples (10 s) before one file follows another at which it is opened. Open decks hold seconds of audio."""
STALLED = SAMPLE_RATE // 4
"""Samples (250 ms) in a row for which the file of a stretched part gave nothing, after which it is given up."""


class LeadDeck:
    """A deck with the positions of the track's file. The intro lies before `lead.resumes_at`, sample for sample.

    If the intro breaks off or stalls, the track's own file goes on at about the same place: beats come apart, but the
    music goes on.
    """

    def __init__(self, open_deck: Callable[[str, int], DeckReader], path: str, lead: Lead, start: int) -> None:
        self._open_deck = open_deck
        self._path = path
        self._resumes_at = lead.resumes_at
        self._begins_at = lead.resumes_at - lead.length
        self._lead = open_deck(lead.path, max(0, start - self._begins_at)) if start < lead.resumes_at else None
        self._track = open_deck(path, start) if self._lead is None else None
        self._failure: Ending | None = None
        self._missed = 0
        """Samples of the intro requested in a row without getting any."""

    @property
    def ready(self) -> bool:
        """True if the first samples to be played are decoded."""
        deck = self._track if self._failure is not None else self._lead or self._track
        return deck is not None and deck.ready

    @property
    def ending(self) -> Ending | None:
        """End of the track's own file, or None if it is not known yet."""
        return self._track.ending if self._track is not None else None

    @property
    def lead_failure(self) -> Ending | None:
        """Position at which the track's own file takes over too early, and why; None if the intro is intact."""
        if self._lead is not None and self._failure is None and (ended := self._lead.ending) is not None:
            at = self._begins_at + ended.position
            if at < self._resumes_at:
                self._switch_to_track(at, ended.reason or "It is too short.")
        return self._failure

    def read(self, position: int, count: int) -> Audio:
        """Read up to `count` samples from `position` on: `(n, 2) float32`, fewer if they are late."""
        is_broken = self.lead_failure is not None
        if self._track is None and position + count >= self._resumes_at - OPEN_AHEAD:
            self._track = self._open_deck(self._path, self._resumes_at)
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
        track = self._read_track(position + len(lead), count - len(lead))
        if is_broken:
            track = track * ramp(position + len(lead) - self._resumes_at, len(track), DECLICK)
        return np.concatenate((lead, track)) if len(lead) else track

    def close(self) -> None:
        """Close both decks. Idempotent."""
        for deck in (self._lead, self._track):
            if deck is not None:
                deck.close()

    def _read_lead(self, position: int, count: int) -> Audio:
        if self._lead is None:
            return np.empty((0, 2), np.float32)
        audio = self._lead.read(position - self._begins_at, count)
        self._missed = self._missed + count if not len(audio) else 0
        if self._missed >= STALLED and self._failure is None:
            self._switch_to_track(position + count, "It could not be read in time.")
        return audio

    def _read_track(self, position: int, count: int) -> Audio:
        """Read the track's own file. Before its first sample, where a slower intro began, there is silence."""
        assert self._track is not None
        before = min(max(-position, 0), count)
        if before == 0:
            return self._track.read(position, count)
        silence = np.zeros((before, 2), np.float32)
        return np.concatenate((silence, self._track.read(0, count - before))) if before < count else silence

    def _switch_to_track(self, position: int, reason: str) -> None:
        """Play the track's own file from `position` on."""
        logger.warning("The stretched intro of %s can't be played: %s", self._path, reason)
        self._failure = Ending(position, reason)
        self._resumes_at = position
        if self._track is not None:
            self._track.close()
        self._track = self._open_deck(self._path, max(0, position))
