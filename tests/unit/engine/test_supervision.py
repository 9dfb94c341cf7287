"""Signs of life of engine and decoder: time in which control stood itself proves nothing."""

import asyncio
import socket
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from rtc_drift.decoder.messages import SOCKET_TYPE
from rtc_drift.engine.host import decoder_supervisor
from rtc_drift.engine.host.decoder_supervisor import DecoderSupervisor
from rtc_drift.engine.host.engine_supervisor import _Link

SILENCE = 0.05


async def test_an_engine_counts_as_hung_after_silence_only(stand: Callable[[float], None]) -> None:
    loop, link = asyncio.get_running_loop(), _Link(lambda _: None)
    link._heard_at = loop.time()
    assert await link.wait_until_lost(SILENCE)
    link._heard_at = loop.time()
    loop.call_soon(stand, 100.0)  # control was stopped, and perhaps the engine with it
    loop.call_soon(loop.call_soon, lambda: loop.call_later(SILENCE / 2, link.connection_lost, None))
    assert not await link.wait_until_lost(SILENCE)


async def test_a_decoder_counts_as_hung_after_silence_only(
    stand: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder_supervisor, "STARTING_SECONDS", SILENCE)
    monkeypatch.setattr(decoder_supervisor, "SILENCE_SECONDS", SILENCE)
    loop, killed, ready = asyncio.get_running_loop(), list[int](), list[int]()
    process = SimpleNamespace(kill=lambda: killed.append(1))
    supervisor = DecoderSupervisor(lambda: ready.append(1), lambda _: None)
    ours, theirs = socket.socketpair(socket.AF_UNIX, SOCKET_TYPE)
    with ours, theirs:
        ours.setblocking(False)
        theirs.send(b"alive")  # it was alive while control stood
        loop.call_soon(stand, 100.0)
        loop.call_soon(loop.call_soon, lambda: loop.call_later(SILENCE / 2, theirs.close))
        assert not await supervisor._watch(ours, process)  # type: ignore[arg-type]
        assert (killed, ready) == ([], [1])
    ours, theirs = socket.socketpair(socket.AF_UNIX, SOCKET_TYPE)
    with ours, theirs:
        ours.setblocking(False)
        assert await supervisor._watch(ours, process)  # type: ignore[arg-type]
        assert killed == [1]
