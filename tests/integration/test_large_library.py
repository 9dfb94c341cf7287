"""A server with a library of 2,000 tracks, on the ways that 100,000 take: `make bench ARGS=large` measures those."""

import asyncio
import json
from pathlib import Path

import pytest

from benchmarks.large.library import make_large_library
from rtc_drift.analysis.numbers import NUMBERS
from tests.support.server import Serve
from tests.support.waiting import until

TRACKS = 2_000
SHARED_PORT_ONLY = True


async def test_a_large_library_is_there_at_once_and_nothing_is_read_again(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    library = await asyncio.to_thread(make_large_library, tmp_path, TRACKS)
    async with serve(library.music, data_dir=library.data, analysis=True) as server:
        service = server.service
        status = await server.get("/api/library")
        assert (status["tracks"], status["analysed"], status["analysisSecondsLeft"]) == (TRACKS, TRACKS, 0)
        await until(lambda: len(service.spaces.space) == TRACKS and not service.library.status().scanning, 30)
        assert service.library.analyses.analysed.columns().numbers.shape == (TRACKS, len(NUMBERS))
        assert service.library.playable().rows == TRACKS
        assert not any(pool.pids for pool in service._workers[:1]), "there was nothing to probe or to analyse"

        async with server.http.get(f"{server.url}/api/map") as response:
            places, tag = json.loads(await response.read()), response.headers["ETag"]
        assert sorted(places["ids"]) == sorted(service.library.playable())
        async with server.http.get(f"{server.url}/api/map", headers={"If-None-Match": tag}) as response:
            assert response.status == 304

        known = await server.get(f"/api/tracks/{places['ids'][0]}")
        assert known["analysis"]["beatsSeconds"]
        found = await server.get(f"/api/tracks?q={known['title']}&limit=5")
        assert known["title"] in [track["title"] for track in found["tracks"]] and found["total"] >= 1

        await until(lambda: server.autodj.now_playing() is not None, 10)
        status_code, answer = await server.post("/session/master/next-track", {"direction": "brighter"})
        assert status_code == 202 and answer["track"]["id"] in service.library.playable()

        caplog.clear()
        gone = service.library.playable()[places["ids"][7]]
        gone.path.unlink()
        await until(lambda: gone.id not in service.library.playable(), 30)
        assert len(service.library.playable()) == TRACKS - 1
        await until(lambda: len(service.spaces.space) == TRACKS - 1, 30)
        assert len((await server.get("/api/map"))["ids"]) == TRACKS - 1
        assert len(caplog.records) <= 3
