"""What fails in the middle of a transition: the programme goes on, and only what is bad is left out."""

import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.library.track import Track
from rtc_drift.media import Audio, amplitude, samples, seconds
from rtc_drift.rendering.render import LAST_FADE
from rtc_drift.station.programme import Entry
from rtc_drift.stretching.lead_cache import LeadCache
from rtc_drift.stretching.warp import Warp
from rtc_drift.workers.pool import WorkerError
from tests.measures import Part, clicks, gaps
from tests.music import steady_music
from tests.rendered import Command, OwnLeadCache, Piece, rendered
from tests.theatre import Theatre
from tests.unit.test_mixing import beating, side

LENGTH = 60.0
LONGEST_GAP = 1.0
_FADED = np.where(np.arange(samples(LENGTH)) < samples(LENGTH - 0.5), 1, amplitude(-30)).astype(np.float32)[:, None]
"""It is over half a second before the end; but hushed, for silence counts as a gap."""
_MUSIC = [steady_music(LENGTH, seed=number) * _FADED for number in range(4)]
_BENT = steady_music(70, seed=9)


def bent(track: Track, warp: Warp) -> Audio:
    """A lead: other music, so that it shows which of both is heard; its last part is the file, as in a real one."""
    audio = _BENT[: warp.length].copy()
    own = _MUSIC[int(track.id, 16)]
    joint = samples(0.02)
    share = np.linspace(0, 1, joint, dtype=np.float32)[:, None]
    file = own[warp.resumes_at - joint : warp.resumes_at]
    audio[-joint:] = audio[-joint:] * (1 - share) + file * share
    return audio


def theatre(*bpms: float) -> Theatre:
    """Tracks whose tempi can be matched, if they are; leads are rendered at once."""
    sides = [side(number, beating(bpm, length=LENGTH), LENGTH) for number, bpm in enumerate(bpms, start=1)]
    house = Theatre(*((it.track, it.analysis, _MUSIC[int(it.track.id, 16)]) for it in sides))
    house.render = bent
    return house


def until_overlap(house: Theatre, into: float) -> tuple[Entry, Entry]:
    """Go to so many seconds after the next track has begun; gives the outgoing and the incoming one."""
    house.go(1)
    planned, playing = house.planned(), house.autodj.now_playing()
    assert playing is not None
    house.go(seconds(planned.play.start - house.now) + into)
    return playing, house.autodj.programme.find(planned.play.id) or planned


def longest_gap(house: Theatre) -> float:
    return seconds(max((length for _, length in gaps(house.mix)), default=0))


def surprises(house: Theatre, *more: Part) -> list[object]:
    """Clicks in what was heard, but for those of what `more` vouches for."""
    return list(clicks(house.mix, [*house.sources(), *more]))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [it.getMessage() for it in caplog.records if it.levelno >= logging.WARNING]


def test_without_faults_it_is_smooth() -> None:
    house = theatre(124, 127)
    _, incoming = until_overlap(house, 40)
    assert incoming.play.lead is not None and incoming.transition.style == "beat-matched"
    assert longest_gap(house) == 0 and surprises(house) == [] and house.library.marked == []


# --- leads ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [None, 0.0, 2.0])
def test_a_lead_that_is_gone_or_too_short_is_done_without(left: float | None, caplog: pytest.LogCaptureFixture) -> None:
    house = theatre(124, 127)
    house.render = lambda track, warp: bent(track, warp)[: samples(left or 0)]
    house.lose_leads = left is None
    house.go(5)
    assert house.leads_rendered == 1 and len(warnings(caplog)) == 1, "it is not tried again and again"
    _, incoming = until_overlap(house, 10)
    assert incoming.play.lead is None and incoming.transition.style != "beat-matched"
    assert sum(incoming.play.path in it for it in warnings(caplog)) == 1
    assert house.library.marked == [] and longest_gap(house) == 0 and surprises(house) == []


