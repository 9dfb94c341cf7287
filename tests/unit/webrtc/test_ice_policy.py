"""The ICE policy: addresses and servers from the settings."""

from pathlib import Path

import pytest

from rtc_drift.config import ConfigError, load
from rtc_drift.webrtc.ice_policy import ice_policy


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
def test_impossible_ice_settings_are_refused(config_file: Path, option: str, value: str) -> None:
    with pytest.raises(ConfigError) as error:
        ice_policy(load({option: (value,)}))
    sentence = str(error.value)
    assert sentence.startswith("--" + option.replace("_", "-"))
    assert sentence.endswith(".")
    assert "secret" not in sentence


def test_possible_ice_settings_are_accepted(config_file: Path) -> None:
    servers = {"stun": ("stun:h:3478",), "turn": ("turn:me:secret@h", "turns:me:secret@h:443?transport=tcp")}
    assert ice_policy(load(servers)).addresses == ("127.0.0.1",)
    assert ice_policy(load({"ice_address": ("127.0.0.1",)})).addresses == ("127.0.0.1",)
    assert ice_policy(load({"host": "192.0.2.1"})).addresses == ()
    for everything in ("0.0.0.0", "::"):
        assert ice_policy(load({"ice_address": (everything,)})).addresses == (), "every interface"
