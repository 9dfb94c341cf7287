"""The OpenAPI 3.1 document of the API, made from the table of operations and the models."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from rtc_drift import __version__
from rtc_drift.api import error_codes, schemas
from rtc_drift.api.context import context
from rtc_drift.api.operations import EVENT_STREAM, JSON, OPERATIONS, Content, Operation
from rtc_drift.api.security_headers import PAGE_POLICY
from rtc_drift.station.events import Event

Json = dict[str, Any]

_REFERENCE = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_ABOUT = (
    "Times on the media clock are samples at 48 kHz since the session's mixer started. Every error is "
    "`{error, code, …}`. A session's id is `master`, a name, or a follower's id."
)
_HEADERS: Mapping[str, Json] = {
    "Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "string"}, "required": True},
}


async def openapi(request: web.Request) -> web.Response:
    """GET /api/openapi.json: the API as OpenAPI 3.1."""
    return web.Response(body=_text(), content_type=JSON, charset="utf-8", headers={"Cache-Control": "no-cache"})


async def docs(request: web.Request) -> web.FileResponse:
    """GET /api/docs: a page that shows the API."""
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": PAGE_POLICY,
        "Cache-Control": "no-cache",
    }
    return web.FileResponse(context(request).frontend / "docs.html", headers=headers)


@cache
def _text() -> bytes:
    return json.dumps(document(), ensure_ascii=False).encode()


def document() -> Json:
    """Return the document."""
    models = _Models()
    paths: Json = {}
    for key, operation in OPERATIONS.items():
        method, path = key.split(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, operation, models)
        if operation.has_head:
            described = _operation("HEAD", path, operation, models)
            for answer in described["responses"].values():
                answer.pop("content", None)
            paths[path]["head"] = described
    models.add("Event", Event)
    return {
        "openapi": "3.1.0",
        "info": {"title": "rtc-drift", "version": __version__, "description": _ABOUT},
        "paths": paths,
        "components": {"schemas": models.schemas},
    }


class _Models:
    """The schemas of models, each under its name."""

    def __init__(self) -> None:
        self.schemas: Json = {}
        self._known: dict[tuple[Any, JsonSchemaMode], Json] = {}

    def reference(self, model: Any, mode: JsonSchemaMode = "serialization") -> Json:
        """Return the schema of a model, whose parts are added."""
        if (model, mode) not in self._known:
            self._known[model, mode] = self._new_reference(model, mode)
        return self._known[model, mode]

    def _new_reference(self, model: Any, mode: JsonSchemaMode) -> Json:
        adapter = TypeAdapter[Any](model)
        schema = adapter.json_schema(by_alias=True, ref_template=_REFERENCE, mode=mode)
        self.schemas.update(schema.pop("$defs", {}))
        if isinstance(model, type) and issubclass(model, BaseModel):
            self.schemas[model.__name__] = schema
            return {"$ref": _REFERENCE.format(model=model.__name__)}
        return schema

    def add(self, name: str, kind: Any) -> None:
        """Add the schema of a type under a name."""
        self.schemas[name] = self.reference(kind)


def _operation(method: str, path: str, operation: Operation, models: _Models) -> Json:
    described: Json = {
        "summary": operation.summary,
        "operationId": re.sub(r"\W+", "_", f"{method.lower()}{path}").strip("_"),
        "tags": [_tag(path)],
        "parameters": [*_path_parameters(path), *_query_parameters(operation)],
        "responses": _responses(method, path, operation, models),
    }
    if operation.body and method != "HEAD":
        content = _content(operation.body, models, "validation")
        if operation.example is not None:
            content[JSON]["example"] = operation.example
        # Every command may come without a body: that counts as `{}`.
        described["requestBody"] = {"required": JSON not in operation.body, "content": content}
    return described


def _tag(path: str) -> str:
    if path.startswith("/session/{session_id}/") and not path.endswith(".svg"):
        return "commands"
    parts = path.strip("/").split("/")
    return {"api": parts[1] if len(parts) > 1 else "", "": "page", "static": "page"}.get(parts[0], parts[0])


def _path_parameters(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PARAMETER.findall(path)
    ]


def _query_parameters(operation: Operation) -> list[Json]:
    return [
        {
            "name": name,
            "in": "query",
            "required": bool(schema.get("required")),
            "schema": {key: value for key, value in schema.items() if key != "required"},
        }
        for name, schema in operation.query.items()
    ]


def _responses(method: str, path: str, operation: Operation, models: _Models) -> Json:
    answer: Json = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer:
        answer["content"] = _content(operation.answer, models, "serialization")
    responses: Json = {str(operation.status): answer}
    responses |= {str(status): {"description": text} for status, text in operation.other.items()}
    by_status: dict[int, list[str]] = {}
    for code in sorted({*operation.errors, *_usual_errors(method, path, operation)}):
        by_status.setdefault(error_codes.ERRORS[code][0], []).append(code)
    is_page = operation.answer == {"text/html": None}
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = _error(status, codes, models, is_page=is_page and status in (404, 422))
    return responses


def _usual_errors(method: str, path: str, operation: Operation) -> Iterable[str]:
    yield from error_codes.ANYWHERE
    if method not in ("GET", "HEAD", "OPTIONS"):
        yield from error_codes.OF_UNSAFE
    if "{session_id}" in path and method != "OPTIONS":
        yield from error_codes.OF_SESSIONS
    if _tag(path) == "commands":
        yield from error_codes.OF_COMMANDS


def _error(status: int, codes: list[str], models: _Models, *, is_page: bool) -> Json:
    examples = {code: {"value": {"error": error_codes.ERRORS[code][1], "code": code}} for code in codes}
    content: Json = {JSON: {"schema": models.reference(schemas.Error), "examples": examples}}
    if is_page:
        content["text/html"] = {}
    described: Json = {"description": HTTPStatus(status).phrase, "content": content}
    if status in (429, 503):
        described["headers"] = dict(_HEADERS)
    return described


def _content(content: Content, models: _Models, mode: JsonSchemaMode) -> Json:
    described: Json = {}
    for kind, model in content.items():
        described[kind] = {} if model is None else {"schema": models.reference(model, mode)}
        if kind == EVENT_STREAM:
            described[kind] = {
                "schema": {"type": "string"},
                "x-item-schema": {"$ref": _REFERENCE.format(model="Event")},
            }
    return described
