"""Rendered transitions between drum patterns, measured against the beats that were written, not those analysed.

One programme: a beat-matched overlap with a stretched intro, then a cut after a cold ending.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from rtc_drift.engine.protocol.plays import Lead
from rtc_drift.media import SAMPLE_RATE, Audio, amplitude, samples
from rtc_drift.rendering.file_deck import FileDeck
from rtc_drift.rendering.render import LAST_FADE
from tests.support.measures import (
    bass_db,
    clicks,
    coincidence,
    double_bass,
    gaps,
    greatest_difference,
    loudness_excursion,
    onset_seconds,
    parts_of,
    pitch_cents,
    short_term_lufs,
    sources_of,
    true_peak_dbtp,
)
from tests.support.offline_render import (
    PATTERNS,
    QUIET,
    ROUNDING,
    ImmediateLeadCache,
    Piece,
    RenderedProgramme,
    render_pieces,
)

SECONDS = 84.0
TRUE_PEAK_ERROR_DB = 0.1


@dataclass(frozen=True)
class Programme:
    """A rendered programme, its pieces, and the overlap of its first two tracks."""

    pieces: dict[str, Piece]
    rendered: RenderedProgramme
    loud: RenderedProgramme
    """The same, so loud that the limiter works all the time."""

    @property
    def lead(self) -> Lead:
        lead = self.rendered.entry("Second").play.lead
        assert lead is not None
        return lead

    @property
    def begins(self) -> int:
        return self.rendered.entry("Second").play.start

    @property
    def ends(self) -> int:
        return self.begins + self.rendered.entry("Second").transition.duration

    @property
    def resumes(self) -> int:
        """The media time at which the second track continues at its own tempo."""
        return self.rendered.entry("Second").play.time_of(self.lead.resumes_at)

    def parts(self) -> tuple[Audio, Audio]:
        """Return the first two tracks alone, as they are in the mix."""
        count = self.resumes
        first, second = parts_of(self.rendered.plays[:2], FileDeck, 0, count)
        return first.placed(count), second.placed(count)

    def first_beats(self, of: str = "beats") -> NDArray[np.float64]:
        """Return the true beats of the first track, in seconds of the programme."""
        times: NDArray[np.float64] = getattr(PATTERNS["First"], f"{of}_seconds")
        play = self.rendered.entry("First").play
        return times + (play.start - play.offset) / SAMPLE_RATE

    def second_beats(self, of: str = "beats") -> NDArray[np.float64]:
        """Return the true beats of the stretched second track, in seconds of the programme."""
        times: NDArray[np.float64] = getattr(PATTERNS["Second"], f"{of}_seconds")
        warp = self.rendered.entry("Second").lead_warp
        assert warp is not None
        return np.array([self.begins + warp.output_at(at * SAMPLE_RATE) for at in times]) / SAMPLE_RATE

    def within(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the times well within the overlap: its first and last beats are faded."""
        return times[(times > self.begins / SAMPLE_RATE + 0.3) & (times < self.ends / SAMPLE_RATE - 0.3)]


@pytest.fixture(scope="module")
def programme(drums: dict[str, Piece], leads: ImmediateLeadCache) -> Programme:
    rendered = render_pieces(list(drums.values()), SECONDS, leads=leads)
    loud = render_pieces(list(drums.values())[:2], 50, leads=leads, target_lufs=-16)
    return Programme(drums, rendered, loud)


def test_the_programme_has_the_transitions_to_be_tested(programme: Programme) -> None:
    first, second, third = programme.rendered.entries
    assert [it.track.title for it in (first, second, third)] == list(PATTERNS)
    assert (second.transition.style, second.play.lead is not None) == ("beat-matched", True)
    assert third.transition.style == "cut" and third.transition.duration < samples(0.5)


# --- the overlap ------------------------------------------------------------------------------------------------------


def test_the_drums_of_both_tracks_coincide(programme: Programme) -> None:
    beats = programme.within(programme.first_beats())
    apart = coincidence(*programme.parts(), beats)
    assert apart.both >= 8, "while mids and highs cross"
    assert apart.median_ms <= 10 and apart.p95_ms <= 25


def test_each_track_plays_on_its_own_true_beats(programme: Programme) -> None:
    """The second track must be where the plan says, not on just any beat of the first."""
    for part, beats in zip(programme.parts(), (programme.first_beats(), programme.second_beats()), strict=True):
        expected = programme.within(beats)
        late = np.abs(onset_seconds(part, expected) - expected)
        assert np.isfinite(late).mean() >= 0.5
        assert np.nanmedian(late) <= 0.010 and np.nanquantile(late, 0.95) <= 0.025


def test_bars_start_together(programme: Programme) -> None:
    first, second = (
        programme.within(it) for it in (programme.first_beats("downbeats"), programme.second_beats("downbeats"))
    )
    assert len(first) == len(second) >= programme.rendered.entry("Second").transition.bars - 1
    assert np.abs(first - second).max() <= 0.025 and np.median(np.abs(first - second)) <= 0.010


