"""Processes that touch media: whatever a file makes them do, they reach nothing else, and the next job works."""

import asyncio
import os
import resource
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from rtc_drift.workers import landlock, sandbox
from rtc_drift.workers.pool import JobTooLongError, Workers
from tests.support import hostile_code
from tests.support.audio_files import sine, write_audio
from tests.support.hostile_code import DONE
from tests.support.one_decoder import one_decoder
from tests.support.server_process import REPOSITORY
from tests.support.waiting import until

COMMAND = (sys.executable, "-m", "rtc_drift.workers.process")
JOBS = "tests.support.hostile_code"
VERSION = landlock.available_version()
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a folder with music, another one with a secret, and an output folder."""
    for name in ("music", "private", "output"):
        (tmp_path / name).mkdir()
    (tmp_path / "private" / "secret").write_text("secret")
    (tmp_path / "music" / "song").write_text("song")
    (tmp_path / "music" / "linked").symlink_to(tmp_path / "private" / "secret")
    return tmp_path


def attempts(home: Path, port: int) -> dict[tuple[str, str], set[str]]:
    """Return what is attempted, and the results that are all right."""
    secret, music = home / "private" / "secret", home / "music"
    refused: dict[tuple[str, str], set[str]] = {
        ("read", str(secret)): {"EACCES"},
        ("read", str(music / ".." / "private" / "secret")): {"EACCES"},
        ("read", f"/proc/{os.getpid()}/environ"): {"EACCES"},
        ("list", str(home / "private")): {"EACCES"},
        ("write", str(home / "private" / "new")): {"EACCES"},
        ("write", str(music / "new")): {"EACCES"},
        ("write", str(secret)): {"EACCES"},
        ("remove", str(music / "song")): {"EACCES"},
        ("link", str(home / "output" / "link")): {"EACCES"},
        ("execute", shutil.which("su") or "/bin/true"): {"EACCES"},
    }
    if VERSION >= 4:
        refused["connect", str(port)] = {"EACCES"}
    if VERSION >= 6:
        refused["signal", str(os.getpid())] = {"EPERM"}
    limited = {
        ("allocate", str(2 << 30)): {"MemoryError"},
        ("open_many", os.__file__): {"EMFILE"},
        ("grow", str(home / "output" / "big")): {"EFBIG", "EACCES"},
    }
    return (refused if VERSION else {}) | limited


@pytest.fixture
def port() -> object:
    """Yield a TCP port that listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@ON_LINUX
async def test_a_worker_does_what_its_job_needs_and_nothing_else(home: Path, port: int) -> None:
    output = home / "output"
    async with Workers(1, command=COMMAND, reads=[home / "music"]) as workers:
        for (name, argument), allowed in attempts(home, port).items():
            result = await workers.run(f"{JOBS}:attempt_job", writes=output, name=name, argument=argument)
            assert result in allowed, (name, argument)
        written = await workers.run(f"{JOBS}:attempt_job", writes=output, name="write", argument=str(output / "new"))
        assert written == DONE, "and the next job works"
        assert workers.crashes == 0
    assert hostile_code.attempt("read", str(home / "private" / "secret")) == DONE, "they would succeed elsewhere"
    assert hostile_code.attempt("connect", str(port)) == DONE


@ON_LINUX
async def test_a_worker_that_needs_to_write_nothing_can_write_nothing(home: Path) -> None:
    async with Workers(1, command=COMMAND, reads=[home]) as workers:
        result = await workers.run(f"{JOBS}:attempt_job", name="write", argument=str(home / "output" / "new"))
        assert result in ("EACCES", "EFBIG")
        limits = await workers.run(f"{JOBS}:limits_job")
        assert limits["RLIMIT_CORE"] == 0
        assert limits["RLIMIT_NOFILE"] <= sandbox.MAX_DESCRIPTORS
        assert "NoNewPrivs:\t1" in Path(f"/proc/{limits['pid']}/status").read_text()


async def test_the_environment_of_a_worker_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTC_DRIFT_TURN", "turn:user:password@192.0.2.1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "password")
    monkeypatch.setenv("LC_TIME", "C")
    async with Workers(1, command=COMMAND) as workers:
        environment = await workers.run(f"{JOBS}:environment_job")
    assert not any("password" in value for value in environment.values())
    assert environment["LC_TIME"] == "C"
    assert environment["PATH"] == os.environ["PATH"]


