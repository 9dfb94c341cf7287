"""Settings from the command line, environment variables `RTC_DRIFT_…` and a TOML file, in this order of priority."""

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
LIST_OPTIONS = ("music", "allow_host", "trusted_proxy", "ice_address", "stun", "turn")
"""Settings that hold several values."""
_HOST_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_ICE_URL = re.compile(
    r"(?P<scheme>stuns?|turns?):(?:(?P<username>[^:@]+):(?P<credential>[^@]+)@)?"
    r"(?P<host>[^:@?/\s]+|\[[0-9a-fA-F:]+\])(?P<port>:\d{1,5})?(?P<query>\?transport=(?:udp|tcp))?"
)


class ConfigError(Exception):
    """A setting is invalid; the message is one sentence that names it."""


class StartError(Exception):
    """The server can't start, though the settings are right. The message is one sentence."""


class IceServer(BaseModel):
    """A STUN or TURN server."""

    model_config = ConfigDict(frozen=True)

    url: str
    username: str | None = None
    credential: str | None = None

    @classmethod
    def parse(cls, text: str, kind: Literal["stun", "turn"]) -> "IceServer":
        """Parse `stun:host:3478` or `turn:user:password@host:3478?transport=udp`. Raises ValueError."""
        match = _ICE_URL.fullmatch(text)
        if match is None or not match["scheme"].startswith(kind):
            example = "stun:HOST[:PORT]" if kind == "stun" else "turn:USER:PASSWORD@HOST[:PORT][?transport=udp|tcp]"
            raise ValueError(f"{text!r} does not have the form {example}")
        if kind == "turn" and not match["username"]:
            raise ValueError(f"{text!r} lacks the user and password that TURN requires")
        url = f"{match['scheme']}:{match['host']}{match['port'] or ''}{match['query'] or ''}"
        return cls(url=url, username=match["username"], credential=match["credential"])


