"""Failures within a transition: the programme goes on without a gap, and only the broken part is left out."""

import logging
import os
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.library.track import Track
from rtc_drift.media import Audio, amplitude, samples, seconds
from rtc_drift.rendering.render import LAST_FADE
from rtc_drift.station.entry import Entry
from rtc_drift.station.stretched_ends import StretchedEnds
from rtc_drift.stretching.lead_cache import LeadCache
from rtc_drift.stretching.warp import Warp
from rtc_drift.workers.pool import WorkerError
from tests.support.analyses import beat_analysis
from tests.support.measures import Part, clicks, gaps
from tests.support.mix_tracks import mix_track
from tests.support.music import steady_music
from tests.support.offline_render import Command, ImmediateLeadCache, Piece, render_pieces
from tests.support.simulated_station import SimulatedStation

LENGTH = 60.0
LONGEST_GAP = 1.0
_FADED = np.where(np.arange(samples(LENGTH)) < samples(LENGTH - 0.5), 1, amplitude(-30)).astype(np.float32)[:, None]
"""Hushes the last half second, after the last sound; silence would count as a gap."""


@cache
def music(number: int) -> Audio:
    """Return the audio of a track."""
    return steady_music(LENGTH, seed=number) * _FADED


@cache
def stretched_music() -> Audio:
    """Return the audio of all stretched intros."""
    return steady_music(70, seed=9)


def other_music(track: Track, warp: Warp) -> Audio:
    """Make a stretched intro of other music, to be told apart; its end continues in the file, as in a real one."""
    audio = stretched_music()[: warp.length].copy()
    own = music(int(track.id, 16))
    joint = samples(0.02)
    share = np.linspace(0, 1, joint, dtype=np.float32)[:, None]
    file = own[warp.resumes_at - joint : warp.resumes_at]
    audio[-joint:] = audio[-joint:] * (1 - share) + file * share
    return audio


def make_station(*bpms: float) -> SimulatedStation:
    """Make a station that plays tracks of these tempi; stretched intros are rendered at once."""
    tracks = [mix_track(number, beat_analysis(bpm, length=LENGTH), LENGTH) for number, bpm in enumerate(bpms, start=1)]
    station = SimulatedStation(*((it.track, it.analysis, music(int(it.track.id, 16))) for it in tracks))
    station.render_lead = other_music
    return station


def run_into_overlap(station: SimulatedStation, into: float) -> tuple[Entry, Entry]:
    """Run until `into` seconds after the next track has started; return the outgoing and the incoming entry."""
    station.run_for(1)
    planned, playing = station.planned(), station.playing()
    station.run_for(seconds(planned.play.start - station.now) + into)
    return playing, station.autodj.programme.find(planned.play.id) or planned


def longest_gap(station: SimulatedStation) -> float:
    return seconds(max((length for _, length in gaps(station.mix)), default=0))


def unexplained_clicks(station: SimulatedStation, *more: Part) -> list[object]:
    """Return the clicks in the mix that neither the sources nor `more` explain."""
    return list(clicks(station.mix, [*station.sources(), *more]))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [it.getMessage() for it in caplog.records if it.levelno >= logging.WARNING]


def test_a_transition_without_faults_is_smooth() -> None:
    station = make_station(124, 127)
    _, incoming = run_into_overlap(station, 40)
    assert incoming.play.lead is not None and incoming.transition.style == "beat-matched"
    assert longest_gap(station) == 0 and unexplained_clicks(station) == [] and station.library.marked == []


def test_a_pause_at_the_start_of_a_slower_track_does_not_mark_it() -> None:
    """Its position in the stretched intro lies before the beginning of the file."""
    station = make_station(124, 126.5)
    _, incoming = run_into_overlap(station, 0.1)
    assert incoming.play.lead is not None
    assert incoming.play.position_at(station.now) < 0, "as this test needs"
    paused = station.commands.pause().starts_at
    station.run_for(1)
    resumed = station.commands.resume().starts_at
    station.run_for(5)
    assert station.library.marked == [] and station.playing().track.id == incoming.track.id
    assert longest_gap(station) <= seconds(resumed - paused) + 0.5


