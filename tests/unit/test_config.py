"""Settings from three places, and one sentence when one is wrong."""

from pathlib import Path

import pytest

from rtc_drift import cli
from rtc_drift.config import ConfigError, IceServer, load


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "drift.toml"
    monkeypatch.setenv("RTC_DRIFT_CONFIG", str(path))
    path.write_text("")
    return path


def test_defaults_are_private_and_simple(config_file: Path) -> None:
    settings = load({})
    assert (settings.host, settings.port, settings.bitrate) == ("127.0.0.1", 8080, 128_000)
    assert (settings.music, settings.ice_servers) == ((), ())


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
