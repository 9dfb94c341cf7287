"""Settings from three places, and the error messages of wrong ones."""

from pathlib import Path

import pytest

from rtc_drift.config import ConfigError, IceServer, load, make_data_dir


def test_defaults_are_private_and_simple(config_file: Path) -> None:
    settings = load({})
    assert (settings.host, settings.port, settings.bitrate) == ("127.0.0.1", 8080, 128_000)
    assert (settings.music, settings.ice_servers) == ((), ())
    assert (settings.max_sessions, settings.idle_minutes, settings.cleanup_seconds) == (64, 30, 60)
    assert load({"max_sessions": 0, "max_followers": 0}).max_sessions == 0, "only the master"


def test_the_command_line_beats_the_environment_beats_the_file(
    config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_file.write_text('port = 1\nhost = "0.0.0.0"\nmusic = ["/a", "/b c"]\nbitrate = 96000\n')
    monkeypatch.setenv("RTC_DRIFT_PORT", "2")
    monkeypatch.setenv("RTC_DRIFT_BITRATE", "160000")
    settings = load({"port": "3"})
    assert (settings.port, settings.bitrate, settings.host) == (3, 160_000, "0.0.0.0")
    assert settings.music == (Path("/a"), Path("/b c"))


def test_lists_are_read_from_the_environment(config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTC_DRIFT_MUSIC", "/music one:/two")
    monkeypatch.setenv("RTC_DRIFT_ICE_ADDRESS", "127.0.0.1 ::1")
    monkeypatch.setenv("RTC_DRIFT_STUN", "stun:a,stun:b:3478")
    monkeypatch.setenv("RTC_DRIFT_ALLOW_HOST", "Radio.example.org. *.home.example,müsik.example")
    settings = load({})
    assert settings.allow_host == ("radio.example.org", "*.home.example", "xn--msik-0ra.example")
    assert settings.music == (Path("/music one"), Path("/two"))
    assert settings.ice_address == ("127.0.0.1", "::1")
    assert [server.url for server in settings.ice_servers] == ["stun:a", "stun:b:3478"]


def test_a_turn_url_has_its_credentials() -> None:
    server = IceServer.parse("turn:me:secret@host:3478?transport=tcp", "turn")
    assert server == IceServer(url="turn:host:3478?transport=tcp", username="me", credential="secret")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("port", "seventy", "--port"),
        ("port", "70000", "--port"),
        ("bitrate", "1000", "--bitrate"),
        ("log_level", "loud", "--log-level"),
        ("ice_address", ("here",), "'here' is not an IP address"),
        ("allow_host", ("http://radio.example.org",), "is not a host name"),
        ("allow_host", ("radio.example.org:8080",), "is not a host name"),
        ("allow_host", ("*",), "is not a host name"),
        ("allow_host", ("a.*.example",), "is not a host name"),
        ("allow_host", ("a..b",), "is not a host name"),
        ("trusted_proxy", ("proxy.lan",), "'proxy.lan' is neither an IP address nor a network"),
        ("tls_cert", "cert.pem", "--tls-cert needs --tls-key, too."),
        ("tls_key", "key.pem", "--tls-key needs --tls-cert, too."),
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
    config_file: Path, option: str, value: object, message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        load({option: value})
    sentence = str(error.value)
    assert message in sentence
    assert "--" + option.replace("_", "-") in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


def test_a_wrong_value_elsewhere_names_its_place(config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_file_that_is_not_utf8_is_reported(config_file: Path) -> None:
    config_file.write_bytes(b'host = "\xff"\n')
    with pytest.raises(ConfigError, match=r"drift\.toml can't be read"):
        load({})


@pytest.mark.parametrize("text", ["music = [5]\n", 'music = ["~nobody-of-that-name/x"]\n', 'host = ""\n'])
def test_values_of_a_wrong_type_are_reported(config_file: Path, text: str) -> None:
    config_file.write_text(text)
    with pytest.raises(ConfigError, match=f"--{text.split()[0]}"):
        load({})


def test_an_unwritable_data_dir_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(ConfigError, match="--data-dir"):
        make_data_dir(tmp_path)