# --- leads ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [None, 0.0, 2.0])
def test_a_missing_or_short_lead_is_not_used(left: float | None, caplog: pytest.LogCaptureFixture) -> None:
    station = make_station(124, 127)
    station.render_lead = lambda track, warp: other_music(track, warp)[: samples(left or 0)]
    station.deletes_leads = left is None
    station.run_for(5)
    assert station.leads_rendered == 1 and len(warnings(caplog)) == 1, "it is not tried again and again"
    _, incoming = run_into_overlap(station, 10)
    assert incoming.play.lead is None and incoming.transition.style != "beat-matched"
    assert sum(incoming.play.path in it for it in warnings(caplog)) == 1
    assert station.library.marked == [] and longest_gap(station) == 0 and unexplained_clicks(station) == []


@pytest.mark.parametrize("breaks_after", [10.0, 14.0, 20.0])
def test_a_lead_that_breaks_off_is_followed_by_the_file(breaks_after: float, caplog: pytest.LogCaptureFixture) -> None:
    station = make_station(124, 127)
    run_into_overlap(station, 0.5)
    incoming = station.playing()
    station.lead_file_of(incoming).breaks_at = samples(breaks_after)
    station.run_for(25)
    assert station.autodj.now_playing() == incoming and station.library.marked == []
    assert len(warnings(caplog)) == 1
    own = station.source_without_lead(incoming.play, incoming.play.start + samples(breaks_after - 0.5))
    assert longest_gap(station) == 0 and unexplained_clicks(station, own) == []
    at = incoming.play.start + samples(breaks_after + 0.1)
    after = station.mix[at : at + samples(4)]
    file = music(int(incoming.track.id, 16))[incoming.play.position_at(at) :][: len(after)]
    assert np.corrcoef(after[:, 0], file[:, 0])[0, 1] > 0.3, "the track itself plays"


@pytest.mark.parametrize("into", [1.0, 14.0])
def test_a_stalled_lead_is_given_up_soon(into: float, caplog: pytest.LogCaptureFixture) -> None:
    station = make_station(124, 127)
    run_into_overlap(station, into)
    incoming = station.playing()
    ends = station.now + samples(9)
    station.lead_file_of(incoming).stalls = lambda: station.now < ends
    station.run_for(15)
    assert station.autodj.now_playing() == incoming and station.library.marked == []
    assert len(warnings(caplog)) == 1 and longest_gap(station) <= 0.5


def test_a_late_lead_changes_nothing() -> None:
    station = make_station(124, 127)
    station.render_lead = lambda *_: None
    station.run_for(1)
    planned = station.planned()
    pending = station.autodj.pending_lead
    assert pending is not None
    station.run_for(seconds(planned.play.start - station.now) - 0.1)
    assert not station.autodj.lead_ready(pending, StretchedEnds(Path("/leads/late.wav")))
    station.run_for(1)
    playing = station.autodj.now_playing()
    assert playing is not None and playing.transition == planned.transition
    assert longest_gap(station) == 0 and unexplained_clicks(station) == []


# --- the tracks themselves --------------------------------------------------------------------------------------------


def test_an_outgoing_file_that_breaks_off_is_followed_by_the_incoming_one() -> None:
    station = make_station(124, 127, 122)
    outgoing, incoming = run_into_overlap(station, 0.2)
    station.file_of(outgoing).breaks_at = outgoing.play.position_at(station.now + samples(5))
    station.run_for(40)
    assert station.library.marked == [(outgoing.track.id, True)]
    assert longest_gap(station) == 0 and unexplained_clicks(station) == []
    assert incoming in station.entries.values()


@pytest.mark.parametrize("has_lead", [True, False])
def test_an_incoming_file_that_breaks_off_is_followed_by_another(has_lead: bool) -> None:
    station = make_station(124, 127, 122)
    if not has_lead:
        station.render_lead = lambda *_: None
    _, incoming = run_into_overlap(station, 0.2)
    if has_lead:
        station.file_of(incoming).breaks_at = samples(2)
    else:
        station.file_of(incoming).breaks_at = incoming.play.position_at(station.now + samples(4.5))
    station.run_for(40)
    assert station.library.marked == [(incoming.track.id, True)]
    assert longest_gap(station) == 0 and unexplained_clicks(station) == []


def test_a_file_that_vanishes_during_its_lead_is_followed_by_another() -> None:
    station = make_station(124, 127, 122)
    _, incoming = run_into_overlap(station, 0.2)
    assert incoming.play.lead is not None
    station.file_of(incoming).is_gone = True
    station.run_for(seconds(incoming.play.lead.length) + 10)
    assert station.library.marked == [(incoming.track.id, True)]
    assert longest_gap(station) == 0 and unexplained_clicks(station) == []


