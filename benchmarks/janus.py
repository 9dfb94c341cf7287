"""A Janus server for comparison: one mountpoint of its Streaming plugin, in a network namespace.

Janus gathers no candidates on loopback, hence the namespace. An installed service and its settings are not touched.
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

from benchmarks.child_process import child, first_line
from benchmarks.janus_sdp import PAYLOAD_TYPE
from benchmarks.light_listener_processes import Network
from benchmarks.network_namespace import NoNamespaceError, network_namespace

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
    """Janus can't be measured here. The message is the reason."""


@dataclass(frozen=True, slots=True)
class JanusServer:
    """A running Janus, and where listeners join it."""

    whep: str
    process: psutil.Process
    """The process of Janus alone, without the gateway that feeds it."""
    network: Network

    def cpu_seconds(self) -> float:
        """Return the CPU time of Janus so far, as the operating system counts it."""
        return sum(self.process.cpu_times()[:2])


@contextlib.asynccontextmanager
async def janus_server(event_loops: int) -> AsyncIterator[JanusServer]:
    """Run Janus on core 0, with `event_loops` threads for ICE, or one for each listener if 0. Raises NoJanusError."""
    plugin, transport = requirements()
    with tempfile.TemporaryDirectory(prefix="rtc-drift-janus-") as name, _namespace() as network:
        folder = Path(name)
        configure(folder, plugin, transport, event_loops)
        janus = ("taskset", "--cpu-list", "0", "janus", "--configs-folder", name)
        gateway = (sys.executable, "-m", "benchmarks.janus_gateway")
        async with (
            child(*network.command, *janus, is_quiet=True) as server,
            child(*network.command, *gateway) as gateway_process,
        ):
            whep = await first_line(gateway_process)
            yield JanusServer(whep, psutil.Process(server.pid), network)


def requirements() -> tuple[Path, Path]:
    """Return the paths of the Streaming plugin and the HTTP transport. Raises NoJanusError."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NoJanusError("needs root on Linux, for a network namespace")
    for program in ("janus", "taskset"):
        if shutil.which(program) is None:
            raise NoJanusError(f"there is no `{program}`")
    return _library("plugins/libjanus_streaming.so"), _library("transports/libjanus_http.so")


def configure(folder: Path, plugin: Path, transport: Path, event_loops: int) -> None:
    """Write settings that load only the plugin and the transport."""
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
def _namespace() -> Iterator[Network]:
    try:
        with network_namespace() as network:
            yield network
    except NoNamespaceError as error:
        raise NoJanusError(str(error)) from error
