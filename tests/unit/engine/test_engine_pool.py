"""Several engines as one: each station belongs to one, and all have the sockets."""

import asyncio
import socket
from collections.abc import Callable, Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtc_drift.engine.host.pool import EnginePool
from rtc_drift.engine.protocol import messages as m


class FakeSupervisor:
    """A supervisor whose engine runs, and which records its messages."""

    made: list["FakeSupervisor"]

    def __init__(
        self,
        epoch_ns: int,
        on_message: Callable[[m.ToControl], None],
        restore: Callable[[], Iterable[m.ToEngine]],
        on_repeated_death: Callable[[], None],
        log_level: str,
    ) -> None:
        self.die_again = on_repeated_death
        self.epoch_ns = epoch_ns
        self.say = on_message
        self.restore = restore
        self.log_level = log_level
        self.sent: list[m.ToEngine] = []
        self.restarts = len(self.made)
        self.pid: int | None = None
        self.made.append(self)

    def start(self) -> None:
        self.pid = 100 + len(self.sent) + self.made.index(self)

    def send(self, message: m.ToEngine) -> None:
        self.sent.append(message)

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.pid = None


class FakeDecoder:
    """A supervisor whose decoder is not ready unless a test says so."""

    made: list["FakeDecoder"]

    def __init__(self, on_ready: Callable[[], None], on_death: Callable[[bool], None], log_level: str) -> None:
        self.say_ready = on_ready
        self.say_dead = on_death
        self.ends: list[socket.socket] = []
        self.is_ready = False
        self.restarts = 10 * (len(self.made) + 1)
        self.pid: int | None = None
        self.made.append(self)

    def start(self) -> None:
        self.pid = 200 + self.made.index(self)

    def connect(self) -> socket.socket | None:
        if not self.is_ready:
            return None
        ours, theirs = socket.socketpair()
        self.ends.append(ours)
        return theirs

    async def close(self) -> None:
        for end in self.ends:
            end.close()
        self.pid = None


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[FakeSupervisor]:
    FakeSupervisor.made = []
    monkeypatch.setattr("rtc_drift.engine.host.pool.EngineSupervisor", FakeSupervisor)
    monkeypatch.setattr("rtc_drift.engine.host.pool.DecoderSupervisor", FakeDecoder)
    FakeDecoder.made = []
    return FakeSupervisor.made


def message_of(station: int, kind: int) -> m.ToEngine:
    address = ("127.0.0.1", 9)
    listener = m.AddListener(station, 1, 0, address, 1, 111, "", 0, 0, 7, "")
    messages: list[m.ToEngine] = [
        m.OpenStation(station, 128_000),
        m.SetClock(station, 0, None),
        m.CloseStation(station),
        m.SetPlays(station, ()),
        m.Subscribe(station, rtp=True),
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
def test_each_station_belongs_to_one_engine_and_sockets_to_all(
    made: list[FakeSupervisor], count: int, messages: list[m.ToEngine]
) -> None:
    made.clear()
    engines = EnginePool(count, 7, lambda number, message: None, lambda: messages)
    for message in messages:
        engines.send(message)
    for number, engine in enumerate(made):
        for_all = (m.AddSocket, m.RemoveSocket, m.AddDecoder, m.DecoderDied)
        concerned = [it for it in messages if isinstance(it, for_all) or it.station % count == number]
        assert engine.sent == concerned, "all messages of its stations, in order, and no others"
        assert list(engine.restore()) == concerned, "and the same after a restart"


def test_messages_come_with_the_number_of_their_engine(made: list[FakeSupervisor]) -> None:
    received: list[tuple[int, m.ToControl]] = []
    on_message = lambda number, message: received.append((number, message))  # noqa: E731
    engines = EnginePool(3, 7, on_message, lambda: (), log_level="DEBUG")
    for number in (2, 0, 1):
        made[number].say(m.DeckReady(number, number))
    assert received == [(number, m.DeckReady(number, number)) for number in (2, 0, 1)]
    assert [(engine.epoch_ns, engine.log_level) for engine in made] == [(7, "DEBUG")] * 3
    assert engines.restarts == 0 + 1 + 2


def test_the_state_to_restore_is_read_when_it_is_needed(made: list[FakeSupervisor]) -> None:
    now: list[m.ToEngine] = []
    EnginePool(2, 7, lambda number, message: None, lambda: now)
    now.append(m.CloseStation(3))
    assert [list(engine.restore()) for engine in made] == [[], [m.CloseStation(3)]]


async def test_all_are_started_and_ended(made: list[FakeSupervisor]) -> None:
    engines = EnginePool(3, 7, lambda number, message: None, lambda: ())
    assert (engines.pid, engines.pids) == (None, [])
    engines.start()
    assert (engines.pid, engines.pids) == (100, [100, 101, 102])
    made[0].pid = None
    assert (engines.pid, engines.pids) == (None, [101, 102])
    assert engines.decoder_pids == [200, 201, 202]
    assert engines.decoder_restarts == 10 + 20 + 30
    await engines.close()
    await engines.close()
    assert engines.pids == engines.decoder_pids == []


def test_an_engine_that_dies_again_tells_which_stations_it_has(made: list[FakeSupervisor]) -> None:
    told: list[list[int]] = []
    EnginePool(
        3,
        7,
        lambda number, message: None,
        lambda: (),
        lambda is_in: told.append([station for station in range(7) if is_in(station)]),
    )
    made[1].die_again()
    assert told == [[1, 4]]


async def test_a_new_decoder_and_a_new_engine_are_connected_with_each_other(made: list[FakeSupervisor]) -> None:
    engines = EnginePool(2, 7, lambda number, message: None, lambda: [m.CloseStation(1)])
    assert [type(it) for it in made[1].restore()] == [m.CloseStation], "the decoder is not ready"
    decoder = FakeDecoder.made[1]
    decoder.say_dead(True)
    decoder.is_ready = True
    decoder.say_ready()
    died, sent = made[1].sent
    assert died == m.DecoderDied(crashed=True)
    assert isinstance(sent, m.AddDecoder)
    assert made[0].sent == [], "each engine has a decoder of its own"
    assert [type(it) for it in made[1].restore()] == [m.AddDecoder, m.CloseStation]
    assert [end.recv(1) for end in decoder.ends] == [b"", b""], "control keeps no end of it"
    await engines.close()
