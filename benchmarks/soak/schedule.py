"""The schedule of a soak: what is done when. It follows from length and seed alone, so that a run can be repeated."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

QUIET_SECONDS = 40.0
"""Length of a quiet point: vanished listeners are noticed in 28 s, idle workers end after 10 s."""
RECOVERY_SECONDS = 20.0
"""Time between the end of control and the first quiet point."""
SHORTEST_SECONDS = 180.0
FIRST_SECONDS = 5.0
LEAST_PAUSE, MOST_PAUSE = 32.0, 120.0
"""Bounds of the time between two deaths, in seconds. After two deaths of the engine within 30 s plays are withheld."""
DEATHS = ("kill engine", "kill decoder", "kill worker")
HANGS = ("stop engine", "stop decoder")
DEATHS_PER_HOUR_LATER = 1.0
"""Deaths of engine or decoder per hour in the last half, in which their memory is measured."""

COMMANDS = {
    "next track": 6,
    "next track now": 4,
    "direction": 4,
    "queue": 3,
    "seek": 4,
    "previous": 2,
    "pause": 2,
    "love": 1,
    "reset drift": 1,
    "look": 8,
}
"""Commands and requests by weight: about one a second."""
DISTURBANCES = {
    "make room": 3,
    "follow": 3,
    "end room": 4,
    "Ogg reader": 3,
    "event reader": 4,
    "Ogg reader that stops": 1,
    "event reader that stops": 1,
    "half a request": 1,
    "damage playing": 2,
    "damage": 2,
    "delete": 2,
    "put back": 6,
    "shift clock": 2,
}
"""Everything else but deaths, by weight: about one in three seconds."""
COMMAND_SECONDS, DISTURBANCE_SECONDS = 1.0, 3.0


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """Something to do at a time, in seconds since the start; `seed` is for the choices that it makes."""

    at: float
    action: str
    seed: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """All steps in order, and the two quiet points: seconds at which they begin. In between is the last half."""

    seconds: float
    first_quiet: float
    second_quiet: float
    steps: tuple[Step, ...]

    def lines(self) -> Iterator[str]:
        """Yield the schedule as text, a line for each step."""
        quiet = [Step(self.first_quiet, "quiet", 0), Step(self.second_quiet, "quiet", 0)]
        for step in sorted([*self.steps, *quiet]):
            yield f"{step.at:10.2f} {step.action} {step.seed}"


def schedule(seconds: float, seed: int) -> Schedule:
    """Make the schedule of a soak. Raises ValueError if it is too short."""
    if seconds < SHORTEST_SECONDS:
        raise ValueError(f"a soak takes at least {SHORTEST_SECONDS / 60:.0f} minutes")
    random = Random(seed)
    second_quiet = seconds - QUIET_SECONDS
    control_dies = max(30.0, seconds / 2 - RECOVERY_SECONDS - QUIET_SECONDS)
    first_quiet = control_dies + RECOVERY_SECONDS
    last_half = (first_quiet + QUIET_SECONDS, second_quiet)
    busy = ((FIRST_SECONDS, control_dies), last_half)
    steps = [Step(control_dies, "kill control", 0)]
    for start, end in busy:
        steps += _often(random, COMMANDS, COMMAND_SECONDS, start, end)
        steps += _often(random, DISTURBANCES, DISTURBANCE_SECONDS, start, end)
    steps += _deaths(random, FIRST_SECONDS, control_dies - 10, seconds)
    steps += _later_deaths(random, *last_half)
    return Schedule(seconds, first_quiet, second_quiet, tuple(sorted(steps)))


def _often(random: Random, weights: dict[str, int], mean: float, start: float, end: float) -> Iterator[Step]:
    at = start
    while (at := at + random.expovariate(1 / mean)) < end:
        (action,) = random.choices(list(weights), list(weights.values()))
        yield Step(round(at, 2), action, random.getrandbits(32))


def _deaths(random: Random, start: float, end: float, seconds: float) -> Iterator[Step]:
    """Yield each kind of death in turn, in random order, a hang of each kind among them, at least a pause apart."""
    pause = min(max(LEAST_PAUSE, seconds / 40), MOST_PAUSE)
    hangs, at = list(HANGS), start
    while True:
        kinds: Sequence[str] = [*DEATHS, *([hangs.pop(0)] if hangs and at > start else [])]
        for action in random.sample(kinds, len(kinds)):
            if at >= end:
                return
            yield Step(round(at, 2), action, random.getrandbits(32))
            at += pause * random.uniform(1.0, 1.5)


def _later_deaths(random: Random, start: float, end: float) -> Iterator[Step]:
    """Yield deaths of workers, and a few of engine and decoder where a run is long enough to tell memory still."""
    at = start
    while (at := at + MOST_PAUSE * random.uniform(1.0, 1.5)) < end - 10:
        yield Step(round(at, 2), "kill worker", random.getrandbits(32))
    for number in range(int((end - start) / 3600 * DEATHS_PER_HOUR_LATER)):
        action = ("kill engine", "kill decoder")[number % 2]
        yield Step(round(start + 3600 * (number + random.uniform(0.2, 0.8)), 2), action, random.getrandbits(32))
