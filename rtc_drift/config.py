"""Settings: from the command line, `RTC_DRIFT_…` in the environment, and a TOML file, in this order of precedence."""

import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from rtc_drift.media import TARGET_LUFS

APP = "rtc-drift"
ENV_PREFIX = "RTC_DRIFT_"
LIST_OPTIONS = ("music", "ice_address", "stun", "turn")
_ICE_URL = re.compile(
    r"(?P<scheme>stuns?|turns?):(?:(?P<username>[^:@]+):(?P<credential>[^@]+)@)?"
    r"(?P<host>[^:@?/\s]+|\[[0-9a-fA-F:]+\])(?P<port>:\d{1,5})?(?P<query>\?transport=(?:udp|tcp))?"
)


class ConfigError(Exception):
    """A setting is wrong; the message is one sentence that names it."""


class IceServer(BaseModel):
    """A STUN or TURN server."""

    model_config = ConfigDict(frozen=True)

    url: str
    username: str | None = None
    credential: str | None = None

    @classmethod
    def parse(cls, text: str, kind: Literal["stun", "turn"]) -> "IceServer":
        """`stun:host:3478` or `turn:user:password@host:3478?transport=udp`. Raises ValueError."""
        match = _ICE_URL.fullmatch(text)
        if match is None or not match["scheme"].startswith(kind):
            example = "stun:HOST[:PORT]" if kind == "stun" else "turn:USER:PASSWORD@HOST[:PORT][?transport=udp|tcp]"
            raise ValueError(f"{text!r} is not of the form {example}")
        if kind == "turn" and not match["username"]:
            raise ValueError(f"{text!r} lacks the user and password that TURN asks for")
        url = f"{match['scheme']}:{match['host']}{match['port'] or ''}{match['query'] or ''}"
        return cls(url=url, username=match["username"], credential=match["credential"])


class Settings(BaseSettings):
    """Everything `rtc-drift serve` can be told."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

    music: Annotated[tuple[Path, ...], NoDecode] = ()
    """Folders of music; none = the demo library."""
    analysis: bool = True
    """Listen to tracks in the background."""
    loudness: float = Field(TARGET_LUFS, ge=-30, le=-8)
    """How loud every track is played, in LUFS."""
    album_balance: bool = False
    """The tracks of an album stay as loud by each other as on the disc."""
    host: str = Field("127.0.0.1", min_length=1)
    """What the HTTP server binds."""
    port: int = Field(8080, ge=0, le=65535)
    """Its TCP port; 0 = any free one."""
    data_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir(APP)))
    """Where the catalogue and the demo library live."""
    ice_address: Annotated[tuple[str, ...], NoDecode] = ()
    """What ICE binds; none = 127.0.0.1 when `host` is loopback, else every interface."""
    udp_port: int = Field(8189, ge=0, le=65535)
    """The one UDP port of all WebRTC listeners; 0 = any port, one for each."""
    advertise: str | None = None
    """The address listeners are told in place of this host's own (Docker, NAT)."""
    engines: int = Field(1, ge=1, le=16)
    """Processes that mix and send; sessions are spread over them."""
    stun: Annotated[tuple[str, ...], NoDecode] = ()
    turn: Annotated[tuple[str, ...], NoDecode] = ()
    bitrate: int = Field(128_000, ge=64_000, le=256_000)
    """Of the Opus stream, in bits per second."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    max_listeners: int = Field(2_000, ge=1)
    """Listeners at once, over WebRTC and as Ogg together; one more is refused with 503."""
    max_event_readers: int = Field(500, ge=1)
    """Event streams at once of each programme; one more is refused with 503."""
    max_sessions: int = Field(64, ge=0)
    """Named sessions at once; one more is refused with 503."""
    max_followers: int = Field(2_000, ge=0)
    """Followers at once; one more is refused with 503."""
    idle_minutes: float = Field(30, gt=0, allow_inf_nan=False)
    """A named session or a follower that nobody hears, watches or uses for so long is ended."""
    cleanup_seconds: float = Field(60, gt=0, allow_inf_nan=False)
    """How often it is looked for such."""
    seed: int | None = Field(None, ge=0)
    """Of the master's drift, which then begins anew at every start; none = one of its own, and it goes on."""

    @field_validator(*LIST_OPTIONS, mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        # In the environment: separated as in PATH (addresses and urls: by spaces or commas).
        if isinstance(value, str):
            return tuple(part for part in re.split(r"[\s,]+", value) if part)
        return value

    @field_validator("music", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        if isinstance(value, str):
            value = tuple(part for part in value.split(os.pathsep) if part)
        if isinstance(value, list | tuple):
            return tuple(_expanded(part) for part in value)
        return value

    @field_validator("data_dir", mode="after")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return _expanded(value).absolute()

    @field_validator("ice_address")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            _check_address(address)
        return value

    @field_validator("advertise")
    @classmethod
    def _advertised(cls, value: str | None) -> str | None:
        if value is not None:
            _check_address(value)
            if ipaddress.ip_address(value).is_unspecified:
                raise ValueError(f"{value!r} is not an address that anybody could reach")
        return value

    @field_validator("stun", "turn")
    @classmethod
    def _ice_urls(cls, value: tuple[str, ...], info: Any) -> tuple[str, ...]:
        for url in value:
            IceServer.parse(url, info.field_name)
        return value

    @property
    def ice_servers(self) -> tuple[IceServer, ...]:
        """STUN and TURN servers, parsed."""
        return (
            *(IceServer.parse(url, "stun") for url in self.stun),
            *(IceServer.parse(url, "turn") for url in self.turn),
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())


def config_file() -> Path:
    """The TOML file: `RTC_DRIFT_CONFIG`, or `config.toml` in the user's configuration directory; it may be absent."""
    named = os.environ.get(f"{ENV_PREFIX}CONFIG")
    return Path(named).expanduser() if named else Path(platformdirs.user_config_dir(APP)) / "config.toml"


def load(overrides: dict[str, Any]) -> Settings:
    """Settings with what the command line said on top. Raises ConfigError: one sentence that names the option."""
    path = config_file()
    if os.environ.get(f"{ENV_PREFIX}CONFIG") and not path.is_file():
        raise ConfigError(f"{ENV_PREFIX}CONFIG: there is no file {path}.")
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise ConfigError(_sentence(error, overrides)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path} can't be read: {error}.") from None


def make_data_dir(path: Path) -> None:
    """See to it that the data directory is there and can be written to. Raises ConfigError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise ConfigError(f"--data-dir: {path} can't be made ({reason}).") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError(f"--data-dir: {path} can't be written to.")


def _check_address(address: str) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise ValueError(f"{address!r} is not an IP address") from None


def _expanded(path: object) -> Path:
    if not isinstance(path, str | Path):
        raise ValueError(f"{path!r} is not a path")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"there is no home directory for {str(path)!r}") from None


def _sentence(error: ValidationError, overrides: dict[str, Any]) -> str:
    first = error.errors()[0]
    field = str(first["loc"][0])
    option = "--" + field.replace("_", "-")
    if first["type"] == "extra_forbidden":
        return f"{config_file()}: there is no option {field!r}."
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    source = "" if field in overrides else f" (from {_source(field)})"
    said = "" if "not" in message.split() else f", not {first['input']!r}"
    return f"{option}{source}: {message}{said}."


def _source(field: str) -> str:
    name = ENV_PREFIX + field.upper()
    return name if name in os.environ else str(config_file())
