"""What is deployed: the systemd unit, the container, and the recipes for proxies."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rtc_drift.config import Settings

REPOSITORY = Path(__file__).parents[2]
UNIT = REPOSITORY / "deploy" / "rtc-drift.service"
MOST_EXPOSURE = 4.0


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_systemd_takes_the_unit_and_its_sandbox_is_tight(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing: install systemd")
    # Neither the program nor the user is there.
    text = UNIT.read_text().replace("/opt/rtc-drift/bin/rtc-drift", "/bin/true")
    (tmp_path / UNIT.name).write_text(text.replace("=rtc-drift\nGroup=rtc-drift", "=root\nGroup=root"))
    verified = _run("systemd-analyze", "verify", tmp_path / UNIT.name)
    assert (verified.returncode, [line for line in verified.stderr.splitlines() if str(tmp_path) in line]) == (0, [])
    exposure = re.search(
        r"Overall exposure level.*?: ([0-9.]+)", _run("systemd-analyze", "security", "--offline=true", UNIT).stdout
    )
    assert exposure is not None
    assert float(exposure[1]) <= MOST_EXPOSURE


def test_the_container_has_what_it_needs_and_settings_that_exist() -> None:
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    given = (REPOSITORY / ".dockerignore").read_text().splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE):
        for source in line.split():
            assert (REPOSITORY / source).exists(), source
            assert f"!{source}" in given, source
    variables = re.findall(
        r"RTC_DRIFT_[A-Z_]+", dockerfile + (REPOSITORY / "compose.yaml").read_text() + UNIT.read_text()
    )
    assert {name.removeprefix("RTC_DRIFT_").lower() for name in variables} <= set(Settings.model_fields)


def test_linters_take_the_container() -> None:
    if (hadolint := shutil.which("hadolint")) is None:
        pytest.skip("hadolint is missing")
    linted = _run(hadolint, REPOSITORY / "Dockerfile")
    assert linted.returncode == 0, linted.stdout


def test_compose_takes_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("docker") is None or _run("docker", "compose", "version").returncode != 0:
        pytest.skip("docker compose is missing")
    monkeypatch.setenv("MUSIC", "/music")
    monkeypatch.setenv("ADVERTISE", "192.168.1.5")
    taken = _run("docker", "compose", "--file", REPOSITORY / "compose.yaml", "config", "--quiet")
    assert taken.returncode == 0, taken.stderr
