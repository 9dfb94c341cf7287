"""Counters and gauges for `GET /metrics` (Prometheus text format)."""

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from rtc_drift import __version__
from rtc_drift.engine.protocol.messages import Health
from rtc_drift.webrtc.peer import Reception

TICK_BUCKETS = (0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)
"""Upper bounds of the histogram buckets for ticks, in seconds."""
LOSS_BUCKETS = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Upper bounds for the share of packets that a listener lost."""
JITTER_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Upper bounds for a listener's jitter, in seconds."""
ROUND_TRIP_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Upper bounds for a listener's round trip, in seconds."""
NAMESPACE = "rtc_drift"


class Total(Collector):
    """A counter that another part of the server keeps: its value is set."""

    def __init__(self, name: str, text: str, label: str | None = None) -> None:
        """Make it; with a `label`, each of its values has a counter."""
        self._name, self._text, self._label = f"{NAMESPACE}_{name}", text, label
        self._values: dict[str, float] = {} if label else {"": 0.0}

    def set(self, value: float, of: str = "") -> None:
        """Set the counter, or that of a value of the label."""
        self._values[of] = value

    def collect(self) -> Iterator[Metric]:
        """Yield it as Prometheus wants it."""
        family = CounterMetricFamily(self._name, self._text, labels=[self._label] if self._label else [])
        for of, value in self._values.items():
            family.add_metric([of] if self._label else [], value)
        yield family


class Metrics:
    """The server's counters, gauges and histograms, in their own registry."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        common: Any = {"namespace": NAMESPACE, "registry": registry}
        ProcessCollector(registry=registry)

        def counter(name: str, text: str) -> Counter:
            return Counter(name, text, **common)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, **common)

        def total(name: str, text: str, label: str | None = None) -> Total:
            counted = Total(name, text, label)
            registry.register(counted)
            return counted

        def histogram(name: str, text: str, buckets: tuple[float, ...] = TICK_BUCKETS) -> Histogram:
            return Histogram(name, text, buckets=buckets, **common)

        Gauge("build_info", "Version of the server", ("version",), **common).labels(__version__).set(1)

        self.joins = counter("joins", "WHEP offers that were answered")
        self.joins_given_up = counter("joins_given_up", "Listeners who gave way to others while they were connecting")
        self.skipped_packets = counter("skipped_packets", "RTP packets not sent in time to listeners who have left")
        self.ogg_dropped = counter("ogg_readers_dropped", "Ogg readers dropped because they were too slow")
        self.encoded_dropped = counter(
            "encoded_readers_dropped", "Readers of mp3 and AAC dropped because they were too slow"
        )
        self.encoders = gauge("encoders", "Running encoders of mp3 and AAC")
        self.encoder_failures = total("encoder_failures", "Failures of encoders of mp3 and AAC")
        self.unexpected_errors = counter("unexpected_errors", "Requests that failed because of an error in the server")
        self.engine_restarts = total("engine_restarts", "Restarts of engine processes")
        self.decoder_restarts = total("decoder_restarts", "Restarts of decoder processes, which nobody hears")
        self.failed_plays = total("failed_plays", "Tracks that could not be opened or failed while playing")
        self.sessions = Gauge("sessions", "Sessions by type", ("type",), **common)
        self.running_mixers = gauge("running_mixers", "Running stations; the others are paused")
        self.session_save_failures = total("session_save_failures", "Failures to save or load sessions")
        self.webrtc_listeners = gauge("webrtc_listeners", "WebRTC listeners, including those still connecting")
        self.listeners = gauge("listeners", "Listeners over WebRTC and plain HTTP")
        self.refused_commands = counter("refused_commands", "Refused commands: read-only, locked or from other sites")
        self.event_readers = gauge("event_readers", "Open event streams")
        self.event_readers_cut = total("event_readers_cut", "Event streams closed because their reader was too slow")
        self.connections = gauge("http_connections", "Open HTTP connections")
        self.refused_connections = counter("refused_connections", "HTTP connections refused because of their number")
        self.idle_connections_closed = counter("idle_connections_closed", "Idle HTTP connections closed to make room")
        self.accept_failures = counter("accept_failures", "Times that the system had no descriptor for a connection")
        self.slow_requests = counter("slow_requests", "Requests whose headers or body did not come in time")
        self.malformed_requests = counter("malformed_requests", "Requests that were not valid HTTP")
        self.stalled_answers = counter("stalled_answers", "Answers cut off because their client did not take them")
        self.cover_timeouts = counter("cover_timeouts", "Covers not read in time, or because too many others were")
        self.tracks = gauge("tracks", "Playable tracks")
        self.unplayable = gauge("unplayable_files", "Files that can't be played")
        self.lead_failures = total("lead_failures", "Stretched ends of tracks that could not be rendered")
        self.planning_failures = total("planning_failures", "Transitions that could not be planned")
        self.library_failures = total("library_failures", "Failures of scanning, analysis, storage or the demo library")
        self.tick_late = histogram("engine_tick_late_seconds", "Delay of the start of the engine's 20 ms ticks")
        self.tick_work = histogram("engine_tick_work_seconds", "Duration of the work in the engine's ticks")
        self.skipped_ticks = counter("engine_skipped_ticks", "Ticks skipped because the engine was too far behind")
        self.starved_blocks = total("engine_starved_blocks", "Blocks for which a deck had too little decoded audio")
        self.dropped_messages = total("engine_dropped_messages", "Audio messages dropped because control was too slow")
        self.engine_cpu = total("engine_cpu_seconds", "CPU time of the engine processes since their start")
        self.dropped_datagrams = total(
            "dropped_datagrams", "Datagrams on the shared UDP port that were dropped", "reason"
        )
        self.unsent_packets = gauge("unsent_packets", "RTP packets not sent in time to present listeners")
        self.tasks = gauge("tasks", "Tasks on control's event loop")
        self.threads = gauge("threads", "Threads of control that run Python code")
        self.open_descriptors = gauge("open_descriptors", "Open descriptors of control: sockets, files, pipes (Linux)")
        each = "of each listener who has reported, once for each reading of the metrics"
        self.loss = histogram("listener_loss_ratio", f"Share of packets lost, 0 to 1, {each}", LOSS_BUCKETS)
        self.jitter = histogram("listener_jitter_seconds", f"Interarrival jitter {each}", JITTER_BUCKETS)
        self.round_trip = histogram("listener_round_trip_seconds", f"Round trip {each}", ROUND_TRIP_BUCKETS)
        self._last_health: dict[int, Health] = {}

    def engine_health(self, engine: int, health: Health) -> None:
        """Add an engine's report of the last second; `engine` is its index."""
        for late, work in zip(health.late_us, health.work_us, strict=True):
            self.tick_late.observe(late / 1e6)
            self.tick_work.observe(work / 1e6)
        self.skipped_ticks.inc(health.skipped_ticks)
        self._last_health[engine] = health
        all_engines = self._last_health.values()
        self.starved_blocks.set(sum(each.starved_blocks for each in all_engines))
        self.dropped_messages.set(sum(each.dropped_messages for each in all_engines))
        self.engine_cpu.set(sum(each.cpu_seconds for each in all_engines))

    def observe(self, reception: Reception) -> None:
        """Add how one listener receives to the histograms. Single listeners have no metrics: thousands may come."""
        self.loss.observe(reception.loss)
        self.jitter.observe(reception.jitter_seconds)
        if reception.round_trip_seconds is not None:
            self.round_trip.observe(reception.round_trip_seconds)

    def text(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        return generate_latest(self._registry)
