"""The files of the page: those that are in the folder at the start, of types that pages are made of, but no HTML."""

from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
"""Types by ending. The system's own table is not used: scripts of a wrong type do not run."""
FILES: web.AppKey[Mapping[str, Path]] = web.AppKey("static files", Mapping)


def static_files(folder: Path) -> Mapping[str, Path]:
    """Return the files that are served, by their path below `/static/`."""
    found = {path.relative_to(folder): path for path in folder.rglob("*") if path.suffix in TYPES and path.is_file()}
    return {
        name.as_posix(): path for name, path in found.items() if not any(part.startswith(".") for part in name.parts)
    }


async def static_file(request: web.Request) -> web.FileResponse:
    """GET /static/…: a file of the page. Browsers ask each time if it has changed: pages and files must fit."""
    path = request.app[FILES].get(request.match_info["path"])
    if path is None:
        raise web.HTTPNotFound
    return web.FileResponse(path, headers={"Content-Type": TYPES[path.suffix], "Cache-Control": "no-cache"})
