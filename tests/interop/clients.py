"""The clients: how each is run, whether it is there, and what it heard."""

import asyncio
import base64
import json
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import av
import numpy as np

from rtc_drift.media import Audio
from tests.browser.chromium import chromium_path
from tests.interop.browsers import in_browser
from tests.interop.namespace import no_namespace
from tests.interop.packages import HERE, missing_npm, npm_version, program_version

CLIENT_SECONDS = 60.0
DEBIAN_PYTHON = "/usr/bin/python3"
GSTREAMER = (
    "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstWebRTC', '1.0'); "
    "from gi.repository import Gst; Gst.init(None); "
    "assert all(map(Gst.ElementFactory.find, ('webrtcbin', 'nicesrc', 'rtpopusdepay', 'opusdec'))); "
    "print(Gst.version_string())"
)


@dataclass(frozen=True)
class Heard:
    """What a client received in five seconds, and the answers to its requests."""

    received: int
    lost: int
    sound: Audio
    statuses: tuple[tuple[str, int], ...]
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Client:
    """A WHEP client of others."""

    name: str
    where: str
    version: Callable[[], str]
    missing: Callable[[], str | None]
    """Returns why it can't be run here, or None."""
    run: Callable[[str], Awaitable[dict[str, Any]]]
    trickles: bool = True
    deletes: bool = True
    uses_loopback: bool = True
    """False if it must have another address, and a network namespace for it."""


async def listen(client: Client, whep_url: str) -> Heard:
    """Run a client on a WHEP endpoint."""
    answer = await client.run(whep_url)
    assert "failure" not in answer, (answer["failure"], answer.get("errors"), answer.get("statuses"))
    return Heard(
        received=answer["received"],
        lost=answer["lost"],
        sound=_sound(answer),
        statuses=tuple((method, status) for method, status in answer["statuses"]),
        errors=tuple(answer.get("errors", ())),
    )


def _sound(answer: dict[str, Any]) -> Audio:
    """Return what was heard, whether it is packets, samples of both channels, or PCM."""
    if "packets" in answer:
        decoder = av.CodecContext.create("libopus", "r")
        decoder.layout = "stereo"  # type: ignore[attr-defined]
        packets = (av.Packet(base64.b64decode(it)) for it in answer["packets"][-50:])
        frames = [frame.to_ndarray().reshape(-1, 2) for packet in packets for frame in decoder.decode(packet)]  # type: ignore[attr-defined]
        return np.concatenate(frames).astype(np.float32) / 32768
    if "left" in answer:
        return np.stack((answer["left"], answer["right"]), axis=1).astype(np.float32)
    pcm = np.frombuffer(base64.b64decode(answer["pcm"]), np.int16).reshape(-1, answer.get("channels", 2))
    assert pcm.shape[1] == 2, "mono"
    return pcm.astype(np.float32) / 32768


def _process(*command: str) -> Callable[[str], Awaitable[dict[str, Any]]]:
    async def run(url: str) -> dict[str, Any]:
        process = await asyncio.create_subprocess_exec(
            *command, url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), CLIENT_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0 and out, err.decode()[-2000:]
        answer: dict[str, Any] = json.loads(out)
        return answer

    return run


def _browser(browser: str, client: str) -> Callable[[str], Awaitable[dict[str, Any]]]:
    return lambda url: in_browser(browser, client, url)


def _no_chromium() -> str | None:
    return None if chromium_path() else "chromium is not installed"


def _no_firefox() -> str | None:
    if not (shutil.which("firefox-esr") or shutil.which("firefox")):
        return "firefox-esr is not installed"
    return no_namespace()


def _no_gstreamer() -> str | None:
    if program_version(DEBIAN_PYTHON, "-c", GSTREAMER):
        return None
    return "Debian's python3-gi, gir1.2-gst-plugins-bad-1.0, gstreamer1.0-plugins-good or gstreamer1.0-nice is missing"


def _package(name: str) -> Callable[[], str]:
    return lambda: npm_version(name) or ""


def _node(name: str, file: str) -> Client:
    run = _process("node", str(HERE / "clients" / file))
    return Client(name, "Node.js", _package(name), missing_npm, run)


def _in_chromium(name: str, **more: bool) -> Client:
    def missing() -> str | None:
        return _no_chromium() or missing_npm()

    return Client(name, "Chromium", _package(name), missing, _browser("chromium", name), **more)


CLIENTS = (
    Client(
        "Chromium",
        "Debian",
        lambda: program_version(chromium_path() or "chromium", "--version").split()[1],
        _no_chromium,
        _browser("chromium", "plain"),
    ),
    Client(
        "Firefox",
        "Debian",
        lambda: program_version(shutil.which("firefox-esr") or "firefox", "--version").split()[-1],
        _no_firefox,
        _browser("firefox", "plain"),
        uses_loopback=False,
    ),
    _in_chromium("whip-whep"),
    _in_chromium("@eyevinn/webrtc-player", trickles=False),
    _in_chromium("mediamtx-webrtc-react", deletes=False),
    _node("@roamhq/wrtc", "wrtc.mjs"),
    _node("werift", "werift.mjs"),
    Client(
        "GStreamer webrtcbin",
        "Debian",
        lambda: program_version(DEBIAN_PYTHON, "-c", GSTREAMER).split()[-1],
        _no_gstreamer,
        _process(DEBIAN_PYTHON, str(HERE / "clients" / "gstreamer.py")),
    ),
    Client(
        "aiortc",
        "Python",
        lambda: version("aiortc"),
        lambda: None,
        _process(sys.executable, str(HERE / "clients" / "stock_aiortc.py")),
    ),
)
