"""Errors over HTTP: when to try again, and which request it was."""

import logging

import pytest

from rtc_drift.api.errors import ApiError
from tests.support.api import Api


async def test_every_answer_has_the_id_of_its_request(api: Api) -> None:
    for path in ("/healthz", "/", "/nowhere", "/api/session/info?sessionId=nobody", "/static/js/main.js"):
        async with api.http.get(f"{api.url}{path}", headers={"X-Request-Id": "proxy-1:2.3_"}) as response:
            assert response.headers["X-Request-Id"] == "proxy-1:2.3_", path
    made = set[str]()
    for sent in ("", "a" * 65, "a b", "é", 'x"', "a\tb"):
        async with api.http.get(f"{api.url}/healthz", headers={"X-Request-Id": sent}) as response:
            made.add(response.headers["X-Request-Id"])
    assert len(made) == 6
    assert all(len(it) == 16 and int(it, 16) >= 0 for it in made)
    answer = await api.raw("GET /readyz HTTP/1.0", "X-Request-Id: old")
    assert b"\r\nX-Request-Id: old\r\n" in answer


async def test_an_unexpected_error_is_logged_with_the_id_of_its_request(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(api.context.library, "status", fail)
    with caplog.at_level(logging.ERROR):
        async with api.http.get(f"{api.url}/api/library", headers={"X-Request-Id": "find-me"}) as response:
            assert (response.status, response.headers["X-Request-Id"]) == (500, "find-me")
    (record,) = caplog.records
    assert record.getMessage() == "GET /api/library failed (request find-me)"


async def test_who_has_to_wait_is_told_how_long(api: Api) -> None:
    async with api.http.get(f"{api.url}/readyz") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
    assert [ApiError(status, "x", "X.").headers for status in (429, 503, 504, 404)] == [
        {"Retry-After": "5"},
        {"Retry-After": "5"},
        {},
        {},
    ]
