"""The journeys that mixing is benched on: no transition is left out, and none is counted as two."""

from pathlib import Path

from benchmarks.planned_programme import AROUND, journey
from rtc_drift.media import samples
from rtc_drift.rendering import MemoryLibrary
from tests.music import make_track
from tests.unit.test_mixing import beating, side


def album() -> MemoryLibrary:
    """Two tracks that follow each other on a disc, of which one is played after the other for ever."""
    tracks = [
        make_track(number, duration=60).model_copy(update={"album": "Both", "track_number": number})
        for number in (1, 2)
    ]
    return MemoryLibrary(tracks, {})


def test_what_ends_when_the_next_begins_is_counted_too() -> None:
    planned = journey(album(), 1, Path("/nowhere"), transitions=40)
    counts = {joint.transition.style: times for joint, times in planned.joints.items()}
    assert counts == {"gapless": 20, "blend": 20}
    assert samples(39 * 50) < planned.length < samples(41 * 60)


def test_transitions_lie_where_the_outgoing_track_begins_to_fade() -> None:
    for joint in journey(album(), 1, Path("/nowhere"), transitions=2).joints:
        fade = joint.outgoing.fade_out
        assert fade.start == 0 if fade else joint.outgoing.end == 0
        assert joint.incoming.start == joint.transition.delay == 0
        assert joint.outgoing.start < -AROUND and joint.incoming.end > joint.ends + AROUND
        assert joint.outgoing.position_at(0) == joint.transition.leave_at


def test_leads_have_the_same_names_each_time() -> None:
    sides = [side(number, beating(bpm)) for number, bpm in enumerate((124, 127), start=1)]
    heard = {it.track.id: it.analysis for it in sides if it.analysis is not None}
    first, second = (
        journey(MemoryLibrary([it.track for it in sides], heard), 1, Path("/nowhere"), transitions=6) for _ in range(2)
    )
    assert first == second and len(first.bends) == 2
    matched = [joint for joint in first.joints if joint.beats]
    assert len(matched) == 2
    for joint in matched:
        ((path, bend),) = first.leads(joint)
        assert joint.incoming.lead is not None and path == Path(joint.incoming.lead.path)
        assert bend.warp.length == joint.incoming.lead.length
        assert joint.beats == 4 * joint.transition.bars
