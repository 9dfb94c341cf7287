"""The figures of a soak, with their bounds: pure functions over its record."""

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import Figure
from benchmarks.soak import measures as m
from benchmarks.soak.answers import is_documented
from benchmarks.soak.sampler import QuietPoint
from benchmarks.soak.world import Event

BENCH = "soak"
LONGEST_GAP_MS = 20.0
ENGINE_GAP_MS = 250.0
"""Longest gap where the engine is killed."""
HUNG_ENGINE_GAP_MS = 4_500.0
"""Longest gap where the engine hangs: it counts as hung after 3 s without its report of every second."""
BACK_SECONDS = 15.0
"""Time in which everybody has joined again after control was killed and started again a second later."""
SLOPE_MB_PER_HOUR = 1.0
SLOPE_SECONDS = 3600.0
"""Length of the last half from which on slopes are judged: the events kept for readers fill up in the first hour."""
MOST_GROWTH_MB = {"control": 40.0, "engine": 10.0, "decoder": 30.0}
"""Most that a process may grow from its quiet point after the restart to the last one, however long the run."""
WARM_UP_SECONDS = 60.0
"""Age below which a process's memory is not judged."""
FLAT = {"descriptors": 4, "tasks": 4, "threads": 16}
"""Most that a figure may grow between the quiet points: a request is in progress at times, and pools of threads, which
begin empty after the restart, fill up."""
LOG_LINES_A_MINUTE = 120
STALL_MS = 5.0
"""Lateness of a process that goes before all others, from which on the machine counts as stalled."""
LISTENER_LEFT = "A WebRTC listener of"
"""Beginning of the line about each listener who leaves."""
BEFORE_SECONDS, ENGINE_SECONDS, NEAR_SECONDS = 1.0, 5.0, 5.0
TRACEBACK = re.compile(r"Traceback \(most recent call last\)|Exception ignored|Task exception was never retrieved")


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that a soak has recorded."""

    began: float
    ended: float
    last_half: tuple[float, float]
    observed: Sequence[Mapping[str, Any]]
    """The lines of the listeners' file, and of the witness's."""
    status: Mapping[str, int]
    """The counts of the listeners' process at the end."""
    events: Sequence[Event]
    restarts: Sequence[tuple[str, int, int]]
    slow_ticks: Mapping[str, int]
    """Ticks of the engine that were not as they should be, by what was wrong."""
    samples: Sequence[Mapping[str, Any]]
    quiet: Sequence[QuietPoint]
    answers: Mapping[tuple[int, str], int]
    unanswered: Sequence[tuple[float, str, str]]
    slowest_answer_seconds: float
    log: Sequence[tuple[float, str]]
    failed_steps: int
    stop_seconds: float
    """Time that SIGTERM took in the end."""

    def figures(self) -> list[Figure]:
        """Return all figures."""
        parts = (self._gaps, self._deaths, self._packets, self._joins, self._memory, self._flatness, self._service)
        return [figure for part in parts for figure in part()]

    @property
    def _seconds(self) -> list[Mapping[str, Any]]:
        return [it for it in self.observed if "second" in it and self.began <= it["second"] < self.ended]

    def _windows(self, *kinds: str) -> list[m.Window]:
        """Return the windows around events of these kinds."""
        return [
            m.Window(it.at - BEFORE_SECONDS, max(it.at, it.over or 0.0) + ENGINE_SECONDS)
            for it in self.events
            if it.what in kinds
        ]

    def _excluded(self) -> list[m.Window]:
        """Return the windows of the deaths that are heard: those of engine and control."""
        control = [m.Window(it.start, self._all_back() + NEAR_SECONDS) for it in self._windows("control killed")]
        return self._windows("engine killed", "engine hung") + control

    def _all_back(self) -> float:
        return max((it["at"] for it in self._happened("joined") if it["again"]), default=0.0)

    def _happened(self, event: str) -> list[Mapping[str, Any]]:
        """Return what the listeners noted of one kind: `joined`, `failed` or `lost`."""
        return [it for it in self.observed if it.get("event") == event]

    def _gaps(self) -> Iterator[Figure]:
        calm = m.outside(self._seconds, self._excluded())
        gap, visitors = m.longest_gap(calm), m.longest_gap(calm, "visitors_")
        yield Figure(BENCH, "longest gap, by arrivals", gap.arrival_ms, "ms", at_most=LONGEST_GAP_MS)
        yield Figure(BENCH, "longest gap, by missing media", gap.media_ms, "ms", at_most=LONGEST_GAP_MS)
        yield Figure(BENCH, "longest gap of a visitor", visitors.worst_ms, "ms")
        yield Figure(BENCH, "seconds judged so", len({it["second"] for it in calm}), "s", at_least=1)
        stalls = {it["stalled"]: it["ms"] for it in self.observed if "stalled" in it}
        stood = {second for second, ms in stalls.items() if ms > STALL_MS}
        # A gap belongs to the second in which it ended.
        blameless = [it for it in calm if not stood & {it["second"], it["second"] - 1}]
        yield Figure(BENCH, "longest stall of the machine", max(stalls.values(), default=0.0), "ms")
        yield Figure(BENCH, f"seconds with a stall above {STALL_MS:.0f} ms", len(stood), "s")
        gap = m.longest_gap(blameless)
        yield Figure(BENCH, "longest gap while the machine did not stall", gap.worst_ms, "ms", at_most=LONGEST_GAP_MS)
        silent = sum(it["silent"] for it in calm)
        yield Figure(BENCH, "listeners without a packet for a second", silent, "", at_most=0)

        for text in ("began more than 20 ms late", "worked for more than 20 ms", "were left out"):
            yield Figure(BENCH, f"engine's ticks that {text}, deaths included", self.slow_ticks.get(text, 0), "")

    def _deaths(self) -> Iterator[Figure]:
        bounds = {
            "engine killed": ENGINE_GAP_MS,
            "engine hung": HUNG_ENGINE_GAP_MS,
            **dict.fromkeys(("decoder killed", "decoder hung", "worker killed"), LONGEST_GAP_MS),
        }
        heard = self._excluded()
        for what, bound in bounds.items():
            windows = self._windows(what)
            others = [it for it in heard if it not in windows]
            gaps = [m.longest_gap(m.outside(m.inside(self._seconds, window), others)) for window in windows]
            yield Figure(BENCH, f"{what}, times", len(gaps), "")
            if gaps:
                worst = max(gaps, key=lambda gap: gap.worst_ms)
                yield Figure(BENCH, f"{what}: gap, median", statistics.median(it.worst_ms for it in gaps), "ms")
                yield Figure(BENCH, f"{what}: gap, worst", worst.worst_ms, "ms", at_most=bound)
        for role, caused, counted in self.restarts:
            yield Figure(BENCH, f"{role}: restarts counted, {caused} caused", counted, "", caused, caused)

    def _packets(self) -> Iterator[Figure]:
        calm = m.outside(self._seconds, self._excluded())
        counts = m.late_counts(calm)
        yield Figure(BENCH, "packets received", sum(it["packets"] for it in self._seconds), "packets")
        yield Figure(BENCH, "packets lost", sum(it["lost"] for it in calm), "packets", at_most=0)
        lost = sum(it["lost"] for it in self._seconds) - sum(it["lost"] for it in calm)
        yield Figure(BENCH, "packets lost while engine or control was dead", lost, "packets")
        dropped = self.status["dropped"]
        yield Figure(BENCH, "packets that the listeners' sockets had no room for", dropped, "packets", at_most=0)
        yield Figure(BENCH, "packets that can't be decrypted", self.status["undecryptable"], "packets", at_most=0)
        strangers = self.status["strangers"]
        yield Figure(BENCH, "packets for listeners who vanished, at ports used again", strangers, "packets")
        yield Figure(BENCH, "packets more than 20 ms late", m.later_than(counts, 20), "packets")
        yield Figure(BENCH, "packets more than 60 ms late", m.later_than(counts, 60), "packets", at_most=0)
        for percent in (50, 99, 99.9):
            yield Figure(BENCH, f"lateness of packets, {percent} %", m.late_percentile_ms(counts, percent), "ms")

    def _joins(self) -> Iterator[Figure]:
        restarts = [it for it in self.events if it.what == "control killed"]
        windows = [m.Window(it.at, (it.over or it.at) + BACK_SECONDS) for it in restarts]
        joins = self._happened("joined")
        again = [it["at"] for it in joins if it["again"]]
        lost = m.happened_outside(self._happened("lost"), windows)
        failed = Counter(
            reason
            for it in m.happened_outside(self._happened("failed"), windows)
            for reason in it["reasons"]
            if not reason.endswith("404")  # the room has ended meanwhile
        )
        yield Figure(BENCH, "joins", len(joins), "")
        yield Figure(BENCH, "joins that failed", failed.total(), "", at_most=0)
        for reason, count in failed.items():
            yield Figure(BENCH, f"joins that failed: {reason}", count, "")
        yield Figure(BENCH, "slowest join", max((it["seconds"] for it in joins), default=0.0), "s")
        yield Figure(BENCH, "listeners who stayed and lost their connection", len(lost), "", at_most=0)
        for event in restarts:
            yield Figure(BENCH, "control killed: ready again after", (event.over or event.at) - event.at, "s")
            if again:
                took = max(again) - event.at
                yield Figure(BENCH, "control killed: everybody is back after", took, "s", at_most=BACK_SECONDS)

    def _memory(self) -> Iterator[Figure]:
        start, end = self.last_half
        for role in ("control", "engine", "decoder"):
            for name, point in zip(("start", "end"), self.quiet, strict=False):
                text = f"memory of {role}, {name} of the last half"
                yield Figure(BENCH, text, point.figures.get(f"{role} memory", 0.0), "MB")
            if len(self.quiet) == 2:
                grown = self.quiet[1].figures.get(f"{role} memory", 0.0) - self.quiet[0].figures.get(
                    f"{role} memory", 0.0
                )
                bound = MOST_GROWTH_MB[role]
                yield Figure(BENCH, f"memory of {role}, growth in the last half", grown, "MB", at_most=bound)
            born = dict[int, float]()
            for it in self.samples:
                born.setdefault(it["pid"], it["at"])
            judged = [
                it
                for it in self.samples
                if it["role"] == role and start <= it["at"] <= end and it["at"] - born[it["pid"]] >= WARM_UP_SECONDS
            ]
            columns = ([it[name] for it in judged] for name in ("at", "memory_mb", "pid"))
            slope = m.slope(*columns)
            if slope is not None:
                text = f"memory of {role}, slope in the last half"
                yield Figure(BENCH, text, slope.per_hour, "MB/h")
                yield Figure(BENCH, f"{text}: standard error", slope.standard_error, "MB/h")
                limit = SLOPE_MB_PER_HOUR if end - start >= SLOPE_SECONDS else None
                yield Figure(BENCH, f"{text}: surely at least", slope.surely_at_least, "MB/h", at_most=limit)
        workers = Counter[float]()
        for it in self.samples:
            if it["role"] == "worker":
                workers[it["at"]] += it["memory_mb"]
        yield Figure(BENCH, "memory of all workers, most", max(workers.values(), default=0.0), "MB")

    def _flatness(self) -> Iterator[Figure]:
        if len(self.quiet) == 2:
            first, second = (point.figures for point in self.quiet)
            for name in first:
                bound = FLAT.get(name.split()[-1])
                if bound is not None:
                    yield Figure(BENCH, f"{name} at the quiet points, first", first[name], "")
                    grown = second.get(name, 0.0) - first[name]
                    yield Figure(BENCH, f"{name} at the quiet points, growth", grown, "", at_most=bound)

    def _service(self) -> Iterator[Figure]:
        errors = {it: count for it, count in self.answers.items() if it[0] >= 500}
        documented = sum(count for it, count in errors.items() if is_documented(*it))
        yield Figure(BENCH, "requests answered", sum(self.answers.values()), "")
        yield Figure(BENCH, "requests unanswered", len(self.unanswered), "", at_most=0)
        yield Figure(BENCH, "slowest answer", self.slowest_answer_seconds, "s")
        yield Figure(BENCH, "answers 5xx", sum(errors.values()) - documented, "", at_most=0)
        yield Figure(BENCH, "answers 503 and 504 with a code", documented, "")
        yield Figure(BENCH, "tracebacks", sum(bool(TRACEBACK.search(line)) for _, line in self.log), "", at_most=0)
        most = m.most_in_a_minute(at for at, line in self.log if LISTENER_LEFT not in line)
        yield Figure(BENCH, "log lines in the fullest minute, besides leavers", most, "", at_most=LOG_LINES_A_MINUTE)
        yield Figure(BENCH, "steps that failed", self.failed_steps, "", at_most=0)
        yield Figure(BENCH, "SIGTERM to the end", self.stop_seconds, "s", at_most=5.0)
