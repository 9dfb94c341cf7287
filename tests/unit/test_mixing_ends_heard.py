"""Where tracks begin and end, as it is heard: joints of albums, silence, quiet tails."""

from pathlib import Path

import numpy as np
import pytest

from rtc_drift.media import SAMPLE_RATE, Audio, amplitude, samples
from rtc_drift.rendering.render import LAST_FADE
from tests.audio_files import silence
from tests.measures import clicks, gaps, heard, loudness_excursion, same_samples, short_term_lufs
from tests.music import steady_music
from tests.rendered import ROUNDING, Piece, Rendered, piece, rendered

# --- albums -----------------------------------------------------------------------------------------------------------

CUT = samples(8) + 1_234
"""Where a recording is cut into two tracks: not where any decoder's frame ends."""


def recording(first_level: float) -> Audio:
    """Music whose first track is softer or louder than its second, and swells into it."""
    audio = steady_music(20, seed=3, level=0.1)
    swell = np.interp(np.arange(len(audio)), (CUT - samples(2), CUT), (first_level, 1)).astype(np.float32)
    return audio * swell[:, None]


def disc(folder: Path, whole: Audio, suffix: str) -> list[Piece]:
    parts = {"One": whole[:CUT], "Two": whole[CUT:]}
    return [
        piece(folder / f"{title}{suffix}", audio, listen=False, album="Disc", track=str(number))
        for number, (title, audio) in enumerate(parts.items(), start=1)
    ]


@pytest.mark.parametrize(("suffix", "first_level"), [(".flac", 1.0), (".flac", 0.4), (".wav", 0.4), (".wav", 1.5)])
def test_an_album_is_heard_as_if_it_had_not_been_cut(tmp_path: Path, suffix: str, first_level: float) -> None:
    whole = recording(first_level)
    pieces = disc(tmp_path, whole, suffix)
    apart = abs(pieces[0].track.integrated_lufs - pieces[1].track.integrated_lufs)
    assert apart < 0.5 if first_level == 1 else apart > 2, "how loud both are is part of this test"
    evening = rendered(pieces, 17)
    first, second = evening.entries
    assert second.transition.style == "gapless" and second.play.start == CUT
    sounding = evening.mix[:-LAST_FADE]
    assert len(sounding) > CUT + samples(5)
    assert same_samples(sounding, whole[: len(sounding)], first.play.gain) <= ROUNDING


def test_a_seek_in_an_album_keeps_the_level(tmp_path: Path) -> None:
    evening = rendered(disc(tmp_path, recording(0.4), ".wav"), 13, [(9.0, "seek", {"positionSeconds": 4.0})])
    first, second, again = (entry.play.gain for entry in evening.entries)
    assert first == second and again == pytest.approx(second)


def test_without_tags_the_same_files_are_crossfaded(tmp_path: Path) -> None:
    whole = recording(1.0)
    pieces = [
        piece(tmp_path / f"{title}.flac", part, listen=False)
        for title, part in (("A", whole[:CUT]), ("B", whole[CUT:]))
    ]
    evening = rendered(pieces, 12)
    assert evening.entries[1].play.start < CUT


# --- ends -------------------------------------------------------------------------------------------------------------

TAIL = "Ends with a long quiet tail"
SILENT = "Has silence on both sides"
COLD = "Ends at full level"
LAST = "Comes last"
LOUD_SECONDS, TAIL_SECONDS, BEFORE, BEHIND = 20.0, 12.0, 1.5, 2.5


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Piece]:
    folder = tmp_path_factory.mktemp("ends")
    tail = steady_music(TAIL_SECONDS, seed=1) * np.float32(amplitude(-30))
    audios = {
        TAIL: np.concatenate((steady_music(LOUD_SECONDS, seed=1), tail)),
        SILENT: np.concatenate((silence(BEFORE), steady_music(LOUD_SECONDS, seed=2), silence(BEHIND))),
        COLD: steady_music(LOUD_SECONDS, seed=4),
        LAST: steady_music(LOUD_SECONDS, seed=5),
    }
    return {title: piece(folder / f"{title}.flac", audio) for title, audio in audios.items()}


@pytest.fixture(scope="module")
def evening(pieces: dict[str, Piece]) -> Rendered:
    return rendered(list(pieces.values()), 56)


def test_it_is_played_in_order_without_click_or_gap(evening: Rendered) -> None:
    assert evening.titles == [TAIL, SILENT, COLD, LAST]
    sounding = evening.mix[:-LAST_FADE]
    assert gaps(sounding) == [] and clicks(sounding, evening.sources(0, len(sounding))) == []


def test_a_quiet_tail_is_not_waited_for(evening: Rendered) -> None:
    tail, following = evening.entry(TAIL), evening.entry(SILENT)
    assert tail.play.position_at(tail.play.end) <= samples(LOUD_SECONDS + 3)
    assert following.play.start < samples(LOUD_SECONDS), "it comes in before the music has gone"


def test_silence_is_left_out_on_both_sides(evening: Rendered) -> None:
    play = evening.entry(SILENT).play
    assert abs(play.offset - samples(BEFORE)) <= samples(0.02)
    assert abs(play.position_at(play.end) - samples(BEFORE + LOUD_SECONDS)) <= samples(0.02)


def test_an_ending_without_bars_is_blended_and_nothing_of_it_is_cut_off(evening: Rendered) -> None:
    play = evening.entry(COLD).play
    assert abs(play.position_at(play.end) - samples(LOUD_SECONDS)) <= samples(0.02)
    assert play.fade_out is not None and play.fade_out.end == play.end


def test_an_ending_that_rings_out_is_kept_without_bars_too(tmp_path: Path) -> None:
    ringing = steady_music(LOUD_SECONDS, seed=4)
    ringing[-samples(1.2) :] *= np.geomspace(0.1, 0.001, samples(1.2), dtype=np.float32)[:, None]
    pieces = [
        piece(tmp_path / f"{title}.flac", audio)
        for title, audio in (("Rings", ringing), ("Next", steady_music(LOUD_SECONDS, seed=5)))
    ]
    evening = rendered(pieces, 30)
    first, second = evening.entries
    assert second.transition.style == "cut"
    assert LOUD_SECONDS - 1.2 <= second.play.start / SAMPLE_RATE <= LOUD_SECONDS - 0.5
    kept = slice(samples(LOUD_SECONDS - 5), second.play.start)
    assert same_samples(evening.mix[kept], ringing[kept], first.play.gain) <= ROUNDING
    sounding = evening.mix[:-LAST_FADE]
    assert gaps(sounding) == [] and clicks(sounding, evening.sources(0, len(sounding))) == []
    joint = second.play.start
    assert max(loudness_excursion(short_term_lufs(evening.mix), joint, joint + samples(1))) <= 1.5


def test_each_is_heard_where_the_journal_says(evening: Rendered, pieces: dict[str, Piece]) -> None:
    sounding = evening.mix[:-LAST_FADE]
    for entry in evening.entries[:-1]:
        play = entry.play
        found = heard(sounding, pieces[entry.track.title].audio, play.gain)
        assert found.position == play.start - play.offset, "to the sample"
        assert play.start <= found.start <= play.start + play.fade_in
        assert play.fade_out is not None and play.fade_out.start <= found.end <= play.fade_out.end


def test_the_loudness_does_not_sway_between_endings_that_are_loud(evening: Rendered) -> None:
    lufs = short_term_lufs(evening.mix[:-LAST_FADE])
    for title in (COLD, LAST):
        play = evening.entry(title).play
        assert max(loudness_excursion(lufs, play.start, play.start + play.fade_in)) <= 1.5