@pytest.mark.parametrize("breaks_after", [6.0, 12.0, 20.0])
def test_a_lead_that_breaks_off_while_it_plays_gives_way_to_the_file(
    breaks_after: float, caplog: pytest.LogCaptureFixture
) -> None:
    house = theatre(124, 127)
    until_overlap(house, 0.5)
    incoming = house.autodj.now_playing()
    assert incoming is not None
    house.lead_of(incoming).breaks_at = samples(breaks_after)
    house.go(25)
    assert house.autodj.now_playing() == incoming and house.library.marked == []
    assert len(warnings(caplog)) == 1
    own = house.in_its_own_file(incoming.play, incoming.play.start + samples(breaks_after - 0.5))
    assert longest_gap(house) == 0 and surprises(house, own) == []
    at = incoming.play.start + samples(breaks_after + 0.1)
    after = house.mix[at : at + samples(4)]
    file = _MUSIC[int(incoming.track.id, 16)][incoming.play.position_at(at) :][: len(after)]
    assert np.corrcoef(after[:, 0], file[:, 0])[0, 1] > 0.3, "the track itself is heard"


@pytest.mark.parametrize("into", [1.0, 14.0])
def test_a_lead_that_stalls_is_given_up_soon(into: float, caplog: pytest.LogCaptureFixture) -> None:
    house = theatre(124, 127)
    until_overlap(house, into)
    incoming = house.autodj.now_playing()
    assert incoming is not None
    ends = house.now + samples(9)
    house.lead_of(incoming).stalls = lambda: house.now < ends
    house.go(15)
    assert house.autodj.now_playing() == incoming and house.library.marked == []
    assert len(warnings(caplog)) == 1 and longest_gap(house) <= 0.5


def test_a_lead_that_comes_too_late_changes_nothing() -> None:
    house = theatre(124, 127)
    house.render = lambda *_: None
    house.go(1)
    planned = house.planned()
    wish = house.autodj.pending_lead
    assert wish is not None
    house.go(seconds(planned.play.start - house.now) - 0.1)
    assert not house.autodj.lead_ready(wish, "/leads/late.wav")
    house.go(1)
    playing = house.autodj.now_playing()
    assert playing is not None and playing.transition == planned.transition
    assert longest_gap(house) == 0 and surprises(house) == []


# --- the tracks themselves --------------------------------------------------------------------------------------------


def test_an_outgoing_file_that_breaks_off_in_the_overlap_leaves_it_to_the_incoming_one() -> None:
    house = theatre(124, 127, 122)
    outgoing, incoming = until_overlap(house, 0.2)
    house.file_of(outgoing).breaks_at = outgoing.play.position_at(house.now + samples(5))
    house.go(40)
    assert house.library.marked == [(outgoing.track.id, True)]
    assert longest_gap(house) == 0 and surprises(house) == []
    assert incoming in house.heard_entries.values()


@pytest.mark.parametrize("has_lead", [True, False])
def test_an_incoming_file_that_breaks_off_in_the_overlap_is_followed_by_another(has_lead: bool) -> None:
    house = theatre(124, 127, 122)
    if not has_lead:
        house.render = lambda *_: None
    _, incoming = until_overlap(house, 0.2)
    if has_lead:
        house.file_of(incoming).breaks_at = samples(2)
    else:
        house.file_of(incoming).breaks_at = incoming.play.position_at(house.now + samples(4.5))
    house.go(40)
    assert house.library.marked == [(incoming.track.id, True)]
    assert longest_gap(house) == 0 and surprises(house) == []


def test_a_file_that_vanishes_while_its_lead_plays_is_followed_by_another() -> None:
    house = theatre(124, 127, 122)
    _, incoming = until_overlap(house, 0.2)
    assert incoming.play.lead is not None
    house.file_of(incoming).is_gone = True
    house.go(seconds(incoming.play.lead.length) + 10)
    assert house.library.marked == [(incoming.track.id, True)]
    assert longest_gap(house) == 0 and surprises(house) == []


def test_a_file_that_has_become_shorter_than_the_transition_is_followed_by_another() -> None:
    house = theatre(124, 96, 110)
    house.go(1)
    planned = house.planned()
    house.files[planned.play.path].audio = _MUSIC[int(planned.track.id, 16)][: samples(2)]
    house.go(75)
    assert house.library.marked == [(planned.track.id, True)] and longest_gap(house) == 0
    assert surprises(house) == []


