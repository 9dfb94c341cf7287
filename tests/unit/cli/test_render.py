"""`rtc-drift render`: the files it writes, and all of its errors."""

import errno
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from rtc_drift.cli.main import main
from rtc_drift.media import SAMPLE_RATE
from rtc_drift.rendering import output
from rtc_drift.rendering.cue_sheet import cue_sheet
from rtc_drift.rendering.render_log import RenderLog
from rtc_drift.rendering.report import RenderRecord
from tests.support.music import make_track
from tests.support.server import copy_catalogue

Render = Callable[..., int]
SECONDS = 15


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory, short_music: Path) -> Path:
    """A data folder whose catalogue has the short music."""
    folder = tmp_path_factory.mktemp("rendering") / "data"
    copy_catalogue(short_music, folder)
    return folder


@pytest.fixture
def render(short_music: Path, data_dir: Path) -> Render:
    def run(*options: object, music: Path = short_music, minutes: float = SECONDS / 60, seed: int = 1) -> int:
        common = ["render", "--music", music, "--data-dir", data_dir, "--minutes", minutes, "--seed", seed]
        with pytest.raises(SystemExit) as ended:
            main([str(it) for it in (*common, *options)])
        assert isinstance(ended.value.code, int)
        return ended.value.code

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (made := tmp_path / "out").mkdir()
    return made


