"""Sums what the plays of a station give at a media time: decks, gains, three bands, equal-power fades."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rtc_drift.engine.band_fades import band_gains, split_share
from rtc_drift.engine.band_splitter import SETTLING, BandSplitter
from rtc_drift.engine.deck import DeckReader
from rtc_drift.engine.fades import DECLICK, envelope, quarter_sine
from rtc_drift.engine.lead_deck import LeadDeck
from rtc_drift.engine.lead_out_deck import LeadOutDeck
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.media import SAMPLE_RATE, Audio

FAILURE_FADE = SAMPLE_RATE // 4
"""Samples (250 ms) of the fade-out before the point where a file breaks off."""
STALLED = SAMPLE_RATE
"""Samples (1 s) in a row for which a deck gave nothing, after which its play counts as failed."""

OpenDeck = Callable[[str, int], DeckReader]
"""Opens the file at a path for reading from a sample on (at 48 kHz)."""


@dataclass(slots=True)
class _Channel:
    """A play and its deck, with what the mixer remembers of it."""

    play: Play
    deck: LeadOutDeck
    splitter: BandSplitter | None = None
    """Runs while any band is held back, and `SETTLING` samples before."""
    is_sounding: bool = False
    """True if the last read gave sound, and all that was requested."""
    silent_samples: int = 0
    """Samples requested in a row for which the deck gave nothing."""
    reported_ready: bool = False
    reported_failed: bool = False
    reported_lead_failed: bool = False
    """True if the failure of its stretched intro was reported."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The end of a play's sound before its time, at the file's sample `position`, and the reason."""

    play: int
    position: int
    reason: str
    stalled: bool
    """True if the samples were not decoded in time, which does not mean that the file is damaged."""
    of_lead: bool = False
    """True if only a stretched part failed: the play goes on in the track's own file."""


