"""A Janus of our own to compare with: one mountpoint of its Streaming plugin, in a network namespace.

Janus gathers no candidates on loopback, hence the namespace. An installed service and its settings stay as they are.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.children import child, first_line
from benchmarks.crowds import Place
from benchmarks.janus_sdp import PAYLOAD_TYPE
from benchmarks.namespace import NoNamespaceError, network_namespace

API_PORT = 8088
RTP_PORT = 5004
MOUNTPOINT = 1
_PREFIXES = ("/usr", "/usr/local", "/opt/janus")
_SETTINGS = {
    "janus.jcfg": """
        general: {{
            plugins_folder = "{folder}/plugins"
            transports_folder = "{folder}/transports"
            loggers_folder = "{folder}/loggers"
            debug_level = 2
            session_timeout = 0
            event_loops = {event_loops}
        }}
        nat: {{ ice_lite = true, full_trickle = false }}
    """,
    "janus.transport.http.jcfg": """
        general: {{ json = "compact", base_path = "/janus", http = true, port = {api_port}, ip = "127.0.0.1" }}
    """,
    "janus.plugin.streaming.jcfg": """
        programme: {{
            type = "rtp"
            id = {mountpoint}
            media = ({{ type = "audio", mid = "a", port = {rtp_port}, pt = {payload_type}, codec = "opus" }})
        }}
    """,
}


class NoJanusError(Exception):
    """Janus can't be measured here; the message says why."""


@dataclass(frozen=True, slots=True)
class JanusServer:
    """A Janus that sends, and the way to it."""

    whep: str
    process: psutil.Process
    """Janus alone, without who feeds it and who translates for it."""
    place: Place

    def cpu_seconds(self) -> float:
        """CPU time so far, by the operating system."""
        return sum(self.process.cpu_times()[:2])


@contextlib.asynccontextmanager
async def janus_server(event_loops: int) -> AsyncIterator[JanusServer]:
    """Janus on core 0; `event_loops` threads for ICE, or one for each listener if 0. Raises NoJanusError."""
    plugin, transport = requirements()
    with tempfile.TemporaryDirectory(prefix="rtc-drift-janus-") as name, _namespace() as place:
        folder = Path(name)
        configure(folder, plugin, transport, event_loops)
        janus = ("taskset", "--cpu-list", "0", "janus", "--configs-folder", name)
        gateway = (sys.executable, "-m", "benchmarks.janus_gateway")
        async with (
            child(*place.command, *janus, is_quiet=True) as server,
            child(*place.command, *gateway) as translator,
        ):
            whep = await first_line(translator)
            yield JanusServer(whep, psutil.Process(server.pid), place)


def requirements() -> tuple[Path, Path]:
    """The Streaming plugin and the HTTP transport. Raises NoJanusError."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NoJanusError("needs root on Linux, for a network namespace")
    for program in ("janus", "taskset"):
        if shutil.which(program) is None:
            raise NoJanusError(f"there is no `{program}`")
    return _library("plugins/libjanus_streaming.so"), _library("transports/libjanus_http.so")


def configure(folder: Path, plugin: Path, transport: Path, event_loops: int) -> None:
    """Write settings that load nothing else."""
    for kind, library in (("plugins", plugin), ("transports", transport)):
        (folder / kind).mkdir()
        (folder / kind / library.name).symlink_to(library)
    (folder / "loggers").mkdir()
    for name, text in _SETTINGS.items():
        settings = text.format(
            folder=folder,
            event_loops=event_loops,
            api_port=API_PORT,
            mountpoint=MOUNTPOINT,
            rtp_port=RTP_PORT,
            payload_type=PAYLOAD_TYPE,
        )
        (folder / name).write_text(settings)


def _library(name: str) -> Path:
    for prefix in _PREFIXES:
        for found in (*Path(prefix).glob(f"lib*/janus/{name}"), *Path(prefix).glob(f"lib/*/janus/{name}")):
            return found
    raise NoJanusError(f"Janus' {name} was not found")


@contextlib.contextmanager
def _namespace() -> Iterator[Place]:
    try:
        with network_namespace() as place:
            yield place
    except NoNamespaceError as error:
        raise NoJanusError(str(error)) from error
