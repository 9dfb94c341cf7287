"""A server in the process of the test, with its engine in another; and catalogues scanned once for all tests."""

import shutil
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from rtc_drift.app import Service
from rtc_drift.client import Listener
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.probe import probe
from rtc_drift.library.scan import record
from rtc_drift.station.autodj import AutoDj
from rtc_drift.station.station import Station
from tests.support.surveys import walked
from tests.support.waiting import until


@dataclass(frozen=True)
class RunningServer:
    """A server on loopback, its parts, and an HTTP client."""

    service: Service
    url: str
    http: aiohttp.ClientSession

    @property
    def station(self) -> Station:
        """The master's station."""
        return self.service.sessions.master.station

    @property
    def autodj(self) -> AutoDj:
        """The master's DJ."""
        return self.station.autodj

    def listener(self, session: str = "master") -> Listener:
        """Return a listener of a session, to be entered with `async with`."""
        return Listener(f"{self.url}/whep/{session}")

    async def get(self, path: str) -> Any:
        """Return the JSON of a GET request, which must succeed."""
        async with self.http.get(f"{self.url}{path}") as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def post(self, path: str, body: object = None) -> tuple[int, Any]:
        """Return status and JSON of a POST request."""
        async with self.http.post(f"{self.url}{path}", json={} if body is None else body) as response:
            return response.status, await response.json()

    async def delete(self, path: str) -> int:
        """Return the status of a DELETE request."""
        async with self.http.delete(f"{self.url}{path}") as response:
            return response.status

    async def create(self, name: str, **options: Any) -> Any:
        """Create a named session; return the answer."""
        status, answer = await self.post("/api/session/create", {"sessionName": name, "options": options})
        assert status == 201, answer
        return answer

    async def follow(self, name: str) -> str:
        """Create a follower of a session; return its id."""
        status, answer = await self.post("/api/session/follow", {"sessionName": name})
        assert status == 201, answer
        return str(answer["sessionId"])

    async def info(self, session: str = "master") -> dict[str, Any]:
        """Return the state of a session."""
        answer: dict[str, Any] = await self.get(f"/api/session/info?sessionId={session}")
        return answer

    async def metrics(self) -> str:
        """Return all metrics as text."""
        async with self.http.get(f"{self.url}/metrics") as response:
            return await response.text()

    async def scanned_tracks(self) -> list[Any]:
        """Wait for the scan; return all tracks."""
        await until(lambda: not self.service.library.status().scanning, 30)
        tracks: list[Any] = (await self.get("/api/tracks"))["tracks"]
        return tracks


class Serve(Protocol):
    """The type of the fixture `serve`."""

    def __call__(self, *music: Path, **settings: Any) -> AbstractAsyncContextManager[RunningServer]:
        """Serve music folders with these settings."""


def scan_into_catalogue(folder: Path) -> Path:
    """Scan a folder into a catalogue beside it, for `copy_catalogue`; return the folder."""
    catalogue = Catalogue.open(folder.with_suffix(".sqlite"))
    for file in walked(folder):
        record(catalogue, file, probe(file.path))
    catalogue.close()
    return folder


def copy_catalogue(music: Path, data_dir: Path) -> None:
    """Copy the catalogue of a scanned music folder to a new data folder: a server then has nothing to scan."""
    catalogue = music.with_suffix(".sqlite")
    if catalogue.exists() and not data_dir.exists():
        data_dir.mkdir()
        shutil.copy(catalogue, data_dir / "catalogue.sqlite")