async def test_a_job_that_computes_for_ever_is_ended_though_it_gives_signs_of_life() -> None:
    async with Workers(1, command=COMMAND) as workers:
        with pytest.raises(JobTooLongError):
            await asyncio.wait_for(workers.run(f"{JOBS}:compute_job", cpu_seconds=0), 60)
        first = (await workers.run(f"{JOBS}:limits_job", cpu_seconds=100))["RLIMIT_CPU"]
        second = (await workers.run(f"{JOBS}:limits_job", cpu_seconds=10_000))["RLIMIT_CPU"]
        third = (await workers.run(f"{JOBS}:limits_job", cpu_seconds=200))["RLIMIT_CPU"]
        assert 100 <= first <= 110 < 200 <= third <= 210 < 10_000 <= second, "each job has its own time"


@ON_LINUX
async def test_a_decoder_reads_music_and_nothing_else(
    home: Path, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = attempts(home, port) | {("write", str(home / "output" / "new")): {"EACCES", "EFBIG"}}
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "sitecustomize.py").write_text(f"""
from rtc_drift.audio import seeking
from tests.support.hostile_code import attempt

decode = seeking.decode

def decode_or_attempt(path, start):
    if "song" in path:
        raise seeking.DecodeError(" ".join(attempt(*each) for each in {list(tried)!r}))
    return decode(path, start)

seeking.decode = decode_or_attempt
""")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'code'}{os.pathsep}{REPOSITORY}")
    monkeypatch.setenv("RTC_DRIFT_TURN", "turn:user:password@192.0.2.1")
    write_audio(home / "private" / "good.flac", sine(3))
    (home / "music" / "good.flac").symlink_to(home / "private" / "good.flac")
    async with one_decoder(home / "music") as decoder:
        ring = decoder.open(home / "music" / "song")
        await until(lambda: ring.ending is not None)
        assert ring.ending is not None and ring.ending.reason is not None
        for (attempt, allowed), result in zip(tried.items(), ring.ending.reason.split(), strict=True):
            assert result in allowed, attempt
        good = decoder.open(home / "music" / "good.flac")
        await until(lambda: good.ending is not None)
        assert good.ending is not None and good.ending.reason is None, "and it decodes on"
        process = psutil.Process(decoder.process.pid)
        assert not any("password" in value for value in process.environ().values())
        assert process.rlimit(resource.RLIMIT_CORE)[0] == 0
        assert process.rlimit(resource.RLIMIT_FSIZE)[0] < 2 * sandbox.LOG_BYTES, "stderr is a file here"


_PARENT_OF_WORKER = f"""
import asyncio, sys
from pathlib import Path
from rtc_drift.workers.pool import Workers

async def main():
    async with Workers(1, command={COMMAND!r}) as workers:
        pid_file = Path(sys.argv[1])
        await workers.run("{JOBS}:hold_job", writes=pid_file.parent, pid_file=str(pid_file))

asyncio.run(main())
"""
_PARENT_OF_DECODER = """
import asyncio, sys
from pathlib import Path
from tests.support.one_decoder import one_decoder

async def main():
    pid_file = Path(sys.argv[1])
    async with one_decoder(pid_file.parent) as decoder:
        ring = decoder.open(pid_file.with_name("song"))
        while not ring.is_being_decoded:
            await asyncio.sleep(0.01)
        pid_file.write_text(str(decoder.process.pid))
        await asyncio.sleep(1000)

asyncio.run(main())
"""


@ON_LINUX
@pytest.mark.parametrize("parent", [_PARENT_OF_WORKER, _PARENT_OF_DECODER], ids=["worker", "decoder"])
async def test_a_process_that_is_busy_ends_with_its_parent(
    parent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "song").touch()
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "sitecustomize.py").write_text(
        "from rtc_drift.audio import seeking\nseeking.decode = lambda path, start: sum(range(1 << 60))\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'code'}{os.pathsep}{REPOSITORY}")
    pid_file = tmp_path / "pid"
    control = subprocess.Popen([sys.executable, "-c", parent, str(pid_file)], cwd=REPOSITORY)
    try:
        await until(lambda: pid_file.exists() and pid_file.read_text() != "", 30)
        child = psutil.Process(int(pid_file.read_text()))
        processes = [child, *child.children()]
        assert len(processes) == 1 + bool(VERSION), "and its opener"
    finally:
        control.kill()
        control.wait()
    await until(lambda: not any(it.is_running() and it.status() != psutil.STATUS_ZOMBIE for it in processes))


async def test_a_process_whose_parent_has_ended_before_it_could_ask_ends_at_once() -> None:
    process = await asyncio.create_subprocess_exec(*COMMAND, "--parent=1", stdin=asyncio.subprocess.PIPE)
    assert await process.wait() == 0


def test_a_system_without_landlock_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "available_version", lambda: 0)
    assert "no Landlock" in sandbox.describe()
    sandbox.confine(sandbox.Rights.of(Path("/music")))()
    assert hostile_code.attempt("list", "/") == DONE
    monkeypatch.setattr(landlock, "available_version", lambda: 3)
    assert "Landlock, version 3" in sandbox.describe()
