"""Benches of many sessions: the lateness of packets and of ticks, and the way a server is started."""

import socket
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.aiortc_listeners import Arrivals, TimedSocket, lateness_ms
from benchmarks.packet_statistics import PacketStatistics
from benchmarks.server import Launch
from benchmarks.station_cost import tick_late_ms
from benchmarks.udp_receiver import SO_TIMESTAMPNS

MS = 1_000_000


def header(sequence: int, timestamp: int) -> list[int]:
    return [0x80, 111, *sequence.to_bytes(2, "big"), *(timestamp % (1 << 32)).to_bytes(4, "big"), 0, 0, 0, 1]


def test_lateness_is_against_the_most_punctual_packet_of_a_listener() -> None:
    packets = PacketStatistics(2)
    before_the_wrap = (1 << 32) - 960
    rows = [
        *(
            (0, number, before_the_wrap + number * 960, 5 + 20 * number + late)
            for number, late in enumerate((3, 0, 27))
        ),
        *((1, number, 500 + number * 960, 900 + 20 * number + late) for number, late in enumerate((0, 1, 2))),
    ]
    for part in (rows[:2] + rows[3:4], rows[2:3] + rows[4:]):  # two rounds
        packets.add(
            np.array([row[0] for row in part], np.intp),
            np.array([header(row[1], row[2]) for row in part], np.uint8),
            np.full(len(part), 100, np.int64),
            np.array([row[3] * MS for row in part], np.int64) + 1,
        )
    report = packets.report()
    assert report["late_packets"] == 1
    assert report["late_ms"][-1] == pytest.approx(27)
    packets.reset()
    assert packets.report()["late_packets"] == 0


def test_a_timed_socket_notes_the_arrival_of_the_packets_of_known_streams() -> None:
    arrivals = Arrivals()
    with TimedSocket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        TimedSocket.streams[1] = arrivals
        try:
            for ssrc in (1, 2):
                sock.sendto(bytes(header(1, 960))[:-1] + bytes([ssrc]), sock.getsockname())
            received = [sock.recvfrom(2048) for _ in range(2)]
        finally:
            del TimedSocket.streams[1]
        assert received[0] == (bytes(header(1, 960)), sock.getsockname())
    arrived_ns, timestamp = arrivals.kernel
    assert timestamp == 960
    assert 0 <= time.time_ns() - arrived_ns < 5_000 * MS


def test_lateness_of_noted_arrivals() -> None:
    arrivals = Arrivals()
    for number, late in enumerate((4, 0, 25)):
        arrivals.kernel.extend(((7 + 20 * number + late) * MS, ((1 << 32) - 960 + 960 * number) % (1 << 32)))
    assert lateness_ms(arrivals.kernel).tolist() == [4, 0, 25]


def test_lateness_of_ticks_from_the_buckets_of_the_metrics() -> None:
    name = "rtc_drift_engine_tick_late_seconds"

    def reading(*counts: int) -> dict[str, float]:
        bounds = ("0.0005", "0.001", "0.01", "+Inf")
        return {f'{name}_bucket{{le="{le}"}}': float(count) for le, count in zip(bounds, counts, strict=True)}

    assert tick_late_ms(reading(10, 10, 10, 10), reading(610, 1009, 1010, 1010)) == (0.5, 1.0, 10.0)
    assert tick_late_ms(reading(10, 10, 10, 10), reading(10, 10, 10, 1010)) == (10.0, 10.0, 10.0)


def test_a_server_without_real_time_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    launch = Launch(Path("/elsewhere"), "python", is_real_time=False)
    assert launch.command("serve")[0] == "setpriv"
    assert launch.command("serve")[-4:] == ["python", "-m", "rtc_drift", "serve"]
    assert Launch().command("serve") == [sys.executable, "-m", "rtc_drift", "serve"]
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert launch.command("serve")[0] == "python"
