"""The comparison with Janus: translated descriptions, settings, and child processes that end."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import comparators, janus
from benchmarks.child_process import child, first_line
from benchmarks.figures import Figure
from benchmarks.janus import NoJanusError
from benchmarks.janus_sdp import answer_for_listener, answer_for_server
from benchmarks.light_listener import JoinError, RemoteDescription
from benchmarks.light_listener_processes import Network
from benchmarks.network_namespace import NoNamespaceError, network_namespace

MID_EXTENSION = "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"


def offer(mid: str, name: str, port: int, more: str = "") -> str:
    return (
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"
        f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:{mid}\r\na=rtpmap:111 opus/48000/2\r\na=setup:actpass\r\n"
        f"a=ice-ufrag:{name}\r\na=ice-pwd:{name}-password\r\na=fingerprint:sha-256 {name.upper()}\r\n"
        f"a=candidate:1 1 udp 1 192.0.2.1 {port} typ host\r\n{more}"
    )


JANUS = offer("a", "ab", 7000, "a=ssrc:77 cname:janus\r\n" + MID_EXTENSION)
LISTENER = offer("0", "cd", 9000, MID_EXTENSION)


def test_the_listener_gets_the_address_of_janus() -> None:
    remote = RemoteDescription.parse(answer_for_listener(LISTENER, JANUS), "192.0.2.1")
    assert remote == RemoteDescription(("192.0.2.1", 7000), "ab", b"ab-password", {"sha-256": "AB"}, False, 77)


def test_janus_gets_the_address_of_the_listener() -> None:
    lines = answer_for_server(JANUS, LISTENER).splitlines()
    assert {"a=ice-ufrag:cd", "a=ice-pwd:cd-password", "a=fingerprint:sha-256 CD"} <= {*lines}
    assert {"a=candidate:1 1 udp 1 192.0.2.1 9000 typ host", "a=setup:active", "a=recvonly"} <= {*lines}


def test_an_answer_has_the_mid_of_its_offer() -> None:
    assert "a=mid:0" in answer_for_listener(LISTENER, JANUS).splitlines()
    assert "a=mid:a" in answer_for_server(JANUS, LISTENER).splitlines()


def test_an_extension_is_agreed_if_both_have_the_same_number() -> None:
    other = offer("0", "cd", 9000, MID_EXTENSION.replace(":1 ", ":2 "))
    assert MID_EXTENSION in answer_for_server(JANUS, LISTENER)
    assert "extmap" not in answer_for_server(JANUS, other)


@pytest.mark.parametrize(
    ("was", "said"), [("111 opus", "96 opus"), ("a=mid", "m=video 9 x 96\r\na=mid"), ("a=ice-pwd", "a=x")]
)
def test_untranslatable_descriptions_are_refused(was: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"Opus|ice-pwd"):
        answer_for_listener(LISTENER, JANUS.replace(was, said))


def test_a_listener_refuses_candidates_elsewhere() -> None:
    with pytest.raises(JoinError, match="another address"):
        RemoteDescription.parse(JANUS, "127.0.0.1")


def test_janus_loads_only_the_plugins_it_needs(tmp_path: Path) -> None:
    janus.configure(tmp_path, Path("/x/libjanus_streaming.so"), Path("/x/libjanus_http.so"), 1)
    loaded = {str(it.relative_to(tmp_path)) for it in tmp_path.rglob("*.so")}
    assert loaded == {"plugins/libjanus_streaming.so", "transports/libjanus_http.so"}
    settings = (tmp_path / "janus.jcfg").read_text()
    assert f'plugins_folder = "{tmp_path}/plugins"' in settings
    assert "ice_lite = true" in settings
    assert "{{" not in settings


async def test_without_janus_the_others_are_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def cost(few: int, many: int) -> float:
        return 2.0

    async def none(few: int, many: int) -> float:
        raise NoJanusError("there is no `janus`")

    monkeypatch.setattr(comparators, "relay", cost)
    monkeypatch.setattr(comparators, "one_port_each", cost)
    monkeypatch.setattr(comparators, "janus", none)
    assert not _of_janus(await comparators.comparators(0.5))
    assert capsys.readouterr().err == "Janus is skipped: there is no `janus`\n"
    monkeypatch.setattr(comparators, "janus", cost)
    assert [it.value for it in _of_janus(await comparators.comparators(0.5))] == [2.0, 4.0]


def test_missing_requirements_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.janus.sys.platform", "linux")
    monkeypatch.setattr("benchmarks.janus.os.geteuid", lambda: 1000, raising=False)
    with pytest.raises(NoJanusError, match="root"):
        janus.requirements()
    monkeypatch.setattr("benchmarks.janus.os.geteuid", lambda: 0, raising=False)
    monkeypatch.setattr("benchmarks.janus.shutil.which", lambda name: None)
    with pytest.raises(NoJanusError, match="no `janus`"):
        janus.requirements()


def test_a_namespace_is_removed_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, ...]] = []
    monkeypatch.setattr("benchmarks.network_namespace._ip", lambda *arguments: said.append(arguments))
    with pytest.raises(KeyboardInterrupt), network_namespace() as network:
        assert network.command[:3] == ("ip", "netns", "exec")
        raise KeyboardInterrupt
    assert said[0] == ("netns", "add", network.command[3])
    assert said[-1] == ("netns", "delete", network.command[3])


async def test_without_a_namespace_there_is_no_janus(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def refused() -> Iterator[Network]:
        raise NoNamespaceError("ip netns add: Operation not permitted")
        yield Network()

    monkeypatch.setattr(janus, "requirements", lambda: (Path("/x/a.so"), Path("/x/b.so")))
    monkeypatch.setattr(janus, "network_namespace", refused)
    with pytest.raises(NoJanusError, match="not permitted"):
        async with janus.janus_server(1):
            pass


async def test_a_child_does_not_outlive_its_block() -> None:
    program = "import time; print('ready', flush=True); time.sleep(60)"
    with pytest.raises(KeyError):
        async with child(sys.executable, "-c", program) as process:
            assert await first_line(process) == "ready"
            raise KeyError
    assert process.returncode == -15


async def test_a_child_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.child_process.TERMINATE_SECONDS", 0.05)
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    async with child(sys.executable, "-c", program) as process:
        await first_line(process)
    assert process.returncode == -9


async def test_a_child_that_ends_at_once_is_an_error() -> None:
    async with child(sys.executable, "-c", "") as process:
        with pytest.raises(RuntimeError, match="ended before"):
            await asyncio.wait_for(first_line(process), 20)


def _of_janus(figures: list[Figure]) -> list[Figure]:
    return [it for it in figures if "Janus" in it.name]