@pytest.mark.parametrize("into", [-20.0, 0.5])
def test_a_decoder_that_stalls_costs_a_second_at_most(into: float) -> None:
    """In the middle of a track, and of an overlap: of whichever plays last."""
    house = theatre(124, 96, 110)
    until_overlap(house, into)
    playing = house.autodj.now_playing()
    assert playing is not None
    ends = house.now + samples(4 + 5)
    house.file_of(playing).stalls = lambda: house.now < ends
    house.go(30)
    assert house.library.marked in ([], [(playing.track.id, False)]), "nothing is wrong with the file"
    assert longest_gap(house) <= LONGEST_GAP + 0.3


# --- real files and real workers --------------------------------------------------------------------------------------


class Crashing:
    """Workers that die of every lead."""

    async def write_lead(self, path: Path, warp: Warp, destination: Path) -> None:
        raise WorkerError("The worker that rendered a lead crashed.")


class Half(OwnLeadCache):
    """Leaves only the first seconds of a lead, as a full disk would; or none of it."""

    def __init__(self, folder: Path, left: float) -> None:
        super().__init__(folder)
        self._left = left

    async def prepare(self, path: Path, warp: Warp) -> Path | None:
        made = await super().prepare(path, warp)
        assert made is not None
        if self._left:
            os.truncate(made, samples(self._left) * 8)
        else:
            made.unlink()
        return made


TO_THE_END: Command = (0.5, "seek", {"positionSeconds": 21.0})
"""Which saves time."""


@pytest.mark.parametrize("left", [0.0, 3.0])
def test_a_lead_whose_file_is_damaged_is_done_without(
    drums: dict[str, Piece], tmp_path: Path, left: float, caplog: pytest.LogCaptureFixture
) -> None:
    preparer = Half(tmp_path, left)
    heard = rendered(list(drums.values()), 36, [TO_THE_END], leads=preparer)
    assert heard.titles == ["First", "First", "Second"] and heard.entries[-1].play.lead is None
    assert heard.unplayable == {} and gaps(heard.mix[:-LAST_FADE]) == []
    told = [it for it in warnings(caplog) if "Second.flac" in it]
    assert len(told) == len(preparer.made) == 2, "one before the seek, one after it"


def test_the_worker_that_renders_leads_crashes(
    drums: dict[str, Piece], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard = rendered(list(drums.values()), 36, [TO_THE_END], leads=LeadCache(Crashing(), tmp_path / "leads"))
    assert heard.titles == ["First", "First", "Second"] and heard.entries[-1].play.lead is None
    assert heard.unplayable == {} and gaps(heard.mix[:-LAST_FADE]) == []
    assert sum("The lead of Second.flac" in it for it in warnings(caplog)) == 1


@pytest.mark.parametrize("broken", ["First", "Second"])
def test_a_file_is_truncated_in_the_middle_of_the_overlap(drums: dict[str, Piece], tmp_path: Path, broken: str) -> None:
    """The outgoing one just before it begins to go, the incoming one while its lead plays."""
    copies = list[Piece]()
    for title, it in drums.items():
        path = Path(shutil.copy(it.track.path, tmp_path / f"{title}.flac"))
        copies.append(Piece(it.track.model_copy(update={"path": path}), it.audio, it.heard))
    path = tmp_path / f"{broken}.flac"
    size, cut_at = path.stat().st_size, samples(15.0 if broken == "First" else 18.0)

    def meanwhile(now: int) -> None:
        if now >= cut_at and path.stat().st_size == size:
            os.truncate(path, round(size * (0.88 if broken == "First" else 0.2)))

    heard = rendered(copies, 45, [TO_THE_END], leads=OwnLeadCache(tmp_path), meanwhile=meanwhile)
    assert list(heard.unplayable) == [broken]
    assert gaps(heard.mix[:-LAST_FADE]) == []
    assert "Second" in heard.titles and (broken == "First" or heard.titles[-1] != "Second")
