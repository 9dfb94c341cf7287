"""A browser that may use nothing but a relay, over TCP, listens. Needs coturn's `turnserver`."""

from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from tests.browser.chromium import FLAGS, chromium_path
from tests.support.server import Serve
from tests.support.turn_relay import TURNSERVER, relay

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="no Chromium is installed"),
    pytest.mark.skipif(TURNSERVER is None, reason="coturn is not installed"),
]
LISTEN = """async () => {
    const {WhepClient} = await import("/static/js/whep.js");
    const client = new WhepClient("/whep/master", () => {});
    const peer = client.peer;
    peer.setConfiguration({...peer.getConfiguration(), iceTransportPolicy: "relay"});
    await client.connect({withServers: true});
    const reports = async (type) => [...(await peer.getStats()).values()].filter((it) => it.type === type);
    for (let tries = 0; tries < 500; tries++) {
        const [received] = await reports("inbound-rtp");
        if (received?.packetsReceived > 50) break;
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const [transport] = await reports("transport");
    const pair = (await peer.getStats()).get(transport.selectedCandidatePairId);
    const local = (await peer.getStats()).get(pair.localCandidateId);
    client.close();
    return [local.candidateType, local.relayProtocol];
}"""


async def test_the_page_listens_without_udp(serve: Serve, music: Path, tmp_path: Path) -> None:
    async with relay(tmp_path, "tcp") as url, serve(music, turn=(url,)) as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        page = await browser.new_page()
        await page.goto(server.url)
        assert await page.evaluate(LISTEN) == ["relay", "tcp"]
        await browser.close()
