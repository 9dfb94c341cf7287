"""What is counted, for `GET /metrics` (Prometheus text format)."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from rtc_drift.engine.messages import Health

TICK_BUCKETS = (0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)


class Metrics:
    """The server's counters and gauges, in a registry of their own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()

        def counter(name: str, text: str) -> Counter:
            return Counter(name, text, namespace="rtc_drift", registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, namespace="rtc_drift", registry=registry)

        def histogram(name: str, text: str) -> Histogram:
            return Histogram(name, text, namespace="rtc_drift", buckets=TICK_BUCKETS, registry=registry)

        self.joins = counter("joins", "WHEP offers answered")
        self.skipped_packets = counter("skipped_packets", "Packets left out because a listener's sender lagged")
        self.ogg_dropped = counter("ogg_readers_dropped", "Ogg readers dropped because they were too slow")
        self.unexpected_errors = counter("unexpected_errors", "Requests that failed for a reason of ours")
        self.engine_restarts = gauge("engine_restarts", "How often the engine had to be started again")
        self.failed_plays = gauge("failed_plays", "Tracks that broke off or could not be opened")
        self.sessions = Gauge("sessions", "Sessions by type", ("type",), namespace="rtc_drift", registry=registry)
        self.running_mixers = gauge("running_mixers", "Programmes that somebody hears; the others stand still")
        self.session_save_failures = gauge("session_save_failures", "How often sessions could not be saved or read")
        self.webrtc_listeners = gauge("webrtc_listeners", "WebRTC listeners, connecting ones included")
        self.listeners = gauge("listeners", "Listeners over WebRTC and Ogg")
        self.refused_commands = counter("refused_commands", "Commands refused: read-only, locked or from other sites")
        self.event_readers = gauge("event_readers", "Open event streams")
        self.event_readers_cut = gauge("event_readers_cut", "Event streams cut off because they were too slow")
        self.tracks = gauge("tracks", "Playable tracks")
        self.unplayable = gauge("unplayable_files", "Files that can't be played")
        self.library_failures = gauge("library_failures", "What went wrong while scanning or making the demo library")
        self.tick_late = histogram("engine_tick_late_seconds", "How late the engine's 20 ms ticks started")
        self.tick_work = histogram("engine_tick_work_seconds", "How long they took")
        self.skipped_ticks = counter("engine_skipped_ticks", "Ticks left out because the engine was held up")
        self.starved_blocks = gauge("engine_starved_blocks", "Blocks for which a deck had too little decoded")
        self.dropped_messages = gauge("engine_dropped_messages", "Media that control was too slow to take")
        self.engine_cpu = gauge("engine_cpu_seconds", "CPU time of the engine's process since it was started")

    def engine_health(self, health: Health) -> None:
        """Take the engine's report of the last second."""
        for late, work in zip(health.late_us, health.work_us, strict=True):
            self.tick_late.observe(late / 1e6)
            self.tick_work.observe(work / 1e6)
        self.skipped_ticks.inc(health.skipped_ticks)
        self.starved_blocks.set(health.starved_blocks)
        self.dropped_messages.set(health.dropped_messages)
        self.engine_cpu.set(health.cpu_seconds)

    def text(self) -> bytes:
        """Everything in the Prometheus text format."""
        return generate_latest(self._registry)
