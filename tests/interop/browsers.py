"""Chromium and Firefox on a page that runs a client, listens to it, and posts what it heard."""

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from tests.browser.chromium import launched
from tests.interop.packages import HERE, NODE_MODULES, main_file

PAGE_SECONDS = 45.0
FIREFOX_PREFERENCES = {
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "network.dns.disabled": True,
    "browser.shell.checkDefaultBrowser": False,
    "browser.aboutwelcome.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "app.update.enabled": False,
}


async def in_browser(browser: str, client: str, whep_url: str) -> dict[str, Any]:
    """Run a client in a browser; return what it heard."""
    heard: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    async with _pages(heard) as origin:
        whep = urlsplit(whep_url)
        query = urlencode({"client": client, "url": whep_url, "origin": f"{whep.scheme}://{whep.netloc}"})
        opened = _firefox if browser == "firefox" else _chromium
        async with opened(f"{origin}/page/index.html?{query}"):
            return await asyncio.wait_for(heard, PAGE_SECONDS)


@contextlib.asynccontextmanager
async def _chromium(url: str) -> AsyncIterator[None]:
    async with launched() as browser:
        page = await browser.new_page()
        await page.goto(url)
        yield


@contextlib.asynccontextmanager
async def _firefox(url: str) -> AsyncIterator[None]:
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    assert program is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in FIREFOX_PREFERENCES.items()]
        Path(profile, "user.js").write_text("\n".join(lines))
        process = await asyncio.create_subprocess_exec(
            *(program, "--headless", "--no-remote", "--profile", profile, url),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            process.terminate()
            await process.wait()


@contextlib.asynccontextmanager
async def _pages(heard: "asyncio.Future[dict[str, Any]]") -> AsyncIterator[str]:
    """Serve the page from another origin than the music; what it posts is the future's result."""

    async def result(request: web.Request) -> web.Response:
        answer = await request.json()
        if not heard.done():
            heard.set_result(answer)
        return web.Response()

    async def main(request: web.Request) -> web.StreamResponse:
        file = main_file(request.match_info["package"])
        return web.Response(status=404) if file is None else web.FileResponse(file)

    app = web.Application(client_max_size=8 << 20)
    app.add_routes(
        [web.post("/result", result), web.get("/main/{package:.+}", main), web.static("/page", HERE / "page")]
    )
    if NODE_MODULES.exists():
        app.add_routes([web.static("/npm", NODE_MODULES, follow_symlinks=True)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
