"""The description of the API: every route, every error code, and examples that are valid."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import rtc_drift
from rtc_drift.api.error_codes import ERRORS
from rtc_drift.api.errors import _SENTENCES
from rtc_drift.api.openapi import document
from rtc_drift.api.operations import JSON, OPERATIONS
from rtc_drift.api.routes import ROUTES
from tests.support.api import Api

PACKAGE = Path(rtc_drift.__file__).parent
PLACE = re.compile(r"\{(\w+)(:[^}]*)?\}")


def key_of(route: web.RouteDef) -> str:
    return route.method + " " + PLACE.sub(r"{\1}", route.path)


def test_every_route_is_described_and_no_other() -> None:
    routes = [it for it in ROUTES if isinstance(it, web.RouteDef)]
    assert set(OPERATIONS) == set(map(key_of, routes)), "a new route needs its place in api/operations.py"
    has_head = {key_of(it) for it in routes if it.method == "GET" and it.kwargs.get("allow_head", True)}
    assert {key for key, it in OPERATIONS.items() if it.has_head} == has_head


def test_every_error_code_is_described() -> None:
    in_source = set[tuple[int, str]]()
    for path in (PACKAGE / "api").glob("*.py"):
        found = re.findall(r'(?:ApiError|error_answer)\(\s*(\d+),\s*"([a-z_]+)"', path.read_text())
        in_source |= {(int(status), code) for status, code in found}
    refused = re.findall(r'Refusal\((\d+), "([a-z_]+)"', (PACKAGE / "station" / "refusals.py").read_text())
    in_source |= {(int(status), code) for status, code in refused}
    in_source |= {(status, code) for status, code, _ in _SENTENCES.values()}
    by_connections = {
        "connection_limit",
        "request_timeout",
        "not_found",
        "method_not_allowed",
        "request_entity_too_large",
    }
    assert {code for _, code in in_source} | by_connections == set(ERRORS)
    assert all(ERRORS[code][0] == status for status, code in in_source)
    described = {code for it in OPERATIONS.values() for code in it.errors}
    assert described <= set(ERRORS)


@pytest.mark.parametrize("key", [key for key, it in OPERATIONS.items() if it.example is not None])
def test_examples_are_valid(key: str) -> None:
    model = OPERATIONS[key].body[JSON]
    assert model is not None
    model.model_validate(OPERATIONS[key].example)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


async def test_the_document_and_the_page_that_shows_it_are_served(api: Api) -> None:
    status, served = await api.get("/api/openapi.json")
    assert (status, served["openapi"], served) == (200, "3.1.0", document())
    schemas = served["components"]["schemas"]
    assert {it.rpartition("/")[2] for it in references(served)} <= set(schemas)
    events = schemas["Event"]["discriminator"]["mapping"]
    assert {"hello", "track_started", "queue_changed", "session_ended"} <= set(events)
    operations = [it for methods in served["paths"].values() for it in methods.values()]
    assert len({it["operationId"] for it in operations}) == len(operations)
    for methods in served["paths"].values():
        for it in methods.values():
            assert all(
                "Retry-After" in it["responses"][wait]["headers"] for wait in ("429", "503") if wait in it["responses"]
            )
    async with api.http.get(f"{api.url}/api/docs") as response:
        page = await response.text()
        policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert not re.search(r"<script>|<style|\son\w+=|style=|https?://", page), "nothing inline, nothing from elsewhere"
    for path in re.findall(r'(?:src|href)="(/[^"]+)"', page):
        assert (await api.http.get(f"{api.url}{path}")).status == 200, path
