"""Commands while drum patterns are rendered: they take effect on the true bar, without a click or a gap."""

from dataclasses import dataclass

import numpy as np
import pytest

from rtc_drift.media import SAMPLE_RATE, Audio, samples
from rtc_drift.mixing.crossfade import HUSH
from rtc_drift.rendering.render import LAST_FADE
from rtc_drift.rendering.render_log import ExecutedCommand
from rtc_drift.station.entry import Entry
from rtc_drift.station.playout import HORIZON
from tests.support.measures import clicks, gaps, greatest_difference
from tests.support.offline_render import (
    PATTERNS,
    ROUNDING,
    Command,
    ImmediateLeadCache,
    Piece,
    RenderedProgramme,
    render_pieces,
)

ANSWER_SECONDS = 2.6
"""A bar of the slowest pattern, and the delay until a command can take effect."""
ON_THE_BAR = 0.030


def unfaded(programme: RenderedProgramme) -> Audio:
    """Return the mix without the fade-out at the end."""
    return programme.mix[:-LAST_FADE]


def is_smooth(programme: RenderedProgramme) -> bool:
    """Return True if nothing clicks."""
    mix = unfaded(programme)
    return clicks(mix, programme.sources(0, len(mix))) == []


def left_at(programme: RenderedProgramme, entry: Entry) -> tuple[Entry, float]:
    """Return the entry before another, and the second of its file at which it was left."""
    before = programme.entries[programme.entries.index(entry) - 1]
    into = entry.play.start - before.play.start
    if before.play.lead is None or into >= before.play.lead.length:
        return before, before.play.position_at(entry.play.start) / SAMPLE_RATE
    assert before.lead_warp is not None
    return before, before.lead_warp.position_at(into) / SAMPLE_RATE


def apart_from_bar(title: str, second: float) -> float:
    """Return the distance of a position in a pattern from the nearest true bar, in seconds."""
    return float(np.abs(PATTERNS[title].downbeats_seconds - second).min())


def started_by(programme: RenderedProgramme, command: ExecutedCommand) -> Entry:
    return next(entry for entry in programme.entries if entry.play.start == command.accepted.starts_at)


def assert_on_the_bar(programme: RenderedProgramme, command: ExecutedCommand) -> None:
    entry = started_by(programme, command)
    before, second = left_at(programme, entry)
    assert entry.transition.style == "cut"
    assert apart_from_bar(before.track.title, second) <= ON_THE_BAR
    assert apart_from_bar(entry.track.title, entry.play.offset / SAMPLE_RATE) <= ON_THE_BAR


# --- one command after the other --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def programme(drums: dict[str, Piece]) -> RenderedProgramme:
    commands: list[Command] = [
        (5.0, "pause", {}),
        (7.0, "resume", {}),
        (10.0, "seek", {"positionSeconds": 21.5}),
        (13.0, "next-track", {}),
        (18.0, "next-track", {"when": "now"}),
    ]
    return render_pieces(list(drums.values()), 24, commands)


def test_no_command_clicks(programme: RenderedProgramme) -> None:
    assert len(programme.commands) == 7 and is_smooth(programme)


def test_it_is_silent_only_while_paused(programme: RenderedProgramme) -> None:
    paused, resumed = (it.accepted.starts_at for it in programme.commands[2:4])
    assert 0 <= paused - samples(5) <= samples(0.2) + HORIZON and 0 <= resumed - samples(7) <= samples(0.2) + HORIZON
    ((start, length),) = gaps(unfaded(programme))
    assert paused <= start <= paused + HUSH and resumed <= start + length <= resumed + HUSH


def test_it_resumes_at_the_sample_at_which_it_was_paused(programme: RenderedProgramme, drums: dict[str, Piece]) -> None:
    paused, resumed = (it.accepted.starts_at for it in programme.commands[2:4])
    first = programme.entries[0].play
    after = unfaded(programme)[resumed + HUSH : samples(9)]
    file = drums["First"].audio[first.position_at(paused) + HUSH :][: len(after)]
    assert greatest_difference(after, file, first.gain) <= ROUNDING


def test_a_seek_plays_from_its_position(programme: RenderedProgramme, drums: dict[str, Piece]) -> None:
    at = programme.commands[4].accepted.starts_at
    after = unfaded(programme)[at + HUSH : samples(13)]
    file = drums["First"].audio[samples(21.5) + HUSH :][: len(after)]
    assert at - samples(10) <= samples(0.2) + HORIZON
    assert greatest_difference(after, file, programme.entries[0].play.gain) <= ROUNDING


def test_the_next_track_starts_on_a_true_bar(programme: RenderedProgramme) -> None:
    command = programme.commands[5]
    assert_on_the_bar(programme, command)
    assert command.accepted.starts_at - samples(13) <= samples(ANSWER_SECONDS)


