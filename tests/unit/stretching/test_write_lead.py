"""Stretched intros: from a music file to a WAV file, in this process and in a worker."""

import asyncio
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from rtc_drift.audio.decoding import DecodeError
from rtc_drift.audio.seeking import decode
from rtc_drift.media import SAMPLE_RATE, Audio, samples
from rtc_drift.stretching.lead_cache import WorkerLeadRenderer
from rtc_drift.stretching.warp import Warp
from rtc_drift.stretching.write_lead import write_lead
from rtc_drift.workers.pool import WorkerError, Workers
from rtc_drift.workers.precedence import NICENESS, Precedence
from tests.support.audio_files import write_audio, write_float_wav

WARP = Warp.matched(samples(3), 1.04, samples(1), samples(1))
HANGING = (sys.executable, "-S", "-c", "import time; time.sleep(1000)")


def read(path: Path, start: int = 0) -> Audio:
    """Decode a file from a position on, as the engine does."""
    parts = [audio[max(0, start - position) :] for position, audio in decode(str(path), start)]
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def music() -> Audio:
    time = np.arange(samples(9)) / SAMPLE_RATE
    sweep = 0.2 * np.sin(2 * np.pi * (200 * time + 100 * time**2))  # no noise: AAC synthesises it differently each time
    return np.stack((sweep, 0.5 * np.roll(sweep, 30)), axis=1).astype(np.float32)


@pytest.mark.parametrize("suffix", [".opus", ".wav", ".mp3", ".m4a"])
def test_a_lead_continues_in_its_file(tmp_path: Path, music: Audio, suffix: str) -> None:
    file = write_audio(tmp_path / f"music{suffix}", music)
    progress = []
    write_lead(str(file), WARP, tmp_path / "lead.wav", lambda: progress.append(1))
    lead = read(tmp_path / "lead.wav")
    assert lead.shape == (WARP.length, 2)
    # The file's own audio just before the joint, decoded after a seek.
    before = read(file, WARP.resumes_at - 600)[:600]
    assert np.abs(lead[-600:] - before).max() < 1e-5
    assert len(progress) > 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lead.wav", file.name]


def test_a_lead_begins_where_the_warp_enters(tmp_path: Path) -> None:
    audio = np.zeros((samples(9), 2), np.float32)
    audio[samples(3.5)] = (0.5, -0.25)
    file = write_float_wav(tmp_path / "click.wav", audio, rate=SAMPLE_RATE)
    write_lead(str(file), WARP, tmp_path / "lead.wav")
    lead = read(tmp_path / "lead.wav")
    assert np.abs(lead[:, 0]).argmax() == pytest.approx(WARP.output_at(samples(3.5)), abs=48)
    assert np.allclose(lead[np.abs(lead[:, 0]).argmax()], (0.5, -0.25), atol=0.01)


def test_a_file_that_ends_within_the_lead_is_followed_by_silence(tmp_path: Path, music: Audio) -> None:
    file = write_audio(tmp_path / "short.wav", music[: samples(4)])
    write_lead(str(file), WARP, tmp_path / "lead.wav")
    lead = read(tmp_path / "lead.wav")
    assert len(lead) == WARP.length
    assert np.abs(lead[samples(0.1) : samples(0.9)]).max() > 0.05
    assert np.abs(lead[samples(1.1) :]).max() == 0


def test_unreadable_files_and_unwritable_leads_raise(tmp_path: Path, music: Audio) -> None:
    destination = tmp_path / "lead.wav"
    with pytest.raises(DecodeError, match="can't be read"):
        write_lead(str(tmp_path / "missing.opus"), WARP, destination)
    (tmp_path / "text.mp3").write_text("no music")
    with pytest.raises(DecodeError):
        write_lead(str(tmp_path / "text.mp3"), WARP, destination)
    short = write_audio(tmp_path / "short.wav", music[: samples(2)])
    with pytest.raises(DecodeError, match="ends before the part to be stretched"):
        write_lead(str(short), WARP, destination)
    file = write_audio(tmp_path / "music.wav", music)
    with pytest.raises(OSError, match="No such file"):
        write_lead(str(file), WARP, tmp_path / "nowhere" / "lead.wav")
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        write_lead(str(file), WARP, tmp_path / "taken")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"text.mp3", "short.wav", "music.wav", "taken"}, "no half-written file is left"


async def test_a_worker_renders_a_lead(tmp_path: Path, music: Audio) -> None:
    file = write_audio(tmp_path / "music.opus", music)
    write_lead(str(file), WARP, tmp_path / "here.wav")
    others = set(psutil.Process().children())
    async with Workers(1, reads=[tmp_path]) as workers:
        await WorkerLeadRenderer(workers).write_lead(file, WARP, tmp_path / "there.wav")
        assert [child.nice() for child in set(psutil.Process().children()) - others] == [NICENESS[Precedence.SOON]]
        assert (tmp_path / "there.wav").read_bytes() == (tmp_path / "here.wav").read_bytes()
        with pytest.raises(WorkerError, match=r"^The file can't be read \(No such file or directory\)\.$"):
            await WorkerLeadRenderer(workers).write_lead(tmp_path / "missing.opus", WARP, tmp_path / "other.wav")
        with pytest.raises(WorkerError, match=r"^The worker reported: not a directory\.$"):
            await WorkerLeadRenderer(workers).write_lead(file, WARP, file / "lead.wav")
        assert workers.crashes == 0


async def test_a_killed_or_hanging_worker_raises(tmp_path: Path) -> None:
    others = set(psutil.Process().children())
    async with Workers(1, command=HANGING) as workers:
        job = asyncio.create_task(WorkerLeadRenderer(workers).write_lead(Path("x"), WARP, tmp_path / "lead.wav"))
        while not (children := set(psutil.Process().children()) - others):
            await asyncio.sleep(0)
        children.pop().kill()
        with pytest.raises(WorkerError, match="crashed"):
            await job
    async with Workers(1, command=HANGING, timeout_seconds=0.2) as workers:
        with pytest.raises(WorkerError, match="hung"):
            await WorkerLeadRenderer(workers).write_lead(Path("x"), WARP, tmp_path / "lead.wav")
