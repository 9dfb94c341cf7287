"""What people ask for while drums play, as it is heard: on the true bar, without a click, without a gap."""

from dataclasses import dataclass

import numpy as np
import pytest

from rtc_drift.media import SAMPLE_RATE, Audio, samples
from rtc_drift.mixing.crossfade import HUSH
from rtc_drift.mixing.model import warp_of
from rtc_drift.rendering.render import LAST_FADE
from rtc_drift.rendering.render_log import CarriedOut
from rtc_drift.station.playout import HORIZON
from rtc_drift.station.programme import Entry
from tests.measures import clicks, gaps, same_samples
from tests.rendered import PATTERNS, ROUNDING, Command, OwnLeadCache, Piece, Rendered, rendered

ANSWER_SECONDS = 2.6
"""A bar of the slowest pattern, and the way there."""
ON_THE_BAR = 0.030


def sounding(heard: Rendered) -> Audio:
    return heard.mix[:-LAST_FADE]


def is_smooth(heard: Rendered) -> bool:
    """Whether nothing clicks."""
    mix = sounding(heard)
    return clicks(mix, heard.sources(0, len(mix))) == []


def left_at(heard: Rendered, entry: Entry) -> tuple[Entry, float]:
    """What was heard before an entry, and the second of its file at which it was left."""
    before = heard.entries[heard.entries.index(entry) - 1]
    into = entry.play.start - before.play.start
    if before.play.lead is None or into >= before.play.lead.length:
        return before, before.play.position_at(entry.play.start) / SAMPLE_RATE
    return before, warp_of(before.transition).position_at(into) / SAMPLE_RATE


def apart_from_bar(title: str, second: float) -> float:
    """By how much a place in a pattern is not where a bar truly begins."""
    return float(np.abs(PATTERNS[title].downbeats_seconds - second).min())


def started_by(heard: Rendered, command: CarriedOut) -> Entry:
    return next(entry for entry in heard.entries if entry.play.start == command.accepted.starts_at)


def assert_on_the_bar(heard: Rendered, command: CarriedOut) -> None:
    entry = started_by(heard, command)
    before, second = left_at(heard, entry)
    assert entry.transition.style == "cut"
    assert apart_from_bar(before.track.title, second) <= ON_THE_BAR
    assert apart_from_bar(entry.track.title, entry.play.offset / SAMPLE_RATE) <= ON_THE_BAR


# --- one after the other ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked(drums: dict[str, Piece]) -> Rendered:
    commands: list[Command] = [
        (5.0, "pause", {}),
        (7.0, "resume", {}),
        (10.0, "seek", {"positionSeconds": 21.5}),
        (13.0, "next-track", {}),
        (18.0, "next-track", {"when": "now"}),
    ]
    return rendered(list(drums.values()), 24, commands)


def test_nothing_that_was_asked_for_clicks(asked: Rendered) -> None:
    assert len(asked.commands) == 7 and is_smooth(asked)


def test_it_is_silent_for_as_long_as_it_was_paused(asked: Rendered) -> None:
    paused, resumed = (it.accepted.starts_at for it in asked.commands[2:4])
    assert 0 <= paused - samples(5) <= samples(0.2) + HORIZON and 0 <= resumed - samples(7) <= samples(0.2) + HORIZON
    ((start, length),) = gaps(sounding(asked))
    assert paused <= start <= paused + HUSH and resumed <= start + length <= resumed + HUSH


def test_it_goes_on_with_the_sample_at_which_it_was_paused(asked: Rendered, drums: dict[str, Piece]) -> None:
    paused, resumed = (it.accepted.starts_at for it in asked.commands[2:4])
    first = asked.entries[0].play
    after = sounding(asked)[resumed + HUSH : samples(9)]
    file = drums["First"].audio[first.position_at(paused) + HUSH :][: len(after)]
    assert same_samples(after, file, first.gain) <= ROUNDING


def test_a_seek_goes_where_it_should(asked: Rendered, drums: dict[str, Piece]) -> None:
    at = asked.commands[4].accepted.starts_at
    after = sounding(asked)[at + HUSH : samples(13)]
    file = drums["First"].audio[samples(21.5) + HUSH :][: len(after)]
    assert at - samples(10) <= samples(0.2) + HORIZON
    assert same_samples(after, file, asked.entries[0].play.gain) <= ROUNDING


def test_the_next_track_comes_on_a_true_bar(asked: Rendered) -> None:
    command = asked.commands[5]
    assert_on_the_bar(asked, command)
    assert command.accepted.starts_at - samples(13) <= samples(ANSWER_SECONDS)


def test_now_is_now(asked: Rendered) -> None:
    command = asked.commands[6]
    assert started_by(asked, command).transition.style != "cut"
    assert command.accepted.starts_at - samples(18) <= samples(0.2) + HORIZON


# --- three times in a row ---------------------------------------------------------------------------------------------


