"""The examination of this machine, and how it is printed."""

import json
import os
import socket
from pathlib import Path

import pytest

from rtc_drift.cli import main as cli
from rtc_drift.doctor import facts
from rtc_drift.library import server_lock


def _doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as exited:
        cli.main(["doctor", *arguments])
    assert isinstance(exited.value.code, int)
    return exited.value.code, capsys.readouterr().out


def test_problems_are_found_and_the_exit_code_tells(
    config_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    music = tmp_path / "music"
    (music / "album").mkdir(parents=True)
    (music / "album" / "a.flac").touch()
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        for sock in (tcp, udp):
            sock.bind(("127.0.0.1", 0))
        tcp.listen()
        ports = [f"--port={tcp.getsockname()[1]}", f"--udp-port={udp.getsockname()[1]}"]
        folders = [f"--music={music}", f"--music={tmp_path / 'gone'}", f"--data-dir={tmp_path / 'data'}"]
        code, printed = _doctor(capsys, "--json", *ports, *folders, "--tls-cert=c.pem", "--tls-key=k.pem")
        answer = json.loads(printed)
        assert (code, answer["ok"]) == (1, False)
        levels = {each["subject"]: each["level"] for each in answer["findings"]}
        gone = [levels[name] for name in (*(port.replace("=", " ") for port in ports), f"music in {tmp_path / 'gone'}")]
        assert gone == ["problem"] * 3
        assert levels["certificate"] == "problem"
        assert [levels[name] for name in ("Python", "packages", "libsrtp", f"music in {music}")] == ["ok"] * 4
        assert levels["codecs"] != "problem"
        assert not (tmp_path / "data").exists(), "nothing stays behind"

    code, printed = _doctor(capsys, "--port=0", "--udp-port=0", f"--data-dir={tmp_path}", f"--music={music}")
    lines = printed.splitlines()
    assert code == 0, printed
    assert all(line.split()[0] in ("ok", "hint") for line in lines)


def test_a_data_folder_in_use_or_read_only_is_found(tmp_path: Path) -> None:
    lock = server_lock.take(tmp_path)
    assert "Another server" in (facts.data_folder_failure(tmp_path) or "")
    lock.close()
    assert facts.data_folder_failure(tmp_path) is None
    (tmp_path / "file").touch()
    assert facts.data_folder_failure(tmp_path / "file" / "data")


def test_rights_are_tried_without_taking_them() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)
    facts.may_be_real_time()
    facts.may_be_nice()
    assert (os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)) == before