def test_the_stretched_track_keeps_its_pitch(programme: Programme) -> None:
    entry, source = programme.rendered.entry("Second"), programme.pieces["Second"].audio
    alone = sources_of([entry.play], FileDeck, programme.begins, entry.transition.duration)[0].audio
    enters = entry.transition.enter_at
    file = source[enters : enters + round(entry.transition.duration * entry.transition.ratio)]
    assert abs(pitch_cents(alone, file)) <= 5


def test_only_one_bass_plays_at_a_time(programme: Programme) -> None:
    first, second = programme.parts()
    bass = double_bass(first, second, programme.rendered.mix[: programme.resumes], programme.begins, programme.ends)
    assert bass.excess_db <= 2 and bass.both_seconds <= 0.6


def test_the_mix_never_has_more_bass_than_the_louder_track(programme: Programme) -> None:
    count = programme.ends
    whole = [replace(play, bands_in=None, bands_out=None) for play in programme.rendered.plays[:2]]
    files = [part.placed(count) for part in sources_of(whole, FileDeck, 0, count)]
    first, second, mix = (bass_db(it[programme.begins :]) for it in (*files, programme.rendered.mix[:count]))
    assert len(mix) > 60
    assert (mix - np.maximum(first, second)).max() <= 2


# --- the rest of the second track -------------------------------------------------------------------------------------


def test_the_track_returns_to_its_own_samples(programme: Programme) -> None:
    entry, source = programme.rendered.entry("Second"), programme.pieces["Second"].audio
    following = next(it for it in programme.rendered.entries if it.play.start > entry.play.start)
    count = following.play.start - programme.resumes
    assert count > samples(10) and programme.resumes - programme.ends > samples(8), (
        "it glides, and then plays unchanged"
    )
    own = source[programme.lead.resumes_at :][:count]
    assert greatest_difference(programme.rendered.mix[programme.resumes :][:count], own, entry.play.gain) <= ROUNDING


def test_the_tempo_glides_evenly(programme: Programme) -> None:
    """Every beat is where the warp puts it, and a little nearer to the track's own tempo."""
    expected = programme.second_beats()
    gliding = expected[(expected > programme.ends / SAMPLE_RATE) & (expected < programme.resumes / SAMPLE_RATE)]
    late = onset_seconds(programme.rendered.mix, gliding) - gliding
    assert np.isfinite(late).mean() >= 0.7 and np.nanquantile(np.abs(late), 0.95) <= 0.025
    tempo = 60 / np.diff(gliding)
    assert (np.diff(tempo) > -0.05).all() and tempo[0] < 127 and tempo[-1] > 128.5


# --- the whole programme ----------------------------------------------------------------------------------------------


def test_there_is_no_click_and_no_gap(programme: Programme) -> None:
    for rendered in (programme.rendered, programme.loud):
        unfaded = rendered.mix[:-LAST_FADE]
        assert clicks(unfaded, rendered.sources(0, len(unfaded))) == []
        assert gaps(unfaded) == []


def test_true_peaks_stay_below_the_ceiling(programme: Programme) -> None:
    assert true_peak_dbtp(programme.rendered.mix) <= -1 + TRUE_PEAK_ERROR_DB
    assert -2 < true_peak_dbtp(programme.loud.mix) <= -1 + TRUE_PEAK_ERROR_DB, "where it would be far above"


def test_loudness_stays_within_the_band_of_both_tracks(programme: Programme) -> None:
    lufs = short_term_lufs(programme.rendered.mix[:-LAST_FADE])
    for entry in programme.rendered.entries[1:]:
        start = entry.play.start
        assert max(loudness_excursion(lufs, start, start + entry.transition.duration)) <= 1.5


def test_a_cold_ending_plays_to_its_end_and_the_next_track_enters_on_the_bar(programme: Programme) -> None:
    second, third = programme.rendered.entry("Second"), programme.rendered.entry("Third")
    ends = PATTERNS["Second"].beats_seconds[-1]
    bar = (second.play.time_of(samples(ends)) - third.play.start) / SAMPLE_RATE
    entered = third.play.offset / SAMPLE_RATE - PATTERNS["Third"].downbeats_seconds[0]
    assert abs(bar) <= 0.030 and abs(entered) <= 0.030
    until = slice(third.play.start - samples(1.9), third.play.start)
    file = programme.pieces["Second"].audio[second.play.position_at(until.start) : second.play.position_at(until.stop)]
    assert greatest_difference(programme.rendered.mix[until], file, second.play.gain) <= ROUNDING


def test_outside_of_transitions_the_files_play_unchanged(programme: Programme) -> None:
    first, second, third = programme.rendered.entries
    unfaded = programme.rendered.mix[:-LAST_FADE]
    alone = max(second.play.end, third.play.start + third.play.fade_in)
    for entry, since, until in ((first, first.play.start, programme.begins), (third, alone, len(unfaded))):
        part = unfaded[since:until]
        file = programme.pieces[entry.track.title].audio[entry.play.position_at(since) :][: len(part)]
        assert greatest_difference(part, file, entry.play.gain) <= ROUNDING, entry.track.title


def test_every_track_plays_at_the_target_loudness(programme: Programme) -> None:
    for entry in programme.rendered.entries:
        assert entry.play.gain == pytest.approx(amplitude(QUIET - entry.track.integrated_lufs)), entry.track.title
