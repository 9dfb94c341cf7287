"""Requests that are dear: none holds the event loop for long, however many sessions and listeners there are."""

import asyncio
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
import segno
from prometheus_client.parser import text_string_to_metric_families

from rtc_drift.api import page, receptions, session_list
from rtc_drift.api.host_guard import MAX_HOST_CHARACTERS
from rtc_drift.engine.protocol.messages import Health
from rtc_drift.signaling import SentStream
from rtc_drift.webrtc.peer import Reception
from tests.support.api import Api

MANY = 2_000


@asynccontextmanager
async def turns() -> AsyncIterator[Callable[[], int]]:
    """Count the turns of the event loop."""
    passed = 0

    async def count() -> None:
        nonlocal passed
        while True:
            await asyncio.sleep(0)
            passed += 1

    counting = asyncio.create_task(count())
    yield lambda: passed
    counting.cancel()
    await asyncio.gather(counting, return_exceptions=True)


async def test_a_list_of_many_followers_is_made_in_slices(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    kitchen = await api.sessions.create("kitchen")
    for number in range(MANY):
        follower = api.sessions.follow("kitchen" if number % 2 else "master", f"Ü {number}")
        follower.clients["ogg"] = number % 3
    in_one_turn, summary = Counter[int](), session_list._summary
    states = Counter[str]()
    monkeypatch.setattr(type(kitchen), "state", lambda session, **_: states.update([session.id]))
    async with turns() as turn:

        def counted(*arguments: Any) -> bytes:
            in_one_turn[turn()] += 1
            return summary(*arguments)

        monkeypatch.setattr(session_list, "_summary", counted)
        status, answer = await api.get("/api/session/list")
    assert (status, len(answer["sessions"])) == (200, MANY + 2)
    assert max(in_one_turn.values()) <= session_list.SLICE <= 100
    assert not states, "a summary needs no whole state"
    for listed in answer["sessions"]:
        session = api.sessions[listed["sessionId"]]
        assert (listed["name"], listed["followingSession"], listed["type"]) == (
            session.name,
            session.following,
            session.type,
        )
        assert (listed["oggListeners"], listed["clients"]) == (session.clients["ogg"], sum(session.clients.values()))
        now_playing = session.station.autodj.now_playing()
        assert now_playing is not None
        assert listed["nowPlaying"]["track"]["id"] == now_playing.track.id
    followers = {each["sessionId"]: each["followers"] for each in answer["sessions"] if each["type"] != "follower"}
    assert followers == {"master": MANY / 2, "kitchen": MANY / 2}


@pytest.fixture
def reported(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Reception | None]]:
    """Let the master have many listeners that have reported, and one that has not."""
    found = [Reception(number / MANY, 3, 0.00001, 0.25 if number % 2 else None) for number in range(MANY)]
    by_listener = [*found, None]

    async def update() -> None:
        pass

    def stream(ssrc: int, reception: Reception | None) -> SentStream:
        peer = SimpleNamespace(update_reception=update, reception=reception)
        listener = SimpleNamespace(session=api.sessions.master, peer=peer)
        return SentStream(cast(Any, listener), ssrc, 7)

    streams = [stream(ssrc, reception) for ssrc, reception in enumerate(by_listener)]
    monkeypatch.setattr(api.context.listeners, "sent_to", lambda *_: streams)
    yield by_listener


async def test_the_reception_of_many_listeners_is_read_in_slices(
    api: Api, reported: list[Reception | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_one_turn, reception = Counter[int](), SentStream.reception
    async with turns() as turn:

        async def counted(stream: SentStream) -> Reception | None:
            in_one_turn[turn()] += 1
            return await reception(stream)

        monkeypatch.setattr(SentStream, "reception", counted)
        for path in ("/metrics", "/api/session/info"):
            in_one_turn.clear()
            async with api.http.get(f"{api.url}{path}") as response:
                assert response.status == 200
                text = await response.text()
            assert sum(in_one_turn.values()) == MANY + 1
            assert max(in_one_turn.values()) <= receptions.SLICE <= 200
    info = json.loads(text)
    assert len(info["reception"]) == MANY
    assert len(info["rtpClock"]["offsets"]) == MANY + 1


async def test_receptions_are_exported_as_prometheus_reads_them(api: Api, reported: list[Reception | None]) -> None:
    async with api.http.get(f"{api.url}/metrics") as response:
        families = {family.name: family for family in text_string_to_metric_families(await response.text())}
    known = [each for each in reported if each is not None]
    for name, values in (
        ("loss_ratio", [each.loss for each in known]),
        ("jitter_seconds", [each.jitter_seconds for each in known]),
        ("round_trip_seconds", [each.round_trip_seconds for each in known if each.round_trip_seconds is not None]),
    ):
        family = families[f"rtc_drift_listener_{name}"]
        assert family.type == "histogram"
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                least = float(sample.labels["le"])
                assert sample.value == sum(value <= least for value in values), sample
    assert "rtc_drift_joins" in families


async def test_metrics_stay_small_and_are_named_as_prometheus_wants(api: Api, reported: list[Reception | None]) -> None:
    api.context.metrics.engine_health(0, Health((100,) * 50, (200,) * 50, 0, 0, 0, 1.5, 50))
    for reason in ("malformed", "unknown_user"):
        api.context.metrics.dropped_datagrams.set(3, reason)
    async with api.http.get(f"{api.url}/metrics") as response:
        text = await response.read()
    assert len(text) <= 40_000 / 2, "bounded, whatever the number of listeners"
    assert b"ssrc=" not in text
    families = {family.name: family for family in text_string_to_metric_families(text.decode())}
    for name in ("engine_restarts", "failed_plays", "library_failures", "engine_cpu_seconds", "dropped_datagrams"):
        assert families[f"rtc_drift_{name}"].type == "counter", name
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is missing: install prometheus")
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, timeout=30)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


async def test_the_qr_code_of_the_longest_link_is_made_once_and_with_one_mask(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[int, int | None]] = []
    make = segno.make

    def counted(link: str, *, micro: bool, mask: int | None) -> Any:
        made.append((len(link), mask))
        return make(link, micro=micro, mask=mask)

    monkeypatch.setattr("segno.make", counted)
    page.qr_svg.cache_clear()
    name = "k" * 63
    await api.sessions.create(name)
    host = "a" * (MAX_HOST_CHARACTERS - len(".local:65535")) + ".local:65535"
    for _ in range(3):
        for headers in ({}, {"Host": host}):
            async with api.http.get(f"{api.url}/session/{name}/qr.svg", headers=headers) as response:
                assert (response.status, response.content_type) == (200, "image/svg+xml")
                assert (await response.text()).startswith("<svg")
    (usual, usual_mask), (longest, longest_mask) = made
    assert usual < 120 < longest == len("http:///session/follow/") + 255 + 63
    assert (usual_mask, longest_mask) == (None, page.LONG_CODE_MASK), "the best of eight, or one"
