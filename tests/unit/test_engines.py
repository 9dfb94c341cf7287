"""Several engines as one: each programme has its own, and all of them the sockets."""

import asyncio
from collections.abc import Callable, Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtc_drift.engine.host.pool import EnginePool
from rtc_drift.engine.protocol import messages as m


class Supervised:
    """In place of a supervisor: an engine that is up, and only notes what it is told."""

    made: list["Supervised"]

    def __init__(
        self,
        epoch_ns: int,
        on_message: Callable[[m.ToControl], None],
        restore: Callable[[], Iterable[m.ToEngine]],
        log_level: str,
    ) -> None:
        self.epoch_ns = epoch_ns
        self.say = on_message
        self.restore = restore
        self.log_level = log_level
        self.told: list[m.ToEngine] = []
        self.restarts = len(self.made)
        self.pid: int | None = None
        self.made.append(self)

    def start(self) -> None:
        self.pid = 100 + len(self.told) + self.made.index(self)

    def send(self, message: m.ToEngine) -> None:
        self.told.append(message)

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.pid = None


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Supervised]:
    Supervised.made = []
    monkeypatch.setattr("rtc_drift.engine.host.pool.EngineSupervisor", Supervised)
    return Supervised.made


def message_of(station: int, kind: int) -> m.ToEngine:
    address = ("127.0.0.1", 9)
    listener = m.AddListener(station, 1, 0, address, 1, 111, "", 0, 0, 7, "")
    messages: list[m.ToEngine] = [
        m.OpenStation(station, 128_000),
        m.SetClock(station, 0, None),
        m.CloseStation(station),
        m.SetPlays(station, ()),
        m.Subscribe(station, direct=True),
        listener,
        m.MoveListener(station, 1, 0, address),
        m.RemoveListener(station, 1),
        m.Resend(station, 1, (1,)),
    ]
    return messages[kind]


MESSAGES = st.lists(
    st.builds(message_of, st.integers(0, 50), st.integers(0, 8)) | st.builds(m.AddSocket, st.integers(0, 3), st.just(9))
)


@given(st.integers(1, 5), MESSAGES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_programme_is_one_engines_and_sockets_are_everybodys(
    made: list[Supervised], count: int, messages: list[m.ToEngine]
) -> None:
    made.clear()
    engines = EnginePool(count, 7, lambda number, message: None, lambda: messages)
    for message in messages:
        engines.send(message)
    for number, engine in enumerate(made):
        concerned = [it for it in messages if isinstance(it, m.AddSocket) or it.station % count == number]
        assert engine.told == concerned, "all that concerns it, in order, and nothing else"
        assert list(engine.restore()) == concerned, "and the same when it is started anew"


def test_what_is_said_comes_with_the_number_of_who_says_it(made: list[Supervised]) -> None:
    heard: list[tuple[int, m.ToControl]] = []
    engines = EnginePool(3, 7, lambda number, message: heard.append((number, message)), lambda: (), "DEBUG")
    for number in (2, 0, 1):
        made[number].say(m.DeckReady(number, number))
    assert heard == [(number, m.DeckReady(number, number)) for number in (2, 0, 1)]
    assert [(engine.epoch_ns, engine.log_level) for engine in made] == [(7, "DEBUG")] * 3
    assert engines.restarts == 0 + 1 + 2


def test_what_is_to_be_restored_is_asked_for_when_it_is_needed(made: list[Supervised]) -> None:
    now: list[m.ToEngine] = []
    EnginePool(2, 7, lambda number, message: None, lambda: now)
    now.append(m.CloseStation(3))
    assert [list(engine.restore()) for engine in made] == [[], [m.CloseStation(3)]]


async def test_all_are_started_and_ended(made: list[Supervised]) -> None:
    engines = EnginePool(3, 7, lambda number, message: None, lambda: ())
    assert (engines.pid, engines.pids) == (None, [])
    engines.start()
    assert (engines.pid, engines.pids) == (100, [100, 101, 102])
    made[0].pid = None
    assert (engines.pid, engines.pids) == (None, [101, 102])
    await engines.close()
    await engines.close()
    assert engines.pids == []
