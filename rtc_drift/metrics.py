"""Counters and gauges for `GET /metrics` (Prometheus text format)."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from rtc_drift.engine.protocol.messages import Health
from rtc_drift.webrtc.peer import Reception

RECEPTION_GAUGES = {
    "rtc_drift_listener_loss_ratio": "Share of packets lost, 0 to 1",
    "rtc_drift_listener_jitter_seconds": "Interarrival jitter",
    "rtc_drift_listener_round_trip_seconds": "Round-trip time",
}
"""Gauges of each listener, with the session and the SSRC as labels."""
TICK_BUCKETS = (0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)
"""Upper bounds of the histogram buckets for ticks, in seconds."""


class ReceptionText:
    """The gauges of all listeners as text, made one listener at a time: thousands at once would hold the event loop."""

    def __init__(self) -> None:
        self._loss, self._jitter, self._round_trip = (
            [f"# HELP {name} {text}", f"# TYPE {name} gauge"] for name, text in RECEPTION_GAUGES.items()
        )

    def add(self, session: str, ssrc: int, reception: Reception) -> None:
        """Add a listener."""
        labels = f'{{session="{session}",ssrc="{ssrc}"}}'
        loss, jitter, round_trip = RECEPTION_GAUGES
        self._loss.append(f"{loss}{labels} {reception.loss}")
        self._jitter.append(f"{jitter}{labels} {reception.jitter_seconds}")
        if reception.round_trip_seconds is not None:
            self._round_trip.append(f"{round_trip}{labels} {reception.round_trip_seconds}")

    def encode(self) -> bytes:
        """Return all of them in the Prometheus text format."""
        return "\n".join((*self._loss, *self._jitter, *self._round_trip, "")).encode()


class Metrics:
    """The server's counters, gauges and histograms, in their own registry."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        common: Any = {"namespace": "rtc_drift", "registry": registry}

        def counter(name: str, text: str) -> Counter:
            return Counter(name, text, **common)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, **common)

        def histogram(name: str, text: str) -> Histogram:
            return Histogram(name, text, buckets=TICK_BUCKETS, **common)

        self.joins = counter("joins", "WHEP offers that were answered")
        self.joins_given_up = counter("joins_given_up", "Listeners who gave way to others while they were connecting")
        self.skipped_packets = counter("skipped_packets", "RTP packets not sent in time to listeners who have left")
        self.ogg_dropped = counter("ogg_readers_dropped", "Ogg readers dropped because they were too slow")
        self.encoded_dropped = counter(
            "encoded_readers_dropped", "Readers of mp3 and AAC dropped because they were too slow"
        )
        self.encoders = gauge("encoders", "Running encoders of mp3 and AAC")
        self.encoder_failures = gauge("encoder_failures", "Failures of encoders of mp3 and AAC")
        self.unexpected_errors = counter("unexpected_errors", "Requests that failed because of an error in the server")
        self.engine_restarts = gauge("engine_restarts", "Restarts of engine processes")
        self.decoder_restarts = gauge("decoder_restarts", "Restarts of decoder processes, which nobody hears")
        self.failed_plays = gauge("failed_plays", "Tracks that could not be opened or failed while playing")
        self.sessions = Gauge("sessions", "Sessions by type", ("type",), **common)
        self.running_mixers = gauge("running_mixers", "Running stations; the others are paused")
        self.session_save_failures = gauge("session_save_failures", "Failures to save or load sessions")
        self.webrtc_listeners = gauge("webrtc_listeners", "WebRTC listeners, including those still connecting")
        self.listeners = gauge("listeners", "Listeners over WebRTC and plain HTTP")
        self.refused_commands = counter("refused_commands", "Refused commands: read-only, locked or from other sites")
        self.event_readers = gauge("event_readers", "Open event streams")
        self.event_readers_cut = gauge("event_readers_cut", "Event streams closed because their reader was too slow")
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
        self.lead_failures = gauge("lead_failures", "Stretched ends of tracks that could not be rendered")
        self.planning_failures = gauge("planning_failures", "Transitions that could not be planned")
        self.library_failures = gauge("library_failures", "Failures of scanning, analysis, storage or the demo library")
        self.tick_late = histogram("engine_tick_late_seconds", "Delay of the start of the engine's 20 ms ticks")
        self.tick_work = histogram("engine_tick_work_seconds", "Duration of the work in the engine's ticks")
        self.skipped_ticks = counter("engine_skipped_ticks", "Ticks skipped because the engine was too far behind")
        self.starved_blocks = gauge("engine_starved_blocks", "Blocks for which a deck had too little decoded audio")
        self.dropped_messages = gauge("engine_dropped_messages", "Audio messages dropped because control was too slow")
        self.engine_cpu = gauge("engine_cpu_seconds", "CPU time of the engine processes since their start")
        self.dropped_datagrams = Gauge(
            "dropped_datagrams", "Datagrams on the shared UDP port that were dropped", ("reason",), **common
        )
        self.unsent_packets = gauge("unsent_packets", "RTP packets not sent in time to present listeners")
        self.tasks = gauge("tasks", "Tasks on control's event loop")
        self.threads = gauge("threads", "Threads of control that run Python code")
        self.open_descriptors = gauge("open_descriptors", "Open descriptors of control: sockets, files, pipes (Linux)")
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

    def text(self) -> bytes:
        """Return all metrics but those of each listener in the Prometheus text format."""
        return generate_latest(self._registry)
