"""What is counted, for `GET /metrics` (Prometheus text format)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from rtc_drift.engine.protocol.messages import Health
from rtc_drift.webrtc.peer import Reception

TICK_BUCKETS = (0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)


@dataclass(frozen=True, slots=True)
class LabelledReception:
    """How the listener of a stream receives, and the labels under which that is exported."""

    session: str
    ssrc: str
    reception: Reception


class ReceptionCollector(Collector):
    """Gauges of every listener who has reported; those who have left are gone from them."""

    def __init__(self) -> None:
        self.receptions: Sequence[LabelledReception] = ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Called by prometheus-client."""
        labels = ("session", "ssrc")
        loss = GaugeMetricFamily("rtc_drift_listener_loss_ratio", "Packets lost, of those sent lately", labels=labels)
        jitter = GaugeMetricFamily("rtc_drift_listener_jitter_seconds", "Interarrival jitter", labels=labels)
        round_trip = GaugeMetricFamily("rtc_drift_listener_round_trip_seconds", "Round trip", labels=labels)
        for it in self.receptions:
            values = (it.session, it.ssrc)
            loss.add_metric(values, it.reception.loss)
            jitter.add_metric(values, it.reception.jitter_seconds)
            if it.reception.round_trip_seconds is not None:
                round_trip.add_metric(values, it.reception.round_trip_seconds)
        yield from (loss, jitter, round_trip)


class Metrics:
    """The server's counters and gauges, in a registry of their own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        common: Any = {"namespace": "rtc_drift", "registry": registry}

        def counter(name: str, text: str) -> Counter:
            return Counter(name, text, **common)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, **common)

        def histogram(name: str, text: str) -> Histogram:
            return Histogram(name, text, buckets=TICK_BUCKETS, **common)

        self.joins = counter("joins", "WHEP offers answered")
        self.skipped_packets = counter("skipped_packets", "Packets left out because a listener's sender lagged")
        self.ogg_dropped = counter("ogg_readers_dropped", "Ogg readers dropped because they were too slow")
        self.unexpected_errors = counter("unexpected_errors", "Requests that failed for a reason of ours")
        self.engine_restarts = gauge("engine_restarts", "How often the engine had to be started again")
        self.failed_plays = gauge("failed_plays", "Tracks that broke off or could not be opened")
        self.sessions = Gauge("sessions", "Sessions by type", ("type",), **common)
        self.running_mixers = gauge("running_mixers", "Programmes that somebody hears; the others stand still")
        self.session_save_failures = gauge("session_save_failures", "How often sessions could not be saved or read")
        self.webrtc_listeners = gauge("webrtc_listeners", "WebRTC listeners, connecting ones included")
        self.listeners = gauge("listeners", "Listeners over WebRTC and Ogg")
        self.refused_commands = counter("refused_commands", "Commands refused: read-only, locked or from other sites")
        self.event_readers = gauge("event_readers", "Open event streams")
        self.event_readers_cut = gauge("event_readers_cut", "Event streams cut off because they were too slow")
        self.tracks = gauge("tracks", "Playable tracks")
        self.unplayable = gauge("unplayable_files", "Files that can't be played")
        self.lead_failures = gauge("lead_failures", "How often a track could not be rendered at another tempo")
        self.library_failures = gauge("library_failures", "What went wrong while scanning or making the demo library")
        self.tick_late = histogram("engine_tick_late_seconds", "How late the engine's 20 ms ticks started")
        self.tick_work = histogram("engine_tick_work_seconds", "How long they took")
        self.skipped_ticks = counter("engine_skipped_ticks", "Ticks left out because the engine was held up")
        self.starved_blocks = gauge("engine_starved_blocks", "Blocks for which a deck had too little decoded")
        self.dropped_messages = gauge("engine_dropped_messages", "Media that control was too slow to take")
        self.engine_cpu = gauge("engine_cpu_seconds", "CPU time of the engines' processes since they were started")
        self.dropped_datagrams = Gauge(
            "dropped_datagrams", "Datagrams on the UDP port that nobody gets", ("reason",), **common
        )
        self.unsent_packets = gauge(
            "unsent_packets", "RTP packets that the system did not take, of those who listen now"
        )
        self._last_health: dict[int, Health] = {}
        self.reception = ReceptionCollector()
        registry.register(self.reception)

    def engine_health(self, engine: int, health: Health) -> None:
        """Take an engine's report of the last second."""
        for late, work in zip(health.late_us, health.work_us, strict=True):
            self.tick_late.observe(late / 1e6)
            self.tick_work.observe(work / 1e6)
        self.skipped_ticks.inc(health.skipped_ticks)
        self._last_health[engine] = health
        all_engines = self._last_health.values()
        self.starved_blocks.set(sum(each.starved_blocks for each in all_engines))
        self.dropped_messages.set(sum(each.dropped_messages for each in all_engines))
        self.engine_cpu.set(sum(each.cpu_seconds for each in all_engines))

    def text(self) -> bytes:
        """Everything in the Prometheus text format."""
        return generate_latest(self._registry)
