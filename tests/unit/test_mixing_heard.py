"""Transitions between drum patterns as they are heard, against the beats that were written, not those that were found.

One programme: a beat-matched overlap with a lead, then a cut behind a cold ending.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from rtc_drift.engine.protocol.plays import Lead
from rtc_drift.media import SAMPLE_RATE, Audio, amplitude, samples
from rtc_drift.mixing.model import warp_of
from rtc_drift.rendering.offline_timeline import patient_deck
from rtc_drift.rendering.render import LAST_FADE
from tests.measures import (
    bass_db,
    clicks,
    coincidence,
    double_bass,
    gaps,
    loudness_excursion,
    onset_seconds,
    parts_of,
    pitch_cents,
    same_samples,
    short_term_lufs,
    sources_of,
    true_peak_dbtp,
)
from tests.rendered import PATTERNS, QUIET, ROUNDING, OwnLeadCache, Piece, Rendered, rendered

SECONDS = 84.0
EXACT_DB = 0.1
"""To which a true peak can be told."""


@dataclass(frozen=True)
class Evening:
    """A programme, its pieces, and the overlap of its first two tracks."""

    pieces: dict[str, Piece]
    heard: Rendered
    loud: Rendered
    """The same so loud that the limiter has to work all the time."""

    @property
    def lead(self) -> Lead:
        lead = self.heard.entry("Second").play.lead
        assert lead is not None
        return lead

    @property
    def begins(self) -> int:
        return self.heard.entry("Second").play.start

    @property
    def ends(self) -> int:
        return self.begins + self.heard.entry("Second").transition.duration

    @property
    def resumes(self) -> int:
        """The media time at which the second track goes on as its file has it."""
        return self.heard.entry("Second").play.time_of(self.lead.resumes_at)

    def parts(self) -> tuple[Audio, Audio]:
        """The first two tracks alone, as they are in the mix."""
        count = self.resumes
        first, second = parts_of(self.heard.plays[:2], patient_deck, 0, count)
        return first.placed(count), second.placed(count)

    def first_beats(self, of: str = "beats") -> NDArray[np.float64]:
        """Where the first track's true beats are, in seconds of the programme."""
        times: NDArray[np.float64] = getattr(PATTERNS["First"], f"{of}_seconds")
        play = self.heard.entry("First").play
        return times + (play.start - play.offset) / SAMPLE_RATE

    def second_beats(self, of: str = "beats") -> NDArray[np.float64]:
        """Where the second track's true beats are bent to, in seconds of the programme."""
        times: NDArray[np.float64] = getattr(PATTERNS["Second"], f"{of}_seconds")
        warp = warp_of(self.heard.entry("Second").transition)
        return np.array([self.begins + warp.output_at(at * SAMPLE_RATE) for at in times]) / SAMPLE_RATE

    def within(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Those well within the overlap: its very first and last beats are faded away."""
        return times[(times > self.begins / SAMPLE_RATE + 0.3) & (times < self.ends / SAMPLE_RATE - 0.3)]


@pytest.fixture(scope="module")
def evening(drums: dict[str, Piece], tmp_path_factory: pytest.TempPathFactory) -> Evening:
    preparer = OwnLeadCache(tmp_path_factory.mktemp("leads"))
    heard = rendered(list(drums.values()), SECONDS, leads=preparer)
    loud = rendered(list(drums.values())[:2], 50, leads=preparer, target_lufs=-16)
    return Evening(drums, heard, loud)


def test_it_is_what_these_tests_are_about(evening: Evening) -> None:
    first, second, third = evening.heard.entries
    assert [it.track.title for it in (first, second, third)] == list(PATTERNS)
    assert (second.transition.style, second.play.lead is not None) == ("beat-matched", True)
    assert third.transition.style == "cut" and third.transition.duration < samples(0.5)


# --- the overlap ------------------------------------------------------------------------------------------------------


def test_drums_of_both_tracks_strike_together(evening: Evening) -> None:
    beats = evening.within(evening.first_beats())
    apart = coincidence(*evening.parts(), beats)
    assert apart.both >= 10
    assert apart.median_ms <= 10 and apart.p95_ms <= 25


def test_each_track_strikes_on_its_own_true_beats(evening: Evening) -> None:
    """So that the second one is where the plan says, and not just on any beat of the first one."""
    for part, beats in zip(evening.parts(), (evening.first_beats(), evening.second_beats()), strict=True):
        expected = evening.within(beats)
        late = np.abs(onset_seconds(part, expected) - expected)
        assert np.isfinite(late).mean() >= 0.7
        assert np.nanmedian(late) <= 0.010 and np.nanquantile(late, 0.95) <= 0.025


def test_bars_begin_together(evening: Evening) -> None:
    first, second = (evening.within(it) for it in (evening.first_beats("downbeats"), evening.second_beats("downbeats")))
    assert len(first) == len(second) >= evening.heard.entry("Second").transition.bars - 1
    assert np.abs(first - second).max() <= 0.025 and np.median(np.abs(first - second)) <= 0.010


def test_the_bent_track_keeps_its_pitch(evening: Evening) -> None:
    entry, source = evening.heard.entry("Second"), evening.pieces["Second"].audio
    alone = sources_of([entry.play], patient_deck, evening.begins, entry.transition.duration)[0].audio
    enters = entry.transition.enter_at
    file = source[enters : enters + round(entry.transition.duration * entry.transition.ratio)]
    assert abs(pitch_cents(alone, file)) <= 5


def test_there_is_one_bass_at_a_time(evening: Evening) -> None:
    first, second = evening.parts()
    bass = double_bass(first, second, evening.heard.mix[: evening.resumes], evening.begins, evening.ends)
    assert bass.excess_db <= 2 and bass.both_seconds <= 0.6


def test_the_sum_never_has_more_bass_than_the_louder_of_both(evening: Evening) -> None:
    count = evening.ends
    whole = [replace(play, bass_in=None, bass_out=None) for play in evening.heard.plays[:2]]
    files = [part.placed(count) for part in sources_of(whole, patient_deck, 0, count)]
    first, second, mix = (bass_db(it[evening.begins :]) for it in (*files, evening.heard.mix[:count]))
    assert len(mix) > 60
    assert (mix - np.maximum(first, second)).max() <= 2


# --- the rest of the second track -------------------------------------------------------------------------------------


def test_it_goes_back_to_its_own_samples(evening: Evening) -> None:
    entry, source = evening.heard.entry("Second"), evening.pieces["Second"].audio
    following = next(it for it in evening.heard.entries if it.play.start > entry.play.start)
    count = following.play.start - evening.resumes
    assert count > samples(10) and evening.resumes - evening.ends > samples(8), "it glides, and then it is itself"
    own = source[evening.lead.resumes_at :][:count]
    assert same_samples(evening.heard.mix[evening.resumes :][:count], own, entry.play.gain) <= ROUNDING


def test_the_tempo_glides_evenly(evening: Evening) -> None:
    """Beat for beat as the warp has it, and each a little nearer to its own tempo."""
    expected = evening.second_beats()
    gliding = expected[(expected > evening.ends / SAMPLE_RATE) & (expected < evening.resumes / SAMPLE_RATE)]
    late = onset_seconds(evening.heard.mix, gliding) - gliding
    assert np.isfinite(late).mean() >= 0.7 and np.nanquantile(np.abs(late), 0.95) <= 0.025
    tempo = 60 / np.diff(gliding)
    assert (np.diff(tempo) > -0.05).all() and tempo[0] < 127 and tempo[-1] > 128.5


# --- the whole programme ----------------------------------------------------------------------------------------------


def test_nothing_clicks_and_nothing_is_missing(evening: Evening) -> None:
    for heard in (evening.heard, evening.loud):
        sounding = heard.mix[:-LAST_FADE]
        assert clicks(sounding, heard.sources(0, len(sounding))) == []
        assert gaps(sounding) == []


def test_true_peaks_stay_below_the_ceiling(evening: Evening) -> None:
    assert true_peak_dbtp(evening.heard.mix) <= -1 + EXACT_DB
    assert -2 < true_peak_dbtp(evening.loud.mix) <= -1 + EXACT_DB, "where it would be far above"


def test_the_loudness_does_not_sway(evening: Evening) -> None:
    lufs = short_term_lufs(evening.heard.mix[:-LAST_FADE])
    for entry in evening.heard.entries[1:]:
        start = entry.play.start
        assert max(loudness_excursion(lufs, start, start + entry.transition.duration)) <= 1.5


def test_a_cold_ending_is_heard_to_its_end_and_the_next_bar_is_the_next_track_s(evening: Evening) -> None:
    second, third = evening.heard.entry("Second"), evening.heard.entry("Third")
    ends = PATTERNS["Second"].beats_seconds[-1]
    bar = (second.play.time_of(samples(ends)) - third.play.start) / SAMPLE_RATE
    entered = third.play.offset / SAMPLE_RATE - PATTERNS["Third"].downbeats_seconds[0]
    assert abs(bar) <= 0.030 and abs(entered) <= 0.030
    until = slice(third.play.start - samples(1.9), third.play.start)
    file = evening.pieces["Second"].audio[second.play.position_at(until.start) : second.play.position_at(until.stop)]
    assert same_samples(evening.heard.mix[until], file, second.play.gain) <= ROUNDING


def test_what_is_not_mixed_is_the_file_to_the_sample(evening: Evening) -> None:
    first, second, third = evening.heard.entries
    sounding = evening.heard.mix[:-LAST_FADE]
    alone = max(second.play.end, third.play.start + third.play.fade_in)
    for entry, since, until in ((first, first.play.start, evening.begins), (third, alone, len(sounding))):
        part = sounding[since:until]
        file = evening.pieces[entry.track.title].audio[entry.play.position_at(since) :][: len(part)]
        assert same_samples(part, file, entry.play.gain) <= ROUNDING, entry.track.title


def test_every_track_is_played_as_loud_as_was_asked_for(evening: Evening) -> None:
    for entry in evening.heard.entries:
        assert entry.play.gain == pytest.approx(amplitude(QUIET - entry.track.integrated_lufs)), entry.track.title