def test_a_skip_now_does_not_wait_for_the_bar(programme: RenderedProgramme) -> None:
    command = programme.commands[6]
    assert started_by(programme, command).transition.style != "cut"
    assert command.accepted.starts_at - samples(18) <= samples(0.2) + HORIZON


# --- three times in a row ---------------------------------------------------------------------------------------------


def test_three_skips_in_a_row_are_each_on_a_bar(drums: dict[str, Piece]) -> None:
    programme = render_pieces(list(drums.values()), 20, [(6.0, "next-track", {})] * 3)
    three = programme.commands[2:]
    starts = [it.accepted.starts_at for it in three]
    assert starts == sorted(set(starts)) and starts[-1] - samples(6) <= 3 * samples(ANSWER_SECONDS)
    for command in three:
        assert_on_the_bar(programme, command)
    assert is_smooth(programme) and gaps(unfaded(programme)) == []


# --- within an overlap ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Overlap:
    """The beat-matched overlap, in seconds of the programme."""

    begins: float
    ends: float


SEEK: Command = (0.5, "seek", {"positionSeconds": 21.0})
"""Seeks to shortly before the end, which saves time."""


@pytest.fixture(scope="module")
def overlap(drums: dict[str, Piece], leads: ImmediateLeadCache) -> Overlap:
    entry = render_pieces(list(drums.values()), 20, [SEEK], leads=leads).entry("Second")
    assert entry.play.lead is not None
    return Overlap(entry.play.start / SAMPLE_RATE, (entry.play.start + entry.transition.duration) / SAMPLE_RATE)


def render_overlap(
    drums: dict[str, Piece], leads: ImmediateLeadCache, overlap: Overlap, *commands: Command
) -> RenderedProgramme:
    """Render with commands at times relative to the beginning of the overlap."""
    moved = [(overlap.begins + at, name, body) for at, name, body in commands]
    return render_pieces(list(drums.values()), overlap.ends + 7, [SEEK, *moved], leads=leads)


@pytest.mark.parametrize("at", [2.0, 4.0])
def test_a_skip_is_on_a_bar_of_the_stretched_track(
    drums: dict[str, Piece], leads: ImmediateLeadCache, overlap: Overlap, at: float
) -> None:
    programme = render_overlap(drums, leads, overlap, (at, "next-track", {}))
    assert programme.entry("Second").play.lead is not None
    assert_on_the_bar(programme, programme.commands[-1])
    assert is_smooth(programme) and gaps(unfaded(programme)) == []


def test_a_skip_now_within_an_overlap_is_smooth(
    drums: dict[str, Piece], leads: ImmediateLeadCache, overlap: Overlap
) -> None:
    programme = render_overlap(drums, leads, overlap, (3.0, "next-track", {"when": "now"}), (3.3, "next-track", {}))
    assert is_smooth(programme) and gaps(unfaded(programme)) == []
    assert programme.commands[-1].accepted.starts_at - samples(overlap.begins + 3.3) <= samples(ANSWER_SECONDS + 1.2)


def test_a_pause_within_an_overlap_is_silent_until_resumed(
    drums: dict[str, Piece], leads: ImmediateLeadCache, overlap: Overlap
) -> None:
    programme = render_overlap(drums, leads, overlap, (2.0, "pause", {}), (3.0, "resume", {}))
    paused, resumed = (it.accepted.starts_at for it in programme.commands[-2:])
    ((start, length),) = gaps(unfaded(programme))
    assert paused <= start <= paused + HUSH and resumed <= start + length <= resumed + HUSH
    assert is_smooth(programme)


def test_a_seek_within_an_overlap_is_smooth(
    drums: dict[str, Piece], leads: ImmediateLeadCache, overlap: Overlap
) -> None:
    programme = render_overlap(drums, leads, overlap, (3.0, "seek", {"positionSeconds": 12.5}))
    assert is_smooth(programme) and gaps(unfaded(programme)) == []
    after = unfaded(programme)[programme.commands[-1].accepted.starts_at + HUSH :]
    file = drums["Second"].audio[samples(12.5) + HUSH :][: len(after)]
    assert greatest_difference(after, file, programme.entry("Second").play.gain) <= ROUNDING


def test_a_stretched_track_resumes_where_it_was_paused(
    drums: dict[str, Piece], leads: ImmediateLeadCache, overlap: Overlap
) -> None:
    programme = render_overlap(drums, leads, overlap, (6.0, "pause", {}), (7.0, "resume", {}))
    stretched, again = programme.entry("Second"), programme.entry("Second", 1)
    into = programme.commands[-2].accepted.starts_at - stretched.play.start
    assert stretched.lead_warp is not None
    assert again.play.offset == pytest.approx(stretched.lead_warp.position_at(into), abs=samples(0.01))
