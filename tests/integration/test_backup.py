"""A back-up that is made while the server runs, and restored as docs/operations.md says."""

import asyncio
import shutil
import sys
from pathlib import Path

from tests.support.server import Serve
from tests.support.server_process import REPOSITORY

SHARED_PORT_ONLY = True


async def _back_up(*arguments: Path) -> int:
    script = REPOSITORY / "deploy" / "backup.py"
    running = await asyncio.create_subprocess_exec(
        sys.executable, script, *arguments, stderr=asyncio.subprocess.DEVNULL
    )
    return await running.wait()


async def test_what_was_backed_up_comes_back(serve: Serve, music: Path, tmp_path: Path) -> None:
    copy, data = tmp_path / "copy.sqlite", tmp_path / "data"
    async with serve(music) as server:
        tracks = [track["id"] for track in await server.scanned_tracks()]
        await server.create("kitchen", startingTrack=tracks[0], direction="calmer", seed=7)
        await server.post("/session/kitchen/love", {"trackId": tracks[1], "value": True})
        await server.post("/session/kitchen/queue", {"trackId": tracks[2]})
        await server.service.session_store.save()
        assert await _back_up(data, copy) == 0
        assert await _back_up(tmp_path / "nowhere", copy) == 1, "and the copy stays"
        await server.delete("/api/session/kitchen")
        await server.post("/session/master/love", {"trackId": tracks[1], "value": False})
    for file in data.glob("catalogue.sqlite*"):
        file.unlink()
    shutil.copy(copy, data / "catalogue.sqlite")
    async with serve(music) as server:
        kitchen = await server.info("kitchen")
        assert kitchen["direction"] == "calmer"
        assert [queued["id"] for queued in kitchen["queue"]] == [tracks[2]]
        assert (await server.get(f"/api/tracks/{tracks[1]}"))["loved"] is True
    assert not list(data.glob("*.broken-*"))
