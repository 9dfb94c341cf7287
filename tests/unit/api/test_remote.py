"""A server asked by programs: typed answers, commands of the command line, and refusals in one sentence."""

import asyncio
from argparse import Namespace
from pathlib import Path

import pytest

from rtc_drift.cli import remote_options
from rtc_drift.cli.main import main
from rtc_drift.remote import Remote, RemoteError
from tests.support.api import Api, api_on_fakes


def exit_code(*words: str) -> object:
    """Run a command line and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    return ended.value.code


async def run(api: Api, *words: str) -> object:
    """Run a command line against the served API, in a thread."""
    return await asyncio.to_thread(exit_code, *words, "--server", api.url)


async def test_sessions_and_commands_are_typed() -> None:
    async with api_on_fakes() as api, Remote(api.url) as remote:
        made = await remote.create("kitchen", seed=5, locked=True)
        assert made.session_id == "kitchen" and made.control_key is not None
        follower = await remote.follow("kitchen", "Radio")
        assert follower.following_session == "kitchen"
        listed = {it.session_id: it for it in (await remote.sessions()).sessions}
        assert set(listed) == {"master", "kitchen", follower.session_id}
        skipped = await remote.command("master", "next-track", when="now")
        assert skipped.track is not None and skipped.transition is not None
        assert (await remote.session()).now_playing is not None
        async for event in remote.events("kitchen"):
            assert event["type"] == "hello" and event["id"]
            break
        with pytest.raises(RemoteError, match="control key") as refused:
            await remote.command("kitchen", "pause")
        assert refused.value.code == "locked"
        async with Remote(api.url, key=made.control_key) as owner:
            await owner.command("kitchen", "pause")
            await owner.delete("kitchen")
        assert [it.session_id for it in (await remote.sessions()).sessions] == ["master"]


async def test_what_is_wrong_is_one_sentence() -> None:
    async with api_on_fakes() as api, Remote(api.url) as remote:
        with pytest.raises(RemoteError) as unknown:
            await remote.session("nowhere")
        assert unknown.value.code == "session_not_found"
        with pytest.raises(RemoteError, match="seed"):
            await remote.create("attic", seed="seven")
    with pytest.raises(RemoteError, match="can't be reached"):
        async with Remote(api.url) as remote:
            await remote.sessions()
    with pytest.raises(RemoteError, match="not an HTTP URL"):
        Remote("kitchen")


async def test_the_command_line_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    async with api_on_fakes() as api:
        playlist = tmp_path / "evening.m3u"
        playlist.write_text("#EXTM3U\nnowhere.mp3\n")
        assert await run(api, "session", "create", "kitchen", "--seed", "5", "--playlist", str(playlist)) == 0
        printed = capsys.readouterr()
        assert printed.out.strip().endswith("/session/kitchen") and "nowhere.mp3" in printed.err
        assert await run(api, "session", "follow", "kitchen", "--name", "Radio") == 0
        assert await run(api, "session", "list") == 0
        lines = capsys.readouterr().out.splitlines()
        assert any(line.startswith("kitchen\tnamed\t0\t") for line in lines)
        assert any("follower of kitchen" in line for line in lines)
        assert await run(api, "next", "--now", "--session", "kitchen") == 0
        assert "in 0.0 s" in capsys.readouterr().out
        for words in (("pause",), ("resume",), ("seek", "12"), ("previous",), ("direction", "none")):
            assert await run(api, *words, "--session", "kitchen") == 0
        capsys.readouterr()
        assert await run(api, "direction", "sideways") == 1
        refused = capsys.readouterr().err
        assert refused.startswith("rtc-drift: direction: must be null or one of") and refused.count("\n") == 1
        assert await run(api, "session", "delete", "kitchen") == 0
        assert list(api.sessions) == ["master"]


def test_a_server_may_be_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(remote_options.SERVER_VARIABLE, "http://kitchen.local:8080")
    asked = list[Namespace]()

    def ask(options: Namespace) -> int:
        asked.append(options)
        return 0

    monkeypatch.setattr("rtc_drift.cli.remote.run_remote", ask)
    assert exit_code("pause") == 0
    assert (asked[0].server, asked[0].session, asked[0].action) == ("http://kitchen.local:8080", "master", "pause")
