"""The planned programmes of the mixing benchmark: each transition is counted, and none twice."""

from pathlib import Path

from benchmarks.planned_programme import MARGIN, plan_programme
from rtc_drift.media import samples
from rtc_drift.rendering import MemoryLibrary
from tests.support.analyses import beat_analysis
from tests.support.mix_tracks import mix_track
from tests.support.music import make_track
from tests.support.synthetic_library import memory_library


def album() -> MemoryLibrary:
    """Make a library of two successive tracks of an album, which play in turn."""
    tracks = [
        make_track(number, duration=60).model_copy(update={"album": "Both", "track_number": number})
        for number in (1, 2)
    ]
    return memory_library(tracks, {})


def test_gapless_transitions_are_counted_too() -> None:
    planned = plan_programme(album(), 1, Path("/nowhere"), transitions=40)
    counts = {excerpt.transition.style: times for excerpt, times in planned.transitions.items()}
    assert counts == {"gapless": 20, "blend": 20}
    assert samples(39 * 50) < planned.length < samples(41 * 60)


def test_transitions_start_where_the_outgoing_track_begins_to_fade() -> None:
    for excerpt in plan_programme(album(), 1, Path("/nowhere"), transitions=2).transitions:
        fade = excerpt.outgoing.bands_out or excerpt.outgoing.fade_out
        assert fade.start == 0 if fade else excerpt.outgoing.end == 0
        assert excerpt.incoming.start == excerpt.transition.delay == 0
        assert excerpt.outgoing.start < -MARGIN and excerpt.incoming.end > excerpt.ends + MARGIN
        assert excerpt.outgoing.position_at(0) == excerpt.transition.leave_at


def test_leads_have_the_same_names_each_time() -> None:
    tracks = [mix_track(number, beat_analysis(bpm)) for number, bpm in enumerate((124, 127), start=1)]
    analyses = {it.track.id: it.analysis for it in tracks if it.analysis is not None}
    first, second = (
        plan_programme(memory_library([it.track for it in tracks], analyses), 1, Path("/nowhere"), transitions=6)
        for _ in range(2)
    )
    assert first == second and len(first.leads) == 2
    matched = [excerpt for excerpt in first.transitions if excerpt.beats]
    assert len(matched) == 2
    for excerpt in matched:
        ((path, lead),) = first.leads_of(excerpt)
        assert excerpt.incoming.lead is not None and path == Path(excerpt.incoming.lead.path)
        assert lead.warp.length == excerpt.incoming.lead.length
        assert len(excerpt.beats) == 4 * excerpt.transition.bars - 1
