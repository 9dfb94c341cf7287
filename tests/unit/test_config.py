"""Settings from three places, and one sentence when one is wrong."""

import os
import resource
import subprocess
from pathlib import Path

import pytest

import rtc_drift
from rtc_drift.cli import main as cli
from rtc_drift.cli import serve
from rtc_drift.config import ConfigError, IceServer, load, make_data_dir
from rtc_drift.webrtc.ice_policy import ice_policy
from rtc_drift.workers.pool import COMMAND, WorkerError


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "drift.toml"
    monkeypatch.setenv("RTC_DRIFT_CONFIG", str(path))
    path.write_text("")
    return path


@pytest.fixture
def _as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own process keeps its limits and its niceness."""
    monkeypatch.setattr(serve, "_raise_descriptor_limit", lambda: None)
    monkeypatch.setattr(serve, "_go_first", lambda: None)


def test_defaults_are_private_and_simple(config_file: Path) -> None:
    settings = load({})
    assert (settings.host, settings.port, settings.bitrate) == ("127.0.0.1", 8080, 128_000)
    assert (settings.music, settings.ice_servers) == ((), ())
    assert (settings.max_sessions, settings.idle_minutes, settings.cleanup_seconds) == (64, 30, 60)
    assert load({"max_sessions": 0, "max_followers": 0}).max_sessions == 0, "none but the master"


def test_the_command_line_beats_the_environment_beats_the_file(
    config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_file.write_text('port = 1\nhost = "0.0.0.0"\nmusic = ["/a", "/b c"]\nbitrate = 96000\n')
    monkeypatch.setenv("RTC_DRIFT_PORT", "2")
    monkeypatch.setenv("RTC_DRIFT_BITRATE", "160000")
    settings = load({"port": "3"})
    assert (settings.port, settings.bitrate, settings.host) == (3, 160_000, "0.0.0.0")
    assert settings.music == (Path("/a"), Path("/b c"))


def test_lists_in_the_environment(config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTC_DRIFT_MUSIC", "/music one:/two")
    monkeypatch.setenv("RTC_DRIFT_ICE_ADDRESS", "127.0.0.1 ::1")
    monkeypatch.setenv("RTC_DRIFT_STUN", "stun:a,stun:b:3478")
    settings = load({})
    assert settings.music == (Path("/music one"), Path("/two"))
    assert settings.ice_address == ("127.0.0.1", "::1")
    assert [server.url for server in settings.ice_servers] == ["stun:a", "stun:b:3478"]


def test_turn_carries_its_credentials() -> None:
    server = IceServer.parse("turn:me:secret@host:3478?transport=tcp", "turn")
    assert server == IceServer(url="turn:host:3478?transport=tcp", username="me", credential="secret")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("port", "seventy", "--port"),
        ("port", "70000", "--port"),
        ("bitrate", "1000", "--bitrate"),
        ("log_level", "loud", "--log-level"),
        ("ice_address", ("here",), "'here' is not an IP address"),
        ("stun", ("http://x",), "--stun"),
        ("turn", ("turn:host",), "lacks the user and password"),
        ("max_listeners", "0", "--max-listeners"),
        ("max_event_readers", "0", "--max-event-readers"),
        ("max_sessions", "-1", "--max-sessions"),
        ("max_followers", "many", "--max-followers"),
        ("idle_minutes", "0", "--idle-minutes"),
        ("idle_minutes", "inf", "--idle-minutes"),
        ("cleanup_seconds", "nan", "--cleanup-seconds"),
        ("seed", "-1", "--seed"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_option(
    config_file: Path, option: str, value: object, said: str
) -> None:
    with pytest.raises(ConfigError) as error:
        load({option: value})
    sentence = str(error.value)
    assert said in sentence
    assert "--" + option.replace("_", "-") in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


def test_a_wrong_value_elsewhere_says_where(config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTC_DRIFT_PORT", "x")
    with pytest.raises(ConfigError, match="RTC_DRIFT_PORT"):
        load({})
    monkeypatch.delenv("RTC_DRIFT_PORT")
    config_file.write_text("colour = 1\n")
    with pytest.raises(ConfigError, match="no option 'colour'"):
        load({})
    config_file.write_text("port = [\n")
    with pytest.raises(ConfigError, match=r"drift\.toml can't be read"):
        load({})
    config_file.unlink()
    with pytest.raises(ConfigError, match="there is no file"):
        load({})


@pytest.mark.parametrize(
    "arguments",
    [["--port", "x"], ["serve", "--bitrate", "1"], ["--nonsense"], ["scan"], ["scan", "/nowhere"], ["dance"]],
)
def test_wrong_usage_exits_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTC_DRIFT_DATA_DIR", str(tmp_path))
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["serve", "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    from rtc_drift.config import Settings

    for name in Settings.model_fields:
        assert "--" + name.replace("_", "-") in text


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("stun", "stun:[2001:db8::1]"),
        ("stun", "stun:h?transport=udp"),
        ("stun", "stuns:h"),
        ("stun", "stun:h:99999"),
        ("stun", "stun:h:0"),
        ("turn", "turn:me:secret@h:99999"),
        ("turn", "turns:me:secret@h?transport=udp"),
        ("ice_address", "192.0.2.1"),
    ],
)
def test_ice_settings_that_can_never_work_are_refused(config_file: Path, option: str, value: str) -> None:
    with pytest.raises(ConfigError) as error:
        ice_policy(load({option: (value,)}))
    sentence = str(error.value)
    assert sentence.startswith("--" + option.replace("_", "-"))
    assert sentence.endswith(".")
    assert "secret" not in sentence


def test_ice_settings_that_work(config_file: Path) -> None:
    servers = {"stun": ("stun:h:3478",), "turn": ("turn:me:secret@h", "turns:me:secret@h:443?transport=tcp")}
    assert ice_policy(load(servers)).addresses == ("127.0.0.1",)
    assert ice_policy(load({"ice_address": ("127.0.0.1",)})).addresses == ("127.0.0.1",)
    assert ice_policy(load({"host": "192.0.2.1"})).addresses == ()
    for everything in ("0.0.0.0", "::"):
        assert ice_policy(load({"ice_address": (everything,)})).addresses == (), "every interface"


def test_a_file_that_is_not_utf8_is_said(config_file: Path) -> None:
    config_file.write_bytes(b'host = "\xff"\n')
    with pytest.raises(ConfigError, match=r"drift\.toml can't be read"):
        load({})


@pytest.mark.parametrize("text", ["music = [5]\n", 'music = ["~nobody-of-that-name/x"]\n', 'host = ""\n'])
def test_values_of_a_wrong_kind_are_said(config_file: Path, text: str) -> None:
    config_file.write_text(text)
    with pytest.raises(ConfigError, match=f"--{text.split()[0]}"):
        load({})


@pytest.mark.usefixtures("_as_it_is")
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["scan", "."]])
def test_a_data_dir_that_cannot_be_is_wrong_usage(
    command: list[str], config_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as stopped:
        cli.main([*command, "--data-dir", str(tmp_path / "file" / "data")])
    assert stopped.value.code == 2
    assert "rtc-drift: --data-dir: " in capsys.readouterr().err


def test_a_data_dir_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(ConfigError, match="--data-dir"):
        make_data_dir(tmp_path)


@pytest.mark.usefixtures("_as_it_is")
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["scan", "."]])
def test_a_catalogue_that_cannot_be_opened_is_one_sentence(
    command: list[str], config_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "catalogue.sqlite").mkdir()
    with pytest.raises(SystemExit) as stopped:
        cli.main([*command, "--data-dir", str(tmp_path)])
    assert stopped.value.code == 1
    said = capsys.readouterr().err
    assert "rtc-drift: The catalogue " in said
    assert "Traceback" not in said


def test_scan_says_when_no_worker_can_be_started(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise WorkerError("A worker process can't be started (no memory).")

    monkeypatch.setattr("rtc_drift.library.scan.scan", fails)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["scan", str(tmp_path), "--data-dir", str(tmp_path / "data")])
    assert stopped.value.code == 1
    assert "rtc-drift: A worker process can't be started (no memory)." in capsys.readouterr().err


def test_a_worker_imports_nothing_from_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "fractions.py").write_text("raise SystemExit(3)\n")
    environment = os.environ | {"PYTHONPATH": str(Path(rtc_drift.__file__).parents[1])}
    ended = subprocess.run(COMMAND, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, timeout=30, check=False)
    assert ended.returncode == 0


def test_the_descriptor_limit_is_raised() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, before[1]), before[1]))
        serve._raise_descriptor_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_it_asks_to_go_first_and_bears_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(*arguments: int) -> None:
        asked.append(arguments)
        raise PermissionError

    monkeypatch.setattr("os.setpriority", refuse)
    serve._go_first()
    assert asked == [(os.PRIO_PROCESS, 0, -5)]
