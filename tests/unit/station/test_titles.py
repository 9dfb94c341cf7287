"""Titles by media time: of what has started, of what is about to, and after a seek."""

from rtc_drift.engine.protocol.plays import Play
from rtc_drift.mixing.model import Transition, TransitionKind
from rtc_drift.station import events
from rtc_drift.station.entry import Entry
from rtc_drift.station.titles import NO_TITLE, Title, Titles
from rtc_drift.station.views import PlayingTrack
from tests.support.music import make_track


def entry(number: int, start: int, kind: TransitionKind = "crossfade") -> Entry:
    track = make_track(number, artist="A")
    return Entry(
        Play(number, track.id, str(track.path), start, 0, start + 1_000, 1.0, 0, None),
        track,
        Transition(kind, leave_at=0, enter_at=0, duration=0),
        "",
    )


def started(each: Entry) -> events.TrackStarted:
    return events.TrackStarted(session_id="x", media_time=0, **dict(PlayingTrack.of(each, ())))


def test_a_title_begins_with_the_sample_at_which_its_track_starts() -> None:
    entries = [entry(1, 0), entry(2, 900), entry(3, 1_500)]
    titles = Titles(lambda: entries)
    assert [titles.at(time).title for time in (0, 899, 900, 1_499, 1_500)] == [
        *("Track 1", "Track 1"),
        *("Track 2", "Track 2"),
        "Track 3",
    ]
    assert titles.at(0).line == "A - Track 1"


def test_tracks_that_have_ended_are_remembered_for_those_who_are_behind() -> None:
    entries = [entry(1, 0)]
    titles = Titles(lambda: entries)
    titles.note(started(entries[0]))
    entries[:] = [entry(2, 900)]
    titles.note(started(entries[0]))
    assert [titles.at(time).title for time in (0, 899, 900)] == ["Track 1", "Track 1", "Track 2"]
    assert titles.at(-5).title == "Track 1"


def test_a_seek_changes_no_title() -> None:
    entries = [entry(1, 100)]
    titles = Titles(lambda: entries)
    titles.note(started(entries[0]))
    entries[:] = [entry(1, 500, "seek")]
    assert titles.at(600).title == "Track 1"


def test_texts_are_bounded_and_empty_ones_are_no_tags() -> None:
    assert Titles(tuple).at(0) == NO_TITLE
    assert Title("", "T", "").tags == {"TITLE": "T"}
    assert Title("", "T", "").line == "T"
    track = entry(1, 0)
    long = track.track.model_copy(update={"title": "x" * 10_000})
    titles = Titles(lambda: [Entry(track.play, long, track.transition, "")])
    assert len(titles.at(0).title) == 200