def decoded(path: Path) -> tuple[str, NDArray[np.float64]]:
    """The sample format, and `(2, n)`, full scale ±1."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        frames = [frame.to_ndarray() for frame in container.decode(stream)]
        form = stream.codec_context.format.name
    planes = [frame if len(frame) == 2 else frame.reshape(-1, 2).T for frame in frames]
    audio = np.concatenate(planes, axis=1).astype(np.float64)
    return form, audio / 2**31 if form == "s32" else audio


def test_all_formats_hold_the_same_programme(render: Render, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for suffix in (".flac", ".wav", ".opus"):
        assert render("-o", folder / f"mix{suffix}") == 0
        printed = capsys.readouterr().err
        assert f"mix{suffix}: 0.25 minutes, seed 1, " in printed and "× real time." in printed
    assert {path.name for path in folder.iterdir()} == {"mix.flac", "mix.wav", "mix.opus", "mix.cue", "mix.json"}
    (flac, exact), (wav, floats), (_, lossy) = (decoded(folder / f"mix{it}") for it in (".flac", ".wav", ".opus"))
    assert (flac, wav) == ("s32", "flt")
    assert exact.shape == floats.shape == (2, SECONDS * SAMPLE_RATE)
    assert 0 < np.abs(exact - floats).max() <= 2**-24, "24 bits, rounded"
    assert abs(lossy.shape[1] - exact.shape[1]) < SAMPLE_RATE // 50
    whole = min(lossy.shape[1], exact.shape[1])
    assert np.corrcoef(lossy[0, :whole], exact[0, :whole])[0, 1] > 0.95


def test_rendering_again_gives_the_same_files_with_readable_texts(render: Render, folder: Path) -> None:
    for name in ("one", "two"):
        assert render("-o", folder / f"{name}.flac") == 0
    assert (folder / "one.flac").read_bytes() == (folder / "two.flac").read_bytes()
    assert (folder / "one.json").read_bytes() == (folder / "two.json").read_bytes()
    record = RenderRecord.model_validate_json((folder / "one.json").read_bytes())
    assert (record.seed, record.length_samples, record.sample_rate) == (1, SECONDS * SAMPLE_RATE, SAMPLE_RATE)
    assert len(record.plays) >= 3 and record.plays[0].starts_at == 0
    lines = [line.strip() for line in (folder / "one.cue").read_text(encoding="utf-8").splitlines()]
    titles = [line.removeprefix("TITLE ").strip('"') for line in lines if line.startswith("TITLE")]
    assert titles == [play.track.title for play in record.plays]
    starts = [line.split()[-1].split(":") for line in lines if line.startswith("INDEX 01")]
    seconds = [60 * int(minute) + int(second) + int(frame) / 75 for minute, second, frame in starts]
    assert seconds == pytest.approx([play.starts_at / SAMPLE_RATE for play in record.plays], abs=1 / 75)


def test_cue_sheets_hold_any_title() -> None:
    from rtc_drift.selection.choice import Choice
    from rtc_drift.station import programme as steps

    odd = make_track(1, artist="A\udce9\tB").model_copy(update={"title": 'The "12\nMix'})
    programme, log = steps.begin(steps.Programme(), Choice(odd, ""), 48_000 * 6_000), RenderLog()
    log.note(programme, 0)
    sheet = cue_sheet("a.wav", 3, log.entries(10**9))
    assert 'TITLE "The \'12 Mix"' in sheet
    assert 'PERFORMER "A\N{REPLACEMENT CHARACTER} B"' in sheet
    assert "INDEX 01 100:00:00" in sheet
    sheet.encode()


def test_commands_are_read_from_a_file(render: Render, folder: Path, tmp_path: Path) -> None:
    commands = tmp_path / "commands.jsonl"
    commands.write_text('{"at": 2, "command": "next-track", "when": "now"}\n\n{"at": 4.5, "command": "pause"}\n')
    assert render("-o", folder / "mix.wav", "--commands", commands) == 0
    record = json.loads((folder / "mix.json").read_text())
    assert [it["command"] for it in record["commands"]] == ["next-track", "pause"]
    pause = record["commands"][1]["startsAt"]
    _, audio = decoded(folder / "mix.wav")
    assert not audio[:, pause + SAMPLE_RATE // 10 :].any()


WRONG: list[tuple[Sequence[object], str]] = [
    (("-o", "{folder}/mix.mp3"), "-o: mix.mp3 must end in one of .flac, .wav, .opus."),
    (("-o", "{folder}"), "must end in one of"),
    (("-o", "{folder}/nowhere/mix.flac"), "mix.flac can't be written (No such file or directory)."),
    (("-o", "{folder}/mix.flac", "--minutes", "0"), "--minutes: must be a finite number greater than 0."),
    (("-o", "{folder}/mix.flac", "--minutes", "nan"), "--minutes: must be a finite number greater than 0."),
    (("-o", "{folder}/mix.flac", "--seed", "-1"), "--seed: input should be greater than or equal to 0, not '-1'."),
    (("-o", "{folder}/mix.flac", "--loudness", "0"), "--loudness: "),
    (("-o", "{folder}/mix.flac", "--music", "{folder}/none"), "does not exist."),
    (("-o", "{folder}/mix.flac", "--keep-leads", "/dev/null/x"), "--keep-leads: /dev/null/x can't be made"),
    (("-o", "{folder}/mix.flac", "--commands", "{folder}/none"), "none can't be read (No such file or directory)."),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_wrong_options_are_reported_in_a_sentence_and_leave_no_file(
    render: Render, folder: Path, capsys: pytest.CaptureFixture[str], options: Sequence[object], message: str
) -> None:
    assert render(*(str(option).replace("{folder}", str(folder)) for option in options)) == 2
    printed = capsys.readouterr().err.strip().splitlines()[-1]
    assert printed.startswith("rtc-drift: ") and message in printed
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n{", "commands.jsonl, line 2: this is not valid JSON."),
        ('{"at": 1, "command": "queue", "trackId": "x"}', "line 1: trackId: there is no such track in the library."),
        ('{"at": 3, "command": "seek", "positionSeconds": 99}', "line 1: positionSeconds: the track is 4.0 seconds"),
    ],
)
def test_commands_that_a_server_would_refuse_are_reported(
    render: Render, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    commands = tmp_path / "commands.jsonl"
    commands.write_text(text)
    assert render("-o", folder / "mix.flac", "--commands", commands) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not list(folder.iterdir())


@pytest.mark.parametrize("suffix", output.FORMATS)
def test_a_full_disk_is_reported_and_keeps_the_older_file(
    render: Render, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    class Full:
        """A file on a disk that is nearly full."""

        def __init__(self, file: IO[bytes]) -> None:
            self._file = file

        def write(self, data: bytes) -> int:
            if self._file.tell() > 50_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self._file.write(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

    begin = output.AudioWriter.__init__
    monkeypatch.setattr(output.AudioWriter, "__init__", lambda self, file, form: begin(self, Full(file), form))  # type: ignore[arg-type]
    (folder / f"mix{suffix}").write_text("an older one")
    assert render("-o", folder / f"mix{suffix}") == 1
    assert f"mix{suffix} can't be written (No space left on device)." in capsys.readouterr().err
    assert [path.read_text() for path in folder.iterdir()] == ["an older one"]


def test_a_folder_without_music_is_reported(
    render: Render, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (music := tmp_path / "music").mkdir()
    (music / "noise.mp3").write_text("noise " * 100)
    assert render("-o", folder / "mix.flac", "--music", music, music=music) == 1
    assert "There is no playable track." in capsys.readouterr().err
    assert not list(folder.iterdir())


def test_a_file_broken_since_the_scan_is_skipped(
    render: Render, folder: Path, tmp_path: Path, short_music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    music = Path(shutil.copytree(short_music, tmp_path / "music"))
    (music / "0.flac").write_bytes(b"fLaC" + bytes(1_000))
    assert render("-o", folder / "mix.wav", music=music) == 0
    assert "0.flac: " in capsys.readouterr().err
    assert "Short 0" not in (folder / "mix.cue").read_text()


def test_a_folder_in_place_of_the_output_is_reported(
    render: Render, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mix.flac").mkdir()
    assert render("-o", folder / "mix.flac") == 2
    assert "mix.flac is a folder." in capsys.readouterr().err
