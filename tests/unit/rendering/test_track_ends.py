"""Beginnings and ends of tracks in rendered programmes: joints of albums, silence, quiet tails, endings."""

from pathlib import Path

import numpy as np
import pytest

from rtc_drift.media import SAMPLE_RATE, Audio, amplitude, samples
from rtc_drift.rendering.render import LAST_FADE
from tests.support.audio_files import silence
from tests.support.measures import clicks, find_source, gaps, greatest_difference, loudness_excursion, short_term_lufs
from tests.support.music import steady_music
from tests.support.offline_render import ROUNDING, Piece, RenderedProgramme, make_piece, render_pieces

# --- albums -----------------------------------------------------------------------------------------------------------

CUT = samples(8) + 1_234
"""Sample at which a recording is cut into two tracks: no decoder's frame ends there."""


def recording(first_level: float) -> Audio:
    """Make music whose first track is softer or louder than the second, with a ramp between."""
    audio = steady_music(20, seed=3, level=0.1)
    swell = np.interp(np.arange(len(audio)), (CUT - samples(2), CUT), (first_level, 1)).astype(np.float32)
    return audio * swell[:, None]


def album(folder: Path, whole: Audio, suffix: str) -> list[Piece]:
    """Write the two tracks of an album."""
    parts = {"One": whole[:CUT], "Two": whole[CUT:]}
    return [
        make_piece(folder / f"{title}{suffix}", audio, analyse=False, album="Disc", track=str(number))
        for number, (title, audio) in enumerate(parts.items(), start=1)
    ]


@pytest.mark.parametrize(("suffix", "first_level"), [(".flac", 1.0), (".flac", 0.4), (".wav", 0.4), (".wav", 1.5)])
def test_an_album_plays_as_if_it_had_not_been_cut(tmp_path: Path, suffix: str, first_level: float) -> None:
    whole = recording(first_level)
    pieces = album(tmp_path, whole, suffix)
    apart = abs(pieces[0].track.integrated_lufs - pieces[1].track.integrated_lufs)
    assert apart < 0.5 if first_level == 1 else apart > 2, "this test needs these levels"
    programme = render_pieces(pieces, 17)
    first, second = programme.entries
    assert second.transition.style == "gapless" and second.play.start == CUT
    unfaded = programme.mix[:-LAST_FADE]
    assert len(unfaded) > CUT + samples(5)
    assert greatest_difference(unfaded, whole[: len(unfaded)], first.play.gain) <= ROUNDING


def test_a_seek_in_an_album_keeps_the_level(tmp_path: Path) -> None:
    programme = render_pieces(album(tmp_path, recording(0.4), ".wav"), 13, [(9.0, "seek", {"positionSeconds": 4.0})])
    first, second, again = (entry.play.gain for entry in programme.entries)
    assert first == second and again == pytest.approx(second)


def test_without_tags_the_same_files_are_crossfaded(tmp_path: Path) -> None:
    whole = recording(1.0)
    pieces = [
        make_piece(tmp_path / f"{title}.flac", part, analyse=False)
        for title, part in (("A", whole[:CUT]), ("B", whole[CUT:]))
    ]
    programme = render_pieces(pieces, 12)
    assert programme.entries[1].play.start < CUT


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
    return {title: make_piece(folder / f"{title}.flac", audio) for title, audio in audios.items()}


@pytest.fixture(scope="module")
def programme(pieces: dict[str, Piece]) -> RenderedProgramme:
    return render_pieces(list(pieces.values()), 56)


def test_the_pieces_play_in_order_without_click_or_gap(programme: RenderedProgramme) -> None:
    assert programme.titles == [TAIL, SILENT, COLD, LAST]
    unfaded = programme.mix[:-LAST_FADE]
    assert gaps(unfaded) == [] and clicks(unfaded, programme.sources(0, len(unfaded))) == []


def test_a_track_is_left_before_its_quiet_tail(programme: RenderedProgramme) -> None:
    tail, following = programme.entry(TAIL), programme.entry(SILENT)
    assert tail.play.position_at(tail.play.end) <= samples(LOUD_SECONDS + 3)
    assert following.play.start < samples(LOUD_SECONDS), "it enters before the music ends"


def test_silence_at_both_ends_is_skipped(programme: RenderedProgramme) -> None:
    play = programme.entry(SILENT).play
    assert abs(play.offset - samples(BEFORE)) <= samples(0.02)
    assert abs(play.position_at(play.end) - samples(BEFORE + LOUD_SECONDS)) <= samples(0.02)


def test_an_ending_without_bars_is_blended_to_its_end(programme: RenderedProgramme) -> None:
    play = programme.entry(COLD).play
    assert abs(play.position_at(play.end) - samples(LOUD_SECONDS)) <= samples(0.02)
    assert play.bands_out is not None and play.bands_out.mid.end <= play.end


def test_a_ringing_ending_without_bars_is_kept(tmp_path: Path) -> None:
    ringing = steady_music(LOUD_SECONDS, seed=4)
    ringing[-samples(1.2) :] *= np.geomspace(0.1, 0.001, samples(1.2), dtype=np.float32)[:, None]
    pieces = [
        make_piece(tmp_path / f"{title}.flac", audio)
        for title, audio in (("Rings", ringing), ("Next", steady_music(LOUD_SECONDS, seed=5)))
    ]
    programme = render_pieces(pieces, 30)
    first, second = programme.entries
    assert second.transition.style == "cut"
    assert LOUD_SECONDS - 1.2 <= second.play.start / SAMPLE_RATE <= LOUD_SECONDS - 0.5
    kept = slice(samples(LOUD_SECONDS - 5), second.play.start)
    assert greatest_difference(programme.mix[kept], ringing[kept], first.play.gain) <= ROUNDING
    unfaded = programme.mix[:-LAST_FADE]
    assert gaps(unfaded) == [] and clicks(unfaded, programme.sources(0, len(unfaded))) == []
    joint = second.play.start
    assert max(loudness_excursion(short_term_lufs(programme.mix), joint, joint + samples(1))) <= 1.5


def test_each_track_plays_where_the_log_says(programme: RenderedProgramme, pieces: dict[str, Piece]) -> None:
    unfaded = programme.mix[:-LAST_FADE]
    for entry in programme.entries[:-1]:
        play = entry.play
        found = find_source(unfaded, pieces[entry.track.title].audio, play.gain)
        assert found.position == play.start - play.offset, "to the sample"
        assert play.start <= found.start <= (play.bands_in.end if play.bands_in else play.start + play.fade_in)
        goes = play.bands_out.start if play.bands_out else play.fade_out.start if play.fade_out else play.end
        assert goes <= found.end <= play.end


def test_loudness_is_even_between_loud_endings(programme: RenderedProgramme) -> None:
    lufs = short_term_lufs(programme.mix[:-LAST_FADE])
    for title in (COLD, LAST):
        play = programme.entry(title).play
        ends = play.bands_in.end if play.bands_in else play.start + play.fade_in
        assert max(loudness_excursion(lufs, play.start, ends)) <= 1.5
