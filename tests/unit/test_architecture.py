"""The rules of the house: who may import what."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "rtc_drift"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
RULES = {
    "aiohttp": ("api/", "app.py", "client.py"),
    "aiortc": ("tracks.py", "signaling.py", "client.py", "delivery/"),
    "aioice": ("delivery/",),
    "OpenSSL": ("delivery/dtls.py",),
    "cryptography": ("delivery/dtls.py",),
    "pylibsrtp": ("delivery/dtls.py", "delivery/direct_peer.py", "engine/srtp.py", "engine/fanout.py"),
    "ctypes": ("engine/datagrams.py", "engine/srtp.py"),
    "sqlite3": ("library/database.py",),
    "segno": ("api/",),
    "pydantic_settings": ("config.py",),
    "prometheus_client": ("metrics.py",),
    "rich": ("commands/",),
    "tinytag": ("library/tags.py",),
    "watchfiles": ("library/watching.py",),
}
"""A package → where it may be imported."""
ROOMS = ("media", "decoding", "encoding", "library", "dj", "engine", "delivery", "api")
MAY_USE = {
    "decoding": {"media"},
    "encoding": {"media"},
    "library": {"media", "decoding", "encoding", "library", "dj.warp", "stretching.lead"},
    "dj": {"media", "library", "dj"},
    "stretching": {"media", "decoding", "encoding", "dj.warp", "engine.decoder", "library.workers", "stretching"},
    "engine": {"media", "decoding", "encoding", "dj", "engine"},
    "delivery": {"media", "engine", "delivery", "config", "tracks"},
}
"""A room → the rooms, or single modules, it may import: dependencies go one way."""
PURE = (
    "dj/",
    "conductor.py",
    "steering.py",
    "herald.py",
    "logbook.py",
    "saving.py",
    "library/analysis/",
    "stretching/attacks.py",
    "stretching/frames.py",
    "stretching/phases.py",
    "stretching/vocoder.py",
    "engine/mixer.py",
    "engine/limiter.py",
    "engine/link.py",
    "engine/schedule.py",
    "engine/packet_index.py",
    "delivery/sdp.py",
    "delivery/stun.py",
    "delivery/rtcp.py",
    "delivery/dtls.py",
    "delivery/ice_lite.py",
)
LOOPLESS = ("conductor.py", "dj/", "engine/", "herald.py", "logbook.py", "playout.py", "saving.py", "steering.py")
"""What decides when which samples are heard is driven from outside: tests bring a clock of their own."""
IMPURE = {"asyncio", "socket", "subprocess", "threading", "time", "os", "aiohttp", "av", "sqlite3", "logging"}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_packages_are_used_only_where_they_belong(path: Path) -> None:
    for imported in imports(path):
        allowed = RULES.get(imported.split(".")[0])
        assert allowed is None or name_of(path).startswith(allowed), f"{name_of(path)} imports {imported}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_rooms_depend_in_one_direction(path: Path) -> None:
    room = name_of(path).split("/")[0].removesuffix(".py")
    if room not in MAY_USE:
        return
    for imported in imports(path):
        parts = imported.split(".")
        if parts[0] == "rtc_drift" and len(parts) > 1:
            assert {parts[1], ".".join(parts[1:3])} & MAY_USE[room], f"{name_of(path)} imports {imported}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_pure_cores_know_no_clock_and_no_outside(path: Path) -> None:
    name = name_of(path)
    for imported in imports(path):
        assert not name.startswith(PURE) or imported.split(".")[0] not in IMPURE, f"{name} imports {imported}"
        has_loop = imported.split(".")[0] in {"asyncio", "aiohttp", "aiortc"}
        assert not name.startswith(LOOPLESS) or not has_loop, f"{name} imports {imported}"


def test_the_engine_starts_without_what_only_control_needs() -> None:
    reached, waiting = set[str](), ["rtc_drift.engine.__main__"]
    while waiting:
        module = waiting.pop()
        path = PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")
        if module in reached or not path.exists():
            continue
        reached.add(module)
        waiting += [name for name in imports(path) if name.startswith("rtc_drift")]
        heavy = {name.split(".")[0] for name in imports(path)} & {"pydantic", "aiohttp", "aiortc", "asyncio", "sqlite3"}
        assert not heavy, f"{module} imports {heavy}"
    assert "rtc_drift.engine.core" in reached


def test_private_attributes_of_others_stay_in_one_module_each() -> None:
    for path in MODULES:
        text = path.read_text()
        if name_of(path) != "engine/srtp.py":
            assert "._srtp[" not in text, name_of(path)
            assert ".lib.srtp" not in text, name_of(path)
        if name_of(path) != "delivery/aiortc_internals.py":
            assert "_RTCRtpSender__" not in text, name_of(path)
            assert "transport._connection" not in text, name_of(path)
