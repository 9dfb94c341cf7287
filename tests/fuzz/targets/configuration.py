"""Settings: a TOML file and environment variables with anything in them."""

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from rtc_drift.config import ENV_PREFIX, ConfigError, Settings, load
from tests.fuzz.target import Target, pack, require, unpack

MAX_SENTENCE = 6_000
"""Length of the longest message: it may name a value."""


class Configuration(Target):
    """`config.load`: an input is a TOML file, then `NAME=value` of the environment."""

    name = "config"
    watched = ("rtc_drift/config.py",)
    tokens = (
        *(f"{name} = ".encode() for name in Settings.model_fields),
        *(f"{name.upper()}=".encode() for name in Settings.model_fields),
        *(
            b"stun:a:3478",
            b"turn:u:p@h?transport=udp",
            b"~/",
            b"~nobody/",
            b'""',
            b"[[a]]",
            b"127.0.0.1",
            b"::",
            b'["',
            b"inf",
            b"true",
        ),
    )
    max_bytes = 2048
    cpu_seconds = 0.1

    def open(self) -> None:
        """Make a folder for the file."""
        self._folder = Path(tempfile.mkdtemp(prefix="config"))
        self._before = {name: os.environ.pop(name) for name in tuple(os.environ) if name.startswith(ENV_PREFIX)}
        os.environ[f"{ENV_PREFIX}CONFIG"] = str(self._folder / "config.toml")

    def close(self) -> None:
        """Remove the folder."""
        del os.environ[f"{ENV_PREFIX}CONFIG"]
        os.environ.update(self._before)
        shutil.rmtree(self._folder)

    def seeds(self) -> Iterable[bytes]:
        """Return settings of every type."""
        toml = 'music = ["/srv"]\nloudness = -14.0\nhost = "::1"\\log_level = "debug"\nseed = 5\nanalysis = false\n'
        yield pack(toml.encode(), b"ICE_ADDRESS=127.0.0.1,::1", b"STUN=stun:h", b"TURN=turn:u:p@h:1?transport=tcp")
        yield pack(b"", b"MUSIC=/a:/b", b"ADVERTISE=10.0.0.1", b"IDLE_MINUTES=0.5", b"DATA_DIR=~/data", b"ENGINES=2")

    def run(self, data: bytes) -> None:
        """Load the settings."""
        toml, *variables = unpack(data) or [b""]
        (self._folder / "config.toml").write_bytes(toml)
        names = set[bytes]()
        try:
            for variable in variables:
                name, _, value = variable.partition(b"=")
                name = f"{ENV_PREFIX}".encode() + name
                if b"\0" not in variable and b"=" not in name and name != f"{ENV_PREFIX}CONFIG".encode():
                    os.environb[name] = value
                    names.add(name)
            self._load()
        finally:
            for name in names:
                os.environb.pop(name, None)

    def _load(self) -> None:
        try:
            settings = load({})
        except ConfigError as error:
            sentence = str(error)
            require(sentence.endswith((".", "…")) and len(sentence) <= MAX_SENTENCE, "no sentence")
            require("\n" not in sentence, "more than one line")
            return
        require(len(settings.ice_servers) == len(settings.stun) + len(settings.turn), "a server is lost")
        require(Settings(**settings.model_dump()) == settings, "other settings when loaded again")
