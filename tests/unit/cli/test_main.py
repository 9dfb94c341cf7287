"""The command line: usage, help, and errors at the start."""

from pathlib import Path

import pytest

from rtc_drift.cli import main as cli
from rtc_drift.cli import serve
from rtc_drift.config import Settings
from rtc_drift.workers.pool import WorkerError


@pytest.fixture
def _own_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the limits and the niceness of the tests' own process."""
    monkeypatch.setattr(serve, "_raise_descriptor_limit", lambda: None)
    monkeypatch.setattr(serve, "_raise_priority", lambda: None)


@pytest.mark.parametrize(
    "arguments",
    [["--port", "x"], ["serve", "--bitrate", "1"], ["--nonsense"], ["scan"], ["scan", "/nowhere"], ["dance"]],
)
def test_wrong_usage_exits_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTC_DRIFT_DATA_DIR", str(tmp_path))
    with pytest.raises(SystemExit) as exited:
        cli.main(arguments)
    assert exited.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        cli.main(["serve", "--help"])
    assert exited.value.code == 0
    text = capsys.readouterr().out
    for name in Settings.model_fields:
        assert "--" + name.replace("_", "-") in text


@pytest.mark.usefixtures("_own_limits")
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["scan", "."]])
def test_an_impossible_data_dir_is_wrong_usage(
    command: list[str], config_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as exited:
        cli.main([*command, "--data-dir", str(tmp_path / "file" / "data")])
    assert exited.value.code == 2
    assert "rtc-drift: --data-dir: " in capsys.readouterr().err


@pytest.mark.usefixtures("_own_limits")
def test_a_certificate_that_can_not_be_used_is_wrong_usage(
    config_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem")]
    for given, said in ((files, f"--tls-cert: {tmp_path / 'cert.pem'} can't be read"), (files[:2], "needs --tls-key")):
        with pytest.raises(SystemExit) as exited:
            cli.main(["serve", "--port", "0", "--data-dir", str(tmp_path), *given])
        assert exited.value.code == 2
        assert said in capsys.readouterr().err


@pytest.mark.usefixtures("_own_limits")
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["scan", "."]])
def test_an_unusable_catalogue_is_reported_in_one_sentence(
    command: list[str], config_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "catalogue.sqlite").mkdir()
    with pytest.raises(SystemExit) as exited:
        cli.main([*command, "--data-dir", str(tmp_path)])
    assert exited.value.code == 1
    printed = capsys.readouterr().err
    assert "rtc-drift: The catalogue " in printed
    assert "Traceback" not in printed


def test_scan_reports_that_no_worker_can_be_started(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise WorkerError("A worker process can't be started (no memory).")

    monkeypatch.setattr("rtc_drift.library.scan.scan", fails)
    with pytest.raises(SystemExit) as exited:
        cli.main(["scan", str(tmp_path), "--data-dir", str(tmp_path / "data")])
    assert exited.value.code == 1
    assert "rtc-drift: A worker process can't be started (no memory)." in capsys.readouterr().err
