"""Headers on every answer, and the files of the page."""

import mimetypes
from pathlib import Path

import pytest

from rtc_drift.api.static_files import static_files
from tests.support.api import Api

WHEP_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "OPTIONS, GET, HEAD, POST, PATCH, DELETE",
    "Access-Control-Expose-Headers": "Location, ETag, Link, Accept-Patch, Accept-Post, Retry-After",
}
ANSWERS: tuple[tuple[str, str, int], ...] = (
    ("GET", "/", 200),
    ("GET", "/session/master", 200),
    ("GET", "/session/nobody", 404),
    ("GET", "/session/create/kitchen", 200),
    ("GET", "/session/master/qr.svg", 200),
    ("GET", "/static/js/main.js", 200),
    ("GET", "/static/nothing.js", 404),
    ("GET", "/nowhere", 404),
    ("PUT", "/healthz", 405),
    ("GET", "/healthz", 200),
    ("GET", "/metrics", 200),
    ("GET", "/api/session/list", 200),
    ("GET", "/api/tracks/0000000000000001/cover", 404),
    ("POST", "/session/master/dance", 404),
    ("POST", "/session/master/seek", 422),
    ("DELETE", "/api/session/master", 403),
    ("HEAD", "/stream/master", 200),
    ("GET", "/stream/nobody", 404),
    ("HEAD", "/events/master", 200),
    ("OPTIONS", "/whep/master", 204),
    ("POST", "/whep/master", 415),
    ("GET", "/whep/master", 200),
    ("PUT", "/whep/master", 405),
)


async def test_every_answer_has_the_headers(api: Api) -> None:
    for method, path, status in ANSWERS:
        headers = {"Accept": "text/html"}
        async with api.http.request(method, f"{api.url}{path}", headers=headers) as response:
            assert response.status == status, (method, path)
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert response.headers["X-Frame-Options"] == "DENY"
            policy = response.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy
            is_page = response.content_type == "text/html"
            assert policy.startswith("default-src 'self'" if is_page else "default-src 'none'"), path
            is_open = path.startswith(("/whep/", "/stream/"))
            assert response.headers["Cross-Origin-Resource-Policy"] == ("cross-origin" if is_open else "same-origin")
            if path.startswith("/whep/"):
                assert WHEP_CORS.items() <= dict(response.headers).items()
            else:
                assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_browser_may_play_a_stream_that_it_opens(api: Api) -> None:
    async with api.http.head(f"{api.url}/stream/master") as response:
        assert "media-src 'self'" in response.headers["Content-Security-Policy"]


async def test_unknown_hosts_and_foreign_commands_get_the_headers_too(api: Api) -> None:
    for headers in ({"Host": "evil.example"}, {"Host": "[x"}, {"Origin": "http://evil.example"}):
        async with api.http.post(f"{api.url}/session/master/pause", headers=headers) as response:
            assert response.status in (400, 403, 421)
            assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")


async def test_files_are_asked_for_each_time_and_have_types_that_run(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mimetypes.types_map, ".js", "text/plain")
    for path, kind in (
        ("js/main.js", "text/javascript"),
        ("styles/page.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
    ):
        async with api.http.get(f"{api.url}/static/{path}") as response:
            assert (response.status, response.content_type) == (200, kind)
            assert response.headers["Cache-Control"] == "no-cache"
            changed = {"If-Modified-Since": response.headers["Last-Modified"]}
        async with api.http.get(f"{api.url}/static/{path}", headers=changed) as response:
            assert (response.status, response.headers["Cache-Control"]) == (304, "no-cache")


async def test_no_html_no_listing_and_nothing_outside_is_served(api: Api) -> None:
    for path in (
        *("", "/", "/index.html", "/INDEX.HTML", "/%69ndex.html", "/./index.html", "/js/../index.html", "/index.html/"),
        *("/js", "/js/", "/js%2f..%2findex.html", "/../pyproject.toml", "/%2e%2e/pyproject.toml", "//etc/passwd"),
        *("/js/main.js/", "/js//main.js", "/js/main.js%00", "/.git/config"),
    ):
        status, answer = await api.get(f"/static{path}")
        assert (status, answer["code"]) == (404, "not_found"), path


def test_only_files_of_the_page_are_found(tmp_path: Path) -> None:
    for name in ("index.html", "js/a.js", "js/.b.js", ".git/c.js", "notes.txt", "d.svg", "e.css.html"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert set(static_files(tmp_path)) == {"js/a.js", "d.svg"}