def test_a_file_shorter_than_the_transition_is_followed_by_another() -> None:
    station = make_station(124, 96, 110)
    station.run_for(1)
    planned = station.planned()
    station.files[planned.play.path].audio = music(int(planned.track.id, 16))[: samples(2)]
    station.run_for(75)
    assert station.library.marked == [(planned.track.id, True)] and longest_gap(station) == 0
    assert unexplained_clicks(station) == []


@pytest.mark.parametrize("into", [-20.0, 0.5])
def test_a_stalled_decoder_causes_a_gap_of_a_second_at_most(into: float) -> None:
    """Within a track, and within an overlap: of the track that started last."""
    station = make_station(124, 96, 110)
    run_into_overlap(station, into)
    playing = station.playing()
    ends = station.now + samples(4 + 5)
    station.file_of(playing).stalls = lambda: station.now < ends
    station.run_for(30)
    assert station.library.marked in ([], [(playing.track.id, False)]), "the file itself is fine"
    assert longest_gap(station) <= LONGEST_GAP + 0.3


# --- real files and real workers --------------------------------------------------------------------------------------


class CrashingRenderer:
    """A renderer of stretched intros whose worker crashes each time."""

    async def write_lead(self, path: Path, warp: Warp, destination: Path) -> None:
        raise WorkerError("The worker that rendered a lead crashed.")


class TruncatingLeadCache(ImmediateLeadCache):
    """Keeps only the first seconds of a stretched intro, as a full disk would, or nothing."""

    def __init__(self, folder: Path, left: float) -> None:
        super().__init__(folder)
        self._left = left

    async def prepare(self, path: Path, warp: Warp) -> Path | None:
        lead = await super().prepare(path, warp)
        assert lead is not None
        if self._left:
            os.truncate(lead, samples(self._left) * 8)
        else:
            lead.unlink()
        return lead


TO_THE_END: Command = (0.5, "seek", {"positionSeconds": 21.0})
"""Seeks to shortly before the end, which saves time."""


@pytest.mark.parametrize("left", [0.0, 3.0])
def test_a_damaged_lead_is_not_used(
    drums: dict[str, Piece], tmp_path: Path, left: float, caplog: pytest.LogCaptureFixture
) -> None:
    leads = TruncatingLeadCache(tmp_path, left)
    programme = render_pieces(list(drums.values()), 36, [TO_THE_END], leads=leads)
    assert programme.titles == ["First", "First", "Second"] and programme.entries[-1].play.lead is None
    assert programme.unplayable == {} and gaps(programme.mix[:-LAST_FADE]) == []
    logged = [it for it in warnings(caplog) if "Second.flac" in it]
    assert len(logged) == leads.requests == 2, "one before the seek, one after it"


def test_a_crash_of_the_worker_is_survived(
    drums: dict[str, Piece], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    programme = render_pieces(
        list(drums.values()), 36, [TO_THE_END], leads=LeadCache(CrashingRenderer(), tmp_path / "leads")
    )
    assert programme.titles == ["First", "First", "Second"] and programme.entries[-1].play.lead is None
    assert programme.unplayable == {} and gaps(programme.mix[:-LAST_FADE]) == []
    assert sum("A stretched end of Second.flac" in it for it in warnings(caplog)) == 1


@pytest.mark.parametrize("broken", ["First", "Second"])
def test_a_file_truncated_within_the_overlap_is_followed_without_a_gap(
    drums: dict[str, Piece], tmp_path: Path, broken: str
) -> None:
    """The outgoing file just before its fade, the incoming one during its stretched intro."""
    copies = list[Piece]()
    for title, it in drums.items():
        path = Path(shutil.copy(it.track.path, tmp_path / f"{title}.flac"))
        copies.append(Piece(it.track.model_copy(update={"path": path}), it.audio, it.analysis))
    path = tmp_path / f"{broken}.flac"
    size, cut_at = path.stat().st_size, samples(15.0 if broken == "First" else 18.0)

    def truncate(now: int) -> None:
        if now >= cut_at and path.stat().st_size == size:
            os.truncate(path, round(size * (0.88 if broken == "First" else 0.2)))

    programme = render_pieces(copies, 45, [TO_THE_END], leads=ImmediateLeadCache(tmp_path), before_block=truncate)
    assert list(programme.unplayable) == [broken]
    assert gaps(programme.mix[:-LAST_FADE]) == []
    assert "Second" in programme.titles and (broken == "First" or programme.titles[-1] != "Second")
