"""A blind test: the same transition twice, in an order that only the key tells."""

from pathlib import Path

import numpy as np
import pytest

from rtc_drift.cli.blind_test import blind_test
from rtc_drift.config import ConfigError
from rtc_drift.media import SAMPLE_RATE, samples
from rtc_drift.mixing import MixTrack, plan_transition
from rtc_drift.rendering.blind_test import AROUND, PAUSE, Pair, key_of, render_versions, shuffled
from rtc_drift.rendering.file_deck import FileDeck
from rtc_drift.selection.choice import Choice
from rtc_drift.station import programme as steps
from rtc_drift.station.programme import Programme
from tests.support.measures import gaps, sources_of
from tests.support.music import steady_music
from tests.support.offline_render import make_piece


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, Pair]:
    """The planned transition and the plain crossfade of two tracks."""
    folder = tmp_path_factory.mktemp("ab")
    first, second = (make_piece(folder / f"{n}.flac", steady_music(45, seed=n)) for n in (1, 2))
    begun = steps.begin(Programme(), Choice(first.track, ""), 0)
    plan = plan_transition(MixTrack(first.track, first.analysis), MixTrack(second.track, second.analysis), 100)
    found = []
    for transition in (plan, None):
        outgoing, incoming = steps.plan_next(begun, Choice(second.track, ""), 1, 2, transition).entries
        found.append((outgoing, incoming))
    return found[0], found[1]


def test_the_seed_decides_the_order(pairs: tuple[Pair, Pair]) -> None:
    orders = {tuple(version for version, _ in shuffled(*pairs, seed)) for seed in range(20)}
    assert orders == {("planned", "crossfade"), ("crossfade", "planned")}
    assert shuffled(*pairs, 7) == shuffled(*pairs, 7)


def test_the_key_tells_where_each_version_is(pairs: tuple[Pair, Pair]) -> None:
    versions = shuffled(*pairs, 1)
    audio = np.concatenate(list(render_versions(versions)))
    for heard, (version, entries) in zip(key_of(versions), versions, strict=True):
        assert heard.version == version and heard.transition == entries[1].transition
        assert heard.transition_at - heard.starts_at == AROUND
        begin = entries[1].play.start - AROUND
        count = samples(4)
        source = sources_of([entries[0].play], FileDeck, begin + SAMPLE_RATE, count)[0].audio
        part = audio[heard.starts_at + SAMPLE_RATE :][:count]
        assert np.abs(part - source).max() <= 1e-4, "the outgoing track, unchanged"
    ((at, length),) = [it for it in gaps(audio) if it[1] > samples(1)]
    assert abs(length - PAUSE) <= samples(0.2) and at > AROUND


async def test_files_that_cannot_be_mixed_are_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.flac").write_text("no music")
    files = (tmp_path / "text.flac", tmp_path / "gone.flac")
    assert await blind_test(files, tmp_path / "mix.flac", loudness=-16.0, seed=1) == 1
    assert "text.flac" in capsys.readouterr().err and not (tmp_path / "mix.flac").exists()
    with pytest.raises(ConfigError, match="must end in"):
        await blind_test(files, tmp_path / "mix.mp3", loudness=-16.0, seed=1)
