"""Positions that are told of a stretched track are those that are heard."""

from pathlib import Path

import numpy as np

from rtc_drift.media import SAMPLE_RATE, samples
from rtc_drift.station.programme import unplan
from rtc_drift.station.snapshot import SavedStation, state_text
from rtc_drift.station.stretched_ends import StretchedEnds
from rtc_drift.station.views import PlayingTrack
from tests.support.analyses import beat_analysis
from tests.support.autodj_driver import AutoDjDriver
from tests.support.mix_tracks import mix_track


def driver_in_an_overlap(first: float, second: float) -> AutoDjDriver:
    """Return a driver two seconds into the overlap of two tracks with these tempi, whose ends are stretched."""
    tracks = [mix_track(number, beat_analysis(bpm)) for number, bpm in enumerate((first, second), start=1)]
    driver = AutoDjDriver(*(it.track for it in tracks))
    driver.library.analyses.update({it.track.id: it.analysis for it in tracks if it.analysis is not None})
    driver.run_for(1)
    assert driver.autodj.lead_ready(driver.pending_lead(), StretchedEnds(Path("/lead.wav"), Path("/lead-out.wav")))
    driver.run_for((driver.planned().play.start - driver.now) / SAMPLE_RATE + 2)
    return driver


def told(shown: PlayingTrack, media_time: int) -> float:
    """Return the position that a client makes of what it is told."""
    assert shown.position_map is not None
    if media_time >= shown.position_map[-1][0]:
        return shown.offset_samples + media_time - shown.starts_at
    times, positions = zip(*shown.position_map, strict=True)
    return float(np.interp(media_time, times, positions))


def test_the_map_tells_where_a_stretched_track_is() -> None:
    driver = driver_in_an_overlap(124, 127)
    entry = driver.autodj.now_playing()
    assert entry is not None and entry.lead_warp is not None
    (started,) = (it for it in driver.events_of("track_started") if it.track.id == entry.track.id)
    shown = PlayingTrack.of(entry, ())
    assert started.position_map == shown.position_map is not None
    end = entry.play.start + entry.lead_warp.length
    for at in range(entry.play.start, end + samples(5), samples(0.7)):
        assert abs(told(shown, at) - entry.position_at(at)) <= samples(0.001)
    plain = shown.offset_samples + entry.play.start - shown.starts_at
    assert abs(plain - told(shown, entry.play.start)) > samples(0.1), "the map makes a difference"
    times = np.array(shown.position_map)
    assert (np.diff(times, axis=0) > 0).all() and told(shown, end) == entry.play.position_at(end)


def test_beats_of_both_tracks_are_heard_together_where_both_are_bent() -> None:
    driver = driver_in_an_overlap(124, 130)
    outgoing, incoming = driver.autodj.programme.entries[:2]
    assert outgoing.lead_out_warp is not None and incoming.lead_warp is not None
    for entry in (outgoing, incoming):
        for at in range(incoming.play.start, incoming.play.start + incoming.transition.duration, samples(0.9)):
            assert abs(entry.time_of(entry.position_at(at)) - at) <= 2, "the inverse"
    beats = []
    for entry in (outgoing, incoming):
        times = [entry.time_of(samples(it)) for it in driver.library.analyses[entry.track.id].downbeats_seconds]
        overlap = (incoming.play.start - 9, incoming.play.start + incoming.transition.duration + 9)
        beats.append([it for it in times if overlap[0] <= it <= overlap[1]])
    assert len(beats[0]) == len(beats[1]) == incoming.transition.bars + 1
    assert np.abs(np.diff(beats, axis=0)).max() <= samples(0.002)


def test_a_stretched_ending_is_taken_back_until_it_begins() -> None:
    programme = driver_in_an_overlap(124, 130).autodj.programme
    outgoing, incoming = programme.entries[:2]
    assert outgoing.play.lead_out is not None
    begins = outgoing.play.time_of(outgoing.play.lead_out.begins_at)
    (alone,) = unplan(programme, begins - 1).entries
    assert (alone.play.lead_out, alone.lead_out_warp, alone.play.bands_out) == (None, None, None)
    assert alone.play.end == alone.natural_end
    assert unplan(programme, incoming.play.start).entries[0] == outgoing, "what sounds stays"


def test_after_a_restart_tracks_go_on_in_their_own_files() -> None:
    snapshot = driver_in_an_overlap(124, 130).autodj.snapshot()
    tracks = {entry.track.id: entry.track for entry in snapshot.programme.entries}
    restored = SavedStation(state_text(snapshot), "{}").snapshot(tracks.get).programme
    assert [entry.play.id for entry in restored.entries] == [entry.play.id for entry in snapshot.programme.entries]
    for entry in restored.entries:
        assert (entry.play.lead, entry.play.lead_out, entry.lead_warp, entry.lead_out_warp) == (None,) * 4


def test_a_track_at_its_own_tempo_has_no_map() -> None:
    driver = AutoDjDriver(mix_track(1).track, mix_track(2).track)
    driver.run_for(1)
    playing = driver.autodj.now_playing()
    assert playing is not None and PlayingTrack.of(playing, ()).position_map is None