class Settings(BaseSettings):
    """The settings of `rtc-drift serve`. Invalid values raise pydantic's ValidationError; `load` translates it."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

    music: Annotated[tuple[Path, ...], NoDecode] = ()
    """Music folders; empty = the demo library."""
    analysis: bool = True
    """True to analyse tracks in the background."""
    loudness: float = Field(TARGET_LUFS, ge=-30, le=-8)
    """Target loudness of every track, in LUFS."""
    album_balance: bool = False
    """True to keep relative loudness within an album."""
    host: str = Field("127.0.0.1", min_length=1)
    """Address or host name that the HTTP server binds."""
    allow_host: Annotated[tuple[str, ...], NoDecode] = ()
    """Names under which the server may be asked, beside its own; `*.example.org` = all names below `example.org`."""
    port: int = Field(8080, ge=0, le=65535)
    """TCP port of the HTTP server; 0 = any free port."""
    tls_cert: Path | None = None
    """File of the certificate for HTTPS, with those that lead to its authority; None = plain HTTP."""
    tls_key: Path | None = None
    """File of the certificate's private key, without a password."""
    trusted_proxy: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses and networks of reverse proxies: what they say of a client's address, scheme and host is believed."""
    data_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir(APP)))
    """Folder of the catalogue, the demo library and the rendered stretched intros."""
    ice_address: Annotated[tuple[str, ...], NoDecode] = ()
    """IP addresses that ICE binds; empty = 127.0.0.1 if `host` is loopback, else every interface."""
    udp_port: int = Field(8189, ge=0, le=65535)
    """The shared UDP port of all WebRTC listeners; 0 = a separate port for each listener."""
    advertise: str | None = None
    """IP address in SDP answers in place of this host's own (Docker, NAT)."""
    engines: int = Field(1, ge=1, le=16)
    """Number of engine processes, which mix and send; stations are distributed among them."""
    stun: Annotated[tuple[str, ...], NoDecode] = ()
    """URLs of STUN servers."""
    turn: Annotated[tuple[str, ...], NoDecode] = ()
    """URLs of TURN servers, with user and password."""
    bitrate: int = Field(128_000, ge=64_000, le=256_000)
    """Bit rate of the Opus stream, in bits per second."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    """Kind of the lines of the log: text, or one JSON object a line."""
    max_listeners: int = Field(2_000, ge=1)
    """Maximum number of listeners, over WebRTC and plain HTTP together; one more is refused with 503."""
    burst_seconds: float = Field(2, ge=0, le=10)
    """Seconds of sound that a reader of a stream gets at once at its start, as far as they are kept."""
    max_event_readers: int = Field(500, ge=1)
    """Maximum number of event streams of each station; one more is refused with 503."""
    max_sessions: int = Field(64, ge=0)
    """Maximum number of named sessions; one more is refused with 503."""
    max_followers: int = Field(2_000, ge=0)
    """Maximum number of followers; one more is refused with 503."""
    idle_minutes: float = Field(30, gt=0, allow_inf_nan=False)
    """Minutes without listeners, event readers and requests after which a named session or a follower ends."""
    cleanup_seconds: float = Field(60, gt=0, allow_inf_nan=False)
    """Seconds between checks for idle sessions."""
    seed: int | None = Field(None, ge=0)
    """Seed of the master's drift, which then starts afresh at every start; None = random, kept across restarts."""

    @field_validator(*LIST_OPTIONS, mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        # In the environment, addresses and URLs are separated by spaces or commas.
        if isinstance(value, str):
            return tuple(part for part in re.split(r"[\s,]+", value) if part)
        return value

    @field_validator("music", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        # In the environment, paths are separated as in PATH. This validator runs before `_split`.
        if isinstance(value, str):
            value = tuple(part for part in value.split(os.pathsep) if part)
        if isinstance(value, list | tuple):
            return tuple(_expanded(part) for part in value)
        return value

    @field_validator("data_dir", mode="after")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return _expanded(value).absolute()

    @field_validator("allow_host")
    @classmethod
    def _host_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_host_name(name) for name in value)

    @field_validator("ice_address")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            _check_address(address)
        return value

    @field_validator("trusted_proxy")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"{network!r} is neither an IP address nor a network, such as 10.0.0.0/8") from None
        return value

    @field_validator("tls_cert", "tls_key", mode="before")
    @classmethod
    def _expand_file(cls, value: object) -> object:
        return None if value is None else _expanded(value)

    @field_validator("advertise")
    @classmethod
    def _advertised(cls, value: str | None) -> str | None:
        if value is not None:
            _check_address(value)
            if ipaddress.ip_address(value).is_unspecified:
                raise ValueError(f"{value!r} is not an address that a listener could reach")
        return value

    @field_validator("stun", "turn")
    @classmethod
    def _ice_urls(cls, value: tuple[str, ...], info: Any) -> tuple[str, ...]:
        for url in value:
            IceServer.parse(url, info.field_name)
        return value

    @property
    def ice_servers(self) -> tuple[IceServer, ...]:
        """The parsed STUN and TURN servers."""
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
        """Return the sources in order of priority: arguments, environment, TOML file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())


def config_file() -> Path:
    """Return the path of the TOML file: `RTC_DRIFT_CONFIG`, else `config.toml` in the user's configuration folder.

    The file may be absent.
    """
    named = os.environ.get(f"{ENV_PREFIX}CONFIG")
    return Path(named).expanduser() if named else Path(platformdirs.user_config_dir(APP)) / "config.toml"


def load(overrides: dict[str, Any]) -> Settings:
    """Return the settings; `overrides` are those of the command line. Raises ConfigError, which names the option."""
    path = config_file()
    if os.environ.get(f"{ENV_PREFIX}CONFIG") and not path.is_file():
        raise ConfigError(f"{ENV_PREFIX}CONFIG: there is no file {path}.")
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise ConfigError(_sentence(error, overrides)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path} can't be read: {error}.") from None
    if (settings.tls_cert is None) != (settings.tls_key is None):
        given, missing = ("cert", "key") if settings.tls_key is None else ("key", "cert")
        raise ConfigError(f"--tls-{given} needs --tls-{missing}, too.")
    return settings


def make_data_dir(path: Path) -> None:
    """Create the data folder if it is missing. Raises ConfigError, also if it is not writable."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise ConfigError(f"--data-dir: {path} can't be created ({reason}).") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError(f"--data-dir: {path} is not writable.")


def _check_address(address: str) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise ValueError(f"{address!r} is not an IP address") from None


def _host_name(name: str) -> str:
    """Return a host name as browsers send it. Raises ValueError, also for one with a port or a scheme."""
    rest = name.removeprefix("*.")
    try:
        plain = rest.encode("idna").decode().lower().removesuffix(".")
    except UnicodeError:
        plain = ""
    if not _HOST_NAME.fullmatch(plain):
        raise ValueError(f"{name!r} is not a host name, such as radio.example.org or *.example.org")
    return name.removesuffix(rest) + plain


def _expanded(path: object) -> Path:
    if not isinstance(path, str | Path):
        raise ValueError(f"{path!r} is not a path")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"there is no home directory for {str(path)!r}") from None


def _sentence(error: ValidationError, overrides: dict[str, Any]) -> str:
    """Return one sentence for the first error: the option, the place of its value, the message and the value."""
    first = error.errors()[0]
    field = str(first["loc"][0])
    option = "--" + field.replace("_", "-")
    if first["type"] == "extra_forbidden":
        return f"{config_file()}: there is no option {field!r}."
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    source = "" if field in overrides else f" (from {_source(field)})"
    given = "" if first["type"] == "value_error" or "not" in message.split() else f", not {first['input']!r}"
    return f"{option}{source}: {message}{given}."


def _source(field: str) -> str:
    """Return the environment variable or the file that holds a setting."""
    name = ENV_PREFIX + field.upper()
    return name if name in os.environ else str(config_file())
