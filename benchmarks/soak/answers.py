"""Requests to the server under test; every answer is counted, and every request without one."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import aiohttp

ANSWER_SECONDS = 10.0
"""Time after which a request counts as unanswered."""


class Answers:
    """An HTTP client that counts what it gets. Requests while the server is meant to be down don't count."""

    def __init__(self, url: str, is_up: Callable[[], bool]) -> None:
        self.url = url
        self.counts: Counter[tuple[int, str]] = Counter()
        """Answers by status and code of the error; the code is empty without an error."""
        self.server_errors: list[tuple[float, str, int, str]] = []
        """Time, request, status and code of every answer from 500 on."""
        self.unanswered: list[tuple[float, str, str]] = []
        """Time, request and reason."""
        self.slowest_seconds = 0.0
        self._is_up = is_up
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.close()

    async def get(self, path: str) -> Any:
        """Send a GET request. Return the JSON of a 200, else None."""
        status, body = await self.send("GET", path)
        return body if status == 200 else None

    async def send(self, method: str, path: str, json: Any = None) -> tuple[int, Any]:
        """Send a request. Return the status (0 = unanswered) and the JSON of the answer, if it is any."""
        began, was_up = time.monotonic(), self._is_up()
        request = f"{method} {path.partition('?')[0]}"
        try:
            async with self._http.request(method, self.url + path, json=json, allow_redirects=False) as response:
                is_json = response.content_type == "application/json"
                body = await (response.json() if is_json else response.read())
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            if was_up and self._is_up():
                self.unanswered.append((time.time(), request, f"{type(error).__name__}: {error}"))
            return 0, None
        self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)
        code = str(body.get("code", "")) if is_json and isinstance(body, dict) and response.status >= 400 else ""
        self.counts[response.status, code] += 1
        if response.status >= 500:
            self.server_errors.append((time.time(), request, response.status, code))
        return response.status, body

    async def metrics(self) -> dict[str, float]:
        """Return the Prometheus samples by name, labels included; none if they can't be had."""
        status, body = await self.send("GET", "/metrics")
        if status != 200:
            return {}
        lines = [line for line in body.decode().splitlines() if line and line[0] != "#"]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    async def until_ready(self, seconds: float = 60.0) -> None:
        """Wait until the server is ready. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    async with self._http.get(f"{self.url}/readyz") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)


def is_documented(status: int, code: str) -> bool:
    """Return True if an answer from 500 on is a refusal with a code of its own, as docs/http.md promises them.

    An error that nobody has foreseen is a 500.
    """
    return status in (503, 504) and bool(code)
