"""The architecture: which modules may import what."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "rtc_drift"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
RULES = {
    "aiohttp": ("api/", "app.py", "client.py", "remote.py"),
    "aiortc": ("tracks.py", "signaling.py", "client.py", "webrtc/"),
    "aioice": ("webrtc/",),
    "OpenSSL": ("webrtc/dtls.py",),
    "cryptography": ("webrtc/dtls.py",),
    "pylibsrtp": ("webrtc/dtls.py", "webrtc/shared_port_peer.py", "engine/srtp.py", "engine/fanout.py"),
    "ctypes": ("engine/datagrams.py", "engine/srtp.py", "workers/landlock.py", "workers/sandbox.py"),
    "sqlite3": ("library/database.py", "library/migrating.py"),
    "segno": ("api/",),
    "pydantic_settings": ("config.py",),
    "prometheus_client": ("metrics.py",),
    "rich": ("cli/",),
    "tinytag": ("library/tags.py",),
    "watchfiles": ("library/watching.py",),
}
"""A package → where it may be imported."""
LAYERS = (
    "cli",
    "app client remote doctor",
    "api",
    "session_store",
    "sessions signaling rendering",
    "station",
    "selection mixing metrics",
    "library webrtc",
    "demo tracks",
    "engine stretching analysis",
    "decoder",
    "audio config",
    "media workers broadcast",
)
"""The rooms from top to bottom: a module imports only from its own room and from rooms of lower layers."""
PURE = (
    "analysis/",
    "api/forwarded.py",
    "doctor/finding.py",
    "doctor/folders.py",
    "doctor/network.py",
    "doctor/programs.py",
    "doctor/rights.py",
    "library/stored_curves.py",
    "library/stored_numbers.py",
    "mixing/",
    "selection/choice.py",
    "selection/directions.py",
    "selection/drift.py",
    "selection/feature_space.py",
    "selection/features.py",
    "selection/journey.py",
    "selection/library_map.py",
    "selection/mixability.py",
    "selection/next_track.py",
    "selection/open_directions.py",
    "selection/ranking.py",
    "selection/shuffle.py",
    "station/autodj.py",
    "station/beginning.py",
    "station/commands.py",
    "station/event_publisher.py",
    "station/on_air.py",
    "station/planner.py",
    "station/play_log.py",
    "station/programme.py",
    "station/queue_changes.py",
    "station/snapshot.py",
    "stretching/find_attacks.py",
    "stretching/frames.py",
    "stretching/phases.py",
    "stretching/vocoder.py",
    "stretching/warp.py",
    "engine/mixer.py",
    "engine/limiter.py",
    "engine/suspects.py",
    "engine/protocol/",
    "webrtc/arrivals.py",
    "webrtc/client_address.py",
    "webrtc/offer_bounds.py",
    "webrtc/sdp.py",
    "webrtc/stun.py",
    "webrtc/trickle.py",
    "webrtc/rtcp.py",
    "webrtc/dtls.py",
    "webrtc/ice_lite.py",
)
LOOPLESS = (
    "decoder/",
    "engine/",
    "mixing/",
    "station/autodj.py",
    "station/beginning.py",
    "station/commands.py",
    "station/event_publisher.py",
    "station/on_air.py",
    "station/planner.py",
    "station/play_log.py",
    "station/playout.py",
    "station/programme.py",
    "station/snapshot.py",
)
"""Modules that decide which samples play when have no event loop: tests drive them with a clock of their own."""
HAS_LOOP = ("engine/host/",)
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


LAYER_OF = {room: layer for layer, rooms in enumerate(LAYERS) for room in rooms.split()}


def room_of(path: Path) -> str:
    return name_of(path).split("/")[0].removesuffix(".py")


def test_every_room_has_a_layer() -> None:
    found = {room_of(path) for path in MODULES} - {"__init__", "__main__"}
    assert found == set(LAYER_OF)


def test_the_architecture_page_names_the_rooms_there_are() -> None:
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"^\| `([a-z_]+)/` \|", page, re.MULTILINE))
    assert named == {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def test_the_root_holds_only_the_named_modules() -> None:
    names = {"app", "broadcast", "client", "config", "media", "metrics", "remote", "session_store"}
    customers = {"sessions", "signaling", "tracks"}
    assert {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"} == names | customers


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down_only(path: Path) -> None:
    room = room_of(path)
    if room in ("__init__", "__main__"):
        return
    for imported in imports(path):
        parts = imported.split(".")
        other = parts[1] if parts[0] == "rtc_drift" and len(parts) > 1 else room
        if other in ("__version__", room):
            continue
        assert LAYER_OF[other] > LAYER_OF[room], f"{name_of(path)} imports {imported}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_pure_modules_have_no_clock_and_no_io(path: Path) -> None:
    name = name_of(path)
    for imported in imports(path):
        assert not name.startswith(PURE) or imported.split(".")[0] not in IMPURE, f"{name} imports {imported}"
        has_loop = imported.split(".")[0] in {"asyncio", "aiohttp", "aiortc"}
        assert name.startswith(HAS_LOOP) or not name.startswith(LOOPLESS) or not has_loop, f"{name} imports {imported}"


CLOCK = re.compile(r"\btime\.time\b|\btime_ns\(|\.now\(UTC\)|datetime\.now|utcnow|\.today\(|localtime|gmtime")
SHOWS_TIME = {
    "api/rtp_clock.py",
    "station/events.py",
    "station/saved_session.py",
    "station/session.py",
    "webrtc/shared_port.py",
}
"""Modules that tell people or listeners the time of the day. Nothing is decided by it, since clocks are set."""


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_is_decided_by_the_time_of_the_day(path: Path) -> None:
    text = (
        path.read_text()
        .replace("monotonic_ns(", "")
        .replace("thread_time_ns(", "")
        .replace("process_time_ns(", "")
        .replace("/etc/localtime", "")
    )
    found = CLOCK.search(text)
    assert found is None or name_of(path) in SHOWS_TIME, f"{name_of(path)} uses {found}"


def test_the_engine_does_not_import_what_only_control_needs() -> None:
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
    assert not {"rtc_drift.audio.decoding", "rtc_drift.audio.seeking"} & reached, "it decodes nothing"


def test_nothing_that_may_hang_is_called_in_a_pool_that_others_share() -> None:
    for path in MODULES:
        if room_of(path) not in ("cli", "rendering"):
            words = set(re.findall(r"\w+", path.read_text()))
            shared = {"to_thread", "run_in_executor", "ThreadPoolExecutor"} & words
            assert not shared, f"{name_of(path)}: asyncio's threads are few, and its end waits for them"


def test_control_does_not_load_what_holds_the_interpreter_while_a_folder_hangs() -> None:
    users = [name_of(path) for path in MODULES if "rtc_drift.library.watching" in set(imports(path))]
    assert not users, "it runs in a worker process only"


def test_private_attributes_of_others_stay_in_one_module_each() -> None:
    for path in MODULES:
        text = path.read_text()
        if name_of(path) != "engine/srtp.py":
            assert "._srtp[" not in text, name_of(path)
            assert ".lib.srtp" not in text, name_of(path)
        if name_of(path) != "webrtc/aiortc_internals.py":
            assert "_RTCRtpSender__" not in text, name_of(path)
            assert "transport._connection" not in text, name_of(path)
        if name_of(path) != "api/connections.py":
            assert "._waiter" not in text, name_of(path)