def test_three_next_tracks_in_a_row_each_come_on_a_bar(drums: dict[str, Piece]) -> None:
    heard = rendered(list(drums.values()), 20, [(6.0, "next-track", {})] * 3)
    three = heard.commands[2:]
    starts = [it.accepted.starts_at for it in three]
    assert starts == sorted(set(starts)) and starts[-1] - samples(6) <= 3 * samples(ANSWER_SECONDS)
    for command in three:
        assert_on_the_bar(heard, command)
    assert is_smooth(heard) and gaps(sounding(heard)) == []


# --- in the middle of a transition ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Middle:
    """Where the beat-matched overlap is, in seconds of the programme."""

    begins: float
    ends: float


@pytest.fixture(scope="module")
def preparer(tmp_path_factory: pytest.TempPathFactory) -> OwnLeadCache:
    return OwnLeadCache(tmp_path_factory.mktemp("leads"))


SEEK: Command = (0.5, "seek", {"positionSeconds": 21.0})
"""To shortly before the end, which saves the test some time."""


@pytest.fixture(scope="module")
def middle(drums: dict[str, Piece], preparer: OwnLeadCache) -> Middle:
    entry = rendered(list(drums.values()), 20, [SEEK], leads=preparer).entry("Second")
    assert entry.play.lead is not None
    return Middle(entry.play.start / SAMPLE_RATE, (entry.play.start + entry.transition.duration) / SAMPLE_RATE)


def in_the_middle(drums: dict[str, Piece], preparer: OwnLeadCache, middle: Middle, *commands: Command) -> Rendered:
    """With commands at times relative to the overlap's beginning."""
    moved = [(middle.begins + at, name, body) for at, name, body in commands]
    return rendered(list(drums.values()), middle.ends + 7, [SEEK, *moved], leads=preparer)


@pytest.mark.parametrize("at", [2.0, 4.0])
def test_the_next_track_comes_on_a_bar_of_the_one_that_is_bent(
    drums: dict[str, Piece], preparer: OwnLeadCache, middle: Middle, at: float
) -> None:
    heard = in_the_middle(drums, preparer, middle, (at, "next-track", {}))
    assert heard.entry("Second").play.lead is not None
    assert_on_the_bar(heard, heard.commands[-1])
    assert is_smooth(heard) and gaps(sounding(heard)) == []


def test_now_in_the_middle_is_smooth(drums: dict[str, Piece], preparer: OwnLeadCache, middle: Middle) -> None:
    heard = in_the_middle(drums, preparer, middle, (3.0, "next-track", {"when": "now"}), (3.3, "next-track", {}))
    assert is_smooth(heard) and gaps(sounding(heard)) == []
    assert heard.commands[-1].accepted.starts_at - samples(middle.begins + 3.3) <= samples(ANSWER_SECONDS + 1.2)


def test_pausing_in_the_middle_is_silent_only_until_it_is_resumed(
    drums: dict[str, Piece], preparer: OwnLeadCache, middle: Middle
) -> None:
    heard = in_the_middle(drums, preparer, middle, (2.0, "pause", {}), (3.0, "resume", {}))
    paused, resumed = (it.accepted.starts_at for it in heard.commands[-2:])
    ((start, length),) = gaps(sounding(heard))
    assert paused <= start <= paused + HUSH and resumed <= start + length <= resumed + HUSH
    assert is_smooth(heard)


def test_a_seek_in_the_middle_is_smooth(drums: dict[str, Piece], preparer: OwnLeadCache, middle: Middle) -> None:
    heard = in_the_middle(drums, preparer, middle, (3.0, "seek", {"positionSeconds": 12.5}))
    assert is_smooth(heard) and gaps(sounding(heard)) == []
    after = sounding(heard)[heard.commands[-1].accepted.starts_at + HUSH :]
    file = drums["Second"].audio[samples(12.5) + HUSH :][: len(after)]
    assert same_samples(after, file, heard.entry("Second").play.gain) <= ROUNDING


def test_what_was_paused_while_it_was_bent_goes_on_where_it_was(
    drums: dict[str, Piece], preparer: OwnLeadCache, middle: Middle
) -> None:
    heard = in_the_middle(drums, preparer, middle, (6.0, "pause", {}), (7.0, "resume", {}))
    bent, again = heard.entry("Second"), heard.entry("Second", 1)
    into = heard.commands[-2].accepted.starts_at - bent.play.start
    assert again.play.offset == pytest.approx(warp_of(bent.transition).position_at(into), abs=samples(0.01))


def test_pausing_as_soon_as_a_slower_track_has_begun_does_not_condemn_it(
    drums: dict[str, Piece], preparer: OwnLeadCache, middle: Middle
) -> None:
    """Its place in the lead lies before the file's beginning."""
    heard = in_the_middle(drums, preparer, middle, (-0.13, "pause", {}), (1.0, "resume", {}))
    paused, resumed = (it.accepted.starts_at for it in heard.commands[-2:])
    assert heard.entry("Second").play.position_at(paused) < 0, "what this test is about"
    assert heard.unplayable == {}
    ((_, length),) = gaps(sounding(heard))
    assert length <= resumed - paused + HUSH + samples(0.35), "the file itself begins with a quarter of a second"
    assert heard.titles[-1] == "Second" and is_smooth(heard)
