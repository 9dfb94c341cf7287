"""The priority of the engine's thread: real-time if allowed, and given up before it starves others."""

from dataclasses import dataclass, field

import pytest

from rtc_drift.engine.priority import TickPriority


@dataclass
class Core:
    """A core with the CPU time of the thread, and the requests to the system."""

    allowed: bool = True
    cpu: int = 0
    now: int = 0
    asked: list[bool] = field(default_factory=list)

    def set_real_time(self, real_time: bool) -> None:
        if not self.allowed:
            raise PermissionError
        self.asked.append(real_time)

    def second(self, priority: TickPriority, share: float) -> None:
        self.now += 1_000_000_000
        self.cpu += int(share * 1e9)
        priority.adjust()


@pytest.fixture(autouse=True)
def niceness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the niceness of the tests' own process."""
    monkeypatch.setattr("os.setpriority", lambda *_: None)


def priority_on(core: Core) -> TickPriority:
    return TickPriority(core.set_real_time, lambda: core.cpu, lambda: core.now)


def test_real_time_is_kept_while_there_is_time_left() -> None:
    core = Core()
    priority = priority_on(core)
    for share in (0.1, 0.9, 0.5):
        core.second(priority, share)
    assert core.asked == [True]


def test_a_busy_thread_gives_up_real_time_until_it_is_calm() -> None:
    core = Core()
    priority = priority_on(core)
    for share in (0.95, 0.95, 0.85, 0.85, 0.7, 0.7):
        core.second(priority, share)
    assert core.asked == [True, False, True]
    assert priority.is_real_time


def test_refused_real_time_is_not_requested_again() -> None:
    core = Core(allowed=False)
    priority = priority_on(core)
    core.allowed = True
    for share in (0.95, 0.1):
        core.second(priority, share)
    assert core.asked == []
    assert priority.is_real_time is None
