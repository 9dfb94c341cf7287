"""Directions through the server: tracks are analysed, explored and chosen by their sound, with a reason."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from rtc_drift.cli.main import main
from rtc_drift.client import Listener
from rtc_drift.selection.directions import DIRECTIONS
from tests.support.music import SHADE_SECONDS, SHADES
from tests.support.server import RunningServer, Serve
from tests.support.waiting import until

SHARED_PORT_ONLY = True


def number(track: Any) -> int:
    """Return the rank of a track's brightness."""
    return int(track["title"].removeprefix("Shade "))


async def explored(server: RunningServer) -> dict[str, Any]:
    """Wait until all tracks are analysed; return the open directions by their ids."""
    async with asyncio.timeout(60):
        while True:
            library, explorer = await server.get("/api/library"), await server.get("/api/explorer")
            found = {it["direction"]: it for it in explorer["directions"]}
            if library["analysed"] == SHADES and found and found["brighter"]["count"] + found["darker"]["count"]:
                return found
            await asyncio.sleep(0.1)


async def test_a_direction_is_followed_with_reasons(serve: Serve, shades: Path) -> None:
    async with serve(shades, analysis=True) as server, Listener(f"{server.url}/whep/master") as listener:
        events = listener.events()
        directions = await explored(server)
        assert set(directions) >= set(DIRECTIONS)
        playing = (await server.info())["nowPlaying"]["track"]
        brighter = directions["brighter"]
        assert brighter["opposite"] == "darker"
        assert all(number(track) > number(playing) for track in brighter["tracks"])

        heading = "brighter" if brighter["count"] else "darker"
        status, accepted = await server.post("/session/master/next-track", {"direction": heading})
        assert status == 202
        assert (number(accepted["track"]) > number(playing)) == (heading == "brighter")
        await until(lambda: server.autodj.journey.direction == heading)

        async with asyncio.timeout(20):
            async for event in events:
                if event["type"] == "explorer_snapshot" and event["trackId"] == accepted["track"]["id"]:
                    break
        assert {it["direction"] for it in event["directions"]} >= set(DIRECTIONS)
        info = await server.info()
        assert info["direction"] == heading
        assert [it["direction"] for it in info["explorer"]] == [it["direction"] for it in event["directions"]]
        assert (await server.post("/session/master/direction", {"direction": "upwards"}))[0] == 422


async def test_the_analysis_of_a_track_can_be_read(serve: Serve, shades: Path) -> None:
    async with serve(shades, analysis=True) as server:
        await explored(server)
        found = (await server.get("/api/tracks?q=shade"))["tracks"]
        sounds = {number(track): (await server.get(f"/api/tracks/{track['id']}"))["analysis"] for track in found}
        centroids = [sounds[n]["features"]["brightness"] for n in range(SHADES)]
        assert centroids == sorted(centroids)
        assert sounds[3]["cues"]["lastSoundSeconds"] <= SHADE_SECONDS
        await until(lambda: int(server.service.spaces.space.is_analysed.sum()) == SHADES, 60)
        places = await server.get("/api/map")
        across = dict(zip(places["ids"], places["x"], strict=True))
        darkest, *_, brightest = sorted(found, key=number)
        assert across[darkest["id"]] < across[brightest["id"]]
        known = {it["direction"]: it["opposite"] for it in (await server.get("/api/directions"))["directions"]}
        assert all(known[known[it]] == it for it in known)


async def test_analyses_outlive_the_server(serve: Serve, shades: Path) -> None:
    async with serve(shades, analysis=True) as server:
        await explored(server)
    async with serve(shades) as server:
        assert (await server.get("/api/library"))["analysed"] == SHADES
        await explored(server)


def test_analyze_prints_a_line_for_each_file(shades: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"")
    with pytest.raises(SystemExit) as ended:
        main(["analyze", "--json", str(shades / "0.flac"), str(broken), str(shades / "5.flac")])
    assert ended.value.code == 1
    dark, nothing, bright = map(json.loads, capsys.readouterr().out.splitlines())
    assert nothing == {"path": str(broken), "error": "The file is empty."}
    assert dark["durationSeconds"] == pytest.approx(SHADE_SECONDS)
    assert dark["features"]["brightness"] < bright["features"]["brightness"]
    assert {"tempoBpm", "tempoConfidence", "beatsSeconds", "downbeatsSeconds", "key", "camelot"} <= dark.keys()
    assert {"keyConfidence", "integratedLufs", "truePeakDbtp", "cues", "features"} <= dark.keys()
    with pytest.raises(SystemExit) as ended:
        main(["analyze", str(shades / "0.flac")])
    assert ended.value.code == 0
    assert "0.flac" in capsys.readouterr().out