class Mixer:
    """A mixer that carries out plays. Consecutive calls of `mix` give gapless audio.

    `failures` and `readies` (ids of plays) collect the reports that the owner passes on and clears.
    """

    def __init__(self, open_deck: OpenDeck) -> None:
        self._open_deck = open_deck
        self._channels: dict[int, _Channel] = {}
        self.starved_samples = 0
        """Samples requested of decks that had not decoded them."""
        self.failures: list[Failure] = []
        self.readies: list[int] = []

    def set_plays(self, plays: Sequence[Play], now: int) -> None:
        """Replace the plays. A known play of the same file keeps its deck; a new play's deck starts decoding at once.

        A play that should have started before `now` (after a restart of the engine) enters at its position at `now`.
        """
        kept: dict[int, _Channel] = {}
        for play in plays:
            channel = self._channels.pop(play.id, None)
            if channel is not None and _source(channel.play) == _source(play):
                channel.play = play
            else:
                if channel is not None:
                    channel.deck.close()
                channel = _Channel(play, self._open(play, play.position_at(max(now, play.start))))
            channel.deck.set_lead_out(play.lead_out)
            kept[play.id] = channel
        self.close()
        self._channels = kept

    def _open(self, play: Play, position: int) -> LeadOutDeck:
        if play.lead is not None:
            return LeadOutDeck(self._open_deck, LeadDeck(self._open_deck, play.path, play.lead, position))
        return LeadOutDeck(self._open_deck, self._open_deck(play.path, max(0, position)))

    def mix(self, media_time: int, count: int) -> Audio:
        """Mix the plays from `media_time` on: `(count, 2) float32`, not limited (may exceed ±1)."""
        mixed = np.zeros((count, 2), np.float32)
        for channel in list(self._channels.values()):
            play = channel.play
            self._report(channel, media_time)
            if play.end <= media_time:
                channel.deck.close()
                del self._channels[play.id]
            elif play.start < media_time + count:
                self._add(channel, mixed, media_time)
        return mixed

    def report(self, media_time: int) -> None:
        """Fill `readies` and `failures` without mixing: for a station that stands while its decks decode."""
        for channel in self._channels.values():
            self._report(channel, media_time)

    def close(self) -> None:
        """Close all decks. Idempotent."""
        for channel in self._channels.values():
            channel.deck.close()
        self._channels = {}

    def _add(self, channel: _Channel, mixed: Audio, media_time: int) -> None:
        play = channel.play
        before = max(0, play.start - media_time)
        if play.lead is None:  # before a file's first sample there is nothing to wait for
            before = max(before, play.time_of(0) - media_time)
        count = min(len(mixed), play.end - media_time) - before
        if count <= 0:
            return
        begin = media_time + before
        audio = channel.deck.read(play.position_at(begin), count)
        if len(audio):
            audio = _in_bands(channel, begin, audio) * envelope(play, begin, len(audio))
            _fade_if_failing(channel, play.position_at(begin), audio)
        if not channel.is_sounding and len(audio) and begin > play.start:
            length = min(DECLICK, len(audio))
            audio[:length] *= np.linspace(0, 1, length, endpoint=False, dtype=np.float32)[:, None]
        starved = len(audio) < count and not _has_ended(channel, play.position_at(begin) + len(audio))
        if starved and len(audio):
            length = min(DECLICK, len(audio))
            audio[-length:] *= np.linspace(1, 0, length, dtype=np.float32)[:, None]
        channel.is_sounding = len(audio) > 0 and not starved
        missing = count - len(audio) if starved else 0
        channel.silent_samples = 0 if len(audio) else channel.silent_samples + missing
        self.starved_samples += missing
        mixed[before : before + len(audio)] += audio

    def _report(self, channel: _Channel, media_time: int) -> None:
        play, ending = channel.play, channel.deck.ending
        if channel.deck.ready and not channel.reported_ready:
            channel.reported_ready = True
            self.readies.append(play.id)
        self._report_lead(channel)
        if channel.reported_failed:
            return
        if ending is not None and ending.position < play.position_at(_audible_until(play)):
            # The file is shorter than its header says. Control must know before the sound ends.
            self._fail(channel, ending.position, ending.reason or "The file is shorter than expected.")
        elif channel.silent_samples >= STALLED:
            self._fail(channel, play.position_at(media_time), "The file could not be read in time.", stalled=True)

    def _report_lead(self, channel: _Channel) -> None:
        play, deck = channel.play, channel.deck
        if channel.reported_lead_failed or (failure := deck.lead_failure) is None:
            return
        if failure.position < play.position_at(_audible_until(play)):
            channel.reported_lead_failed = True
            self.failures.append(Failure(play.id, failure.position, failure.reason or "", stalled=False, of_lead=True))

    def _fail(self, channel: _Channel, position: int, reason: str, *, stalled: bool = False) -> None:
        channel.reported_failed = True
        self.failures.append(Failure(channel.play.id, position, reason, stalled))


def _in_bands(channel: _Channel, media_time: int, audio: Audio) -> Audio:
    """Return the audio with the share of each band that the play has at `media_time`."""
    play, after = channel.play, media_time + len(audio)
    comes = play.bands_in is not None and media_time < play.bands_in.end
    goes = play.bands_out is not None and after > play.bands_out.start - SETTLING
    if not (comes or goes):
        channel.splitter = None
        return audio
    if channel.splitter is None:
        channel.splitter = BandSplitter()
    split = channel.splitter.process(audio)
    gains = band_gains(play, media_time, len(audio))
    share = split_share(play, media_time, len(audio))
    return np.asarray((split * gains[..., None]).sum(axis=1) * share + audio * (1 - share))


def _source(play: Play) -> tuple[object, ...]:
    """Return what a deck plays. If it changes, the play needs another deck."""
    return play.path, play.offset, play.lead


def _fade_if_failing(channel: _Channel, position: int, audio: Audio) -> None:
    """Fade the audio out, in place, before the point where its file breaks off."""
    ending = channel.deck.ending
    if ending is not None and ending.reason is not None and position + len(audio) >= ending.position - FAILURE_FADE:
        audio *= quarter_sine(ending.position - position, len(audio), FAILURE_FADE, step=-1)


def _has_ended(channel: _Channel, position: int) -> bool:
    """Return True if the deck has no sound from `position` on."""
    ending = channel.deck.ending
    return ending is not None and ending.position <= position


def _audible_until(play: Play) -> int:
    """Return the media time up to which a play is needed. A file's very end may be a frame shorter than analysed."""
    if play.fade_out is not None:
        return play.fade_out.end
    return play.end - SAMPLE_RATE // 10
