"""The loop of one target: change an input and run it; keep it if it reached something new, and yield it if it broke."""

import random
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.fuzz import corpus
from tests.fuzz.coverage import Coverage, Step
from tests.fuzz.mutate import mutated
from tests.fuzz.target import BrokenInvariantError, Target

MEASURE_EVERY = 50
"""Memory is measured of one input in so many, and of all that reach something new: it takes time."""
MAX_FINDS = 5
"""Finds after which a target is left: they are often the same one."""
SHRINK_TRIES = 40
RUNS_AGAIN = 3
"""Runs without tracing of an input that took too long: the shortest counts, as others use the machine too."""


@dataclass(frozen=True, slots=True)
class Find:
    """An input that broke what must hold."""

    data: bytes
    error: str
    """Type and message of what was raised."""
    trace: str


class Loop:
    """Fuzzes one target. `on_input` is called with every input before it runs, in case it ends the process."""

    def __init__(self, target: Target, seed: int, on_input: Callable[[bytes], None] = lambda _: None) -> None:
        self.runs = 0
        self.new_inputs = 0
        self._target = target
        self._rng = random.Random(f"{target.name} {seed}")
        self._on_input = on_input
        self._coverage = Coverage(target.watched)
        self._pool: list[bytes] = []
        self._errors = set[str]()

    @property
    def steps(self) -> int:
        """Number of steps from line to line that were reached."""
        return len(self._coverage.steps)

    def run_for(self, seconds: float) -> Iterator[Find]:
        """Run seeds and corpus, then changed inputs for a time; yield the finds."""
        end = time.monotonic() + seconds
        for data in (*self._target.seeds(), *corpus.inputs(self._target.name)):
            self._pool.append(data)
            if (find := self._try(data)) is not None:
                yield find
        while time.monotonic() < end and len(self._errors) < MAX_FINDS:
            data = self._changed()
            if (find := self._try(data, keeps=True)) is not None:
                yield find

    def _changed(self) -> bytes:
        # Half of the time one of the latest: it reached something that was not explored much yet.
        pool = self._pool[-16:] if self._rng.random() < 0.5 else self._pool
        data, other = self._rng.choice(pool), self._rng.choice(self._pool)
        return mutated(self._rng, data, other, self._target.tokens, self._target.max_bytes)

    def _try(self, data: bytes, keeps: bool = False) -> Find | None:
        self.runs += 1
        self._on_input(data)
        try:
            started = time.perf_counter()  # to ask for processor time takes longer than most inputs
            steps = self._coverage.reached(lambda: self._target.run(data))
            if time.perf_counter() - started > self._target.cpu_seconds:
                check_time(self._target, data)
            is_new = not steps <= self._coverage.steps
            if is_new or self.runs % MEASURE_EVERY == 0:
                check_memory(self._target, data)
            if is_new and keeps:
                self._keep(data, steps)
            self._coverage.steps |= steps
        except Exception as error:
            return self._found(data, error)
        return None

    def _keep(self, data: bytes, steps: set[Step]) -> None:
        """Keep an input that reached something new, made smaller where that still does."""
        new = steps - self._coverage.steps
        for _ in range(SHRINK_TRIES):
            start = self._rng.randint(0, len(data))
            less = data[:start] + data[start + self._rng.choice((1, 2, 8, 32, 128)) :]
            self._on_input(less)
            try:
                if len(less) < len(data) and new <= self._coverage.reached(lambda: self._target.run(less)):  # noqa: B023
                    data = less
            except Exception:
                break  # it will be found by itself
        self._pool.append(data)
        self.new_inputs += corpus.keep(self._target.name, data)

    def _found(self, data: bytes, error: Exception) -> Find | None:
        """Return the find, unless there was one from the same line before."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} {last.filename}:{last.lineno}"
        if isinstance(error, BrokenInvariantError):
            place = str(error)
        if place in self._errors:
            return None
        self._errors.add(place)
        return Find(data, f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)))


def check_time(target: Target, data: bytes) -> None:
    """Run an input some times without tracing. Raises BrokenInvariantError if it takes too long each time."""
    times = list[float]()
    for _ in range(RUNS_AGAIN):
        started = time.thread_time()
        target.run(data)
        times.append(time.thread_time() - started)
    if min(times) > target.cpu_seconds:
        raise BrokenInvariantError(f"It takes more than {target.cpu_seconds} s of processor time.")


def check_memory(target: Target, data: bytes) -> None:
    """Run an input. Raises BrokenInvariantError if it takes too much memory."""
    tracemalloc.start()
    try:
        target.run(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if peak > target.memory_bytes:
        raise BrokenInvariantError(f"It takes more than {target.memory_bytes >> 20} MiB of memory.")
