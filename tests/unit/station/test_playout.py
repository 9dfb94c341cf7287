"""Playout: when a station runs, stands or is closed, on a manual clock."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import RENDER_AHEAD, TICK_NS, TickClock
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.media import BLOCK_SAMPLES, samples
from rtc_drift.station.playout import EXPECTATION_NS, HORIZON, LINGER_NS, PATIENCE_NS, Playout
from tests.support.fakes import FakeEngine

PLAY = Play(1, "track", "/music/1.flac", 0, 0, samples(600), 1.0, 0, None)
MS = 1_000_000


class PlayoutDriver:
    """A playout with its clock, and the messages to the engine."""

    def __init__(self, *, kept_ready: bool = False) -> None:
        self.ns = 5 * MS
        self.sent: list[m.ToCore] = []
        self.playout = Playout(
            3, TickClock(0), self.sent.append, bitrate=128_000, kept_ready=kept_ready, now_ns=lambda: self.ns
        )
        self.playout.set_plays((PLAY,))
        self.playout.settle()

    def new_messages(self) -> list[str]:
        """Return the kinds of messages since the last call."""
        kinds = [type(message).__name__ for message in self.sent]
        self.sent.clear()
        return kinds

    def want(self, demand: bool) -> None:
        """Set whether there are listeners."""
        self.playout.want(m.Subscribe(3, packets=demand), demand=demand)
        self.playout.settle()

    def wait(self, ns: int) -> None:
        """Let time pass, and settle whenever something is due, as the station does."""
        end = self.ns + ns
        while (due := self.playout.due_in_seconds()) is not None and self.ns + due * 1e9 <= end:
            self.ns += max(1, round(due * 1e9))
            self.playout.settle()
        self.ns = max(self.ns, end)
        self.playout.settle()


def test_plays_that_no_engine_got_ready_are_known() -> None:
    driver = PlayoutDriver(kept_ready=True)
    second = replace(PLAY, id=2)
    driver.playout.set_plays((PLAY, second))
    driver.playout.deck_ready(PLAY.id)
    list(driver.playout.restore())  # another engine
    assert not driver.playout.is_ready(PLAY.id)
    assert list(driver.playout.never_ready()) == [second]
    driver.playout.close()
    assert list(driver.playout.never_ready()) == [], "the engine has nothing of it"


def test_a_closed_station_sends_nothing_to_the_engine() -> None:
    driver = PlayoutDriver()
    driver.playout.set_plays((PLAY, PLAY))
    driver.playout.want(m.Subscribe(3), demand=False)
    driver.wait(3600 * 1000 * MS)
    assert driver.new_messages() == []
    assert list(driver.playout.restore()) == []
    assert driver.playout.now() == 0


def test_a_station_stands_for_an_expected_listener_and_runs_when_decks_are_ready() -> None:
    driver = PlayoutDriver()
    driver.playout.stand_at(samples(90))
    driver.playout.expect()
    driver.playout.settle()
    assert driver.sent[1] == m.SetClock(3, samples(90), None)
    assert driver.new_messages() == ["OpenStation", "SetClock", "Subscribe", "SetPlays"]
    driver.want(True)
    assert not driver.playout.running, "its deck is not ready"
    driver.wait(100 * MS)
    assert driver.playout.now() == samples(90)
    driver.playout.deck_ready(1)
    assert driver.playout.settle(), "it has started"
    assert driver.playout.running
    clock = driver.sent[-1]
    assert isinstance(clock, m.SetClock)
    assert (clock.media_time, clock.tick) == (samples(90), driver.ns // TICK_NS + 1)
    driver.wait(1000 * MS)
    assert abs(driver.playout.now() - samples(91)) < BLOCK_SAMPLES
    assert driver.playout.horizon == driver.playout.now() + HORIZON


def test_waiting_for_decks_is_limited() -> None:
    driver = PlayoutDriver()
    driver.want(True)
    driver.wait(PATIENCE_NS - MS)
    assert not driver.playout.running
    driver.wait(2 * MS)
    assert driver.playout.running


def test_a_named_station_closes_after_the_last_listener_and_continues_there() -> None:
    driver = PlayoutDriver()
    driver.want(True)
    driver.playout.deck_ready(1)
    driver.playout.settle()
    driver.wait(10_000 * MS)
    driver.want(False)
    driver.wait(LINGER_NS - MS)
    assert driver.playout.running, "a page that reloads finds it running"
    driver.new_messages()
    driver.wait(EXPECTATION_NS)
    assert driver.new_messages() == ["SetClock", "CloseStation"]
    stood = driver.playout.now()
    driver.wait(3600 * 1000 * MS)
    assert driver.playout.now() == stood
    driver.want(True)
    assert driver.sent[1] == m.SetClock(3, stood, None)
    driver.playout.deck_ready(1)
    driver.playout.settle()
    assert driver.playout.now() == stood


def test_a_station_kept_ready_stands_with_open_decks() -> None:
    driver = PlayoutDriver(kept_ready=True)
    assert driver.new_messages() == ["OpenStation", "SetClock", "Subscribe", "SetPlays"]
    driver.playout.deck_ready(1)
    driver.want(True)
    assert driver.playout.running, "at once"
    driver.want(False)
    before = driver.playout.now() + LINGER_NS * 48 // MS // 1000 * 1000
    driver.new_messages()
    driver.wait(3600 * 1000 * MS)
    assert driver.new_messages() == ["SetClock"]
    assert not driver.playout.running
    assert driver.playout.now() >= before * 0.99, "after the rendered audio, where its decks are"


def test_a_station_closes_if_the_expected_listener_does_not_come() -> None:
    driver = PlayoutDriver()
    driver.playout.expect()
    driver.playout.settle()
    driver.new_messages()
    driver.wait(EXPECTATION_NS + MS)
    assert driver.new_messages() == ["CloseStation"]


def test_a_station_stands_where_its_decks_are() -> None:
    driver = PlayoutDriver()
    driver.want(True)
    driver.playout.deck_ready(1)
    driver.wait(10_000 * MS)
    driver.want(False)
    driver.wait(LINGER_NS - 1000 * MS)
    driver.playout.expect()
    driver.playout.settle()
    running = driver.playout.now()
    driver.wait(1000 * MS)
    assert not driver.playout.running
    assert driver.new_messages()[-1] == "SetClock", "its decks stay open"
    rendered = running + samples(1) + RENDER_AHEAD * BLOCK_SAMPLES
    assert driver.playout.now() >= rendered, "decks can't go back"


class AnyPlayout(RuleBasedStateMachine):
    """Listeners join, leave and are expected, decks get ready, engines restart, plans change, time passes."""

    @initialize(kept_ready=st.booleans())
    def begin(self, kept_ready: bool) -> None:
        self.driver = PlayoutDriver(kept_ready=kept_ready)
        self.engine = FakeEngine()
        self.kept_ready = kept_ready
        self.demand_since: int | None = None
        self.plays = 1
        self.before = (0, 0, False)

    @rule(demand=st.booleans())
    def listeners_come_or_go(self, demand: bool) -> None:
        if demand != (self.demand_since is not None):
            self.demand_since = self.driver.ns if demand else None
        self.driver.want(demand)

    @rule()
    def expect(self) -> None:
        self.driver.playout.expect()
        self.driver.playout.settle()

    @rule()
    def plan(self) -> None:
        self.plays += 1
        now = self.driver.playout.now()
        self.driver.playout.set_plays((replace(PLAY, id=self.plays, start=now, end=now + samples(600)),))
        self.driver.playout.settle()

    @rule()
    def deck_ready(self) -> None:
        if self.known() is not None:
            self.driver.playout.deck_ready(self.plays)
            self.driver.playout.settle()
            assert self.driver.playout.running or self.demand_since is None

    @rule(ms=st.integers(0, 8_000))
    def wait(self, ms: int) -> None:
        self.driver.wait(ms * MS)

    @rule()
    def engine_restarts(self) -> None:
        self.driver.sent.clear()
        self.engine = FakeEngine()
        for message in self.driver.playout.restore():
            self.engine.send(message)

    def known(self) -> dict[type[m.ToCore], m.ToCore] | None:
        """Return the engine's messages of the station; None if it is not open there."""
        for message in self.driver.sent:
            self.engine.send(message)
        self.driver.sent.clear()
        return self.engine.open.get(3)

    @invariant()
    def the_engine_knows_plays_and_subscriptions(self) -> None:
        playout, known = self.driver.playout, self.known()
        assert (known is not None) == playout._open
        if known is not None:
            clock, plays = known[m.SetClock], known[m.SetPlays]
            assert known[m.OpenStation] == m.OpenStation(3, 128_000)
            assert known[m.Subscribe] == m.Subscribe(3, packets=self.demand_since is not None)
            assert isinstance(plays, m.SetPlays)
            assert [play.id for play in plays.plays] == [self.plays]
            assert isinstance(clock, m.SetClock)
            assert (clock.tick is not None) == playout.running
            assert clock.tick is not None or clock.media_time == playout.now()

    @invariant()
    def media_time_advances_only_while_running(self) -> None:
        (ns, media_time, ran), playout = self.before, self.driver.playout
        now = playout.now()
        assert media_time <= now <= media_time + (self.driver.ns - ns) * 48 // MS + HORIZON + BLOCK_SAMPLES
        assert ran or playout.running or now == media_time
        self.before = (self.driver.ns, now, playout.running)

    @invariant()
    def it_runs_for_listeners_and_stops_without(self) -> None:
        playout, since = self.driver.playout, self.demand_since
        assert playout._open or (since is None and not self.kept_ready and not playout.running)
        if since is not None:
            assert playout.running or self.driver.ns <= since + PATIENCE_NS + MS, "listeners do not wait longer"
        elif playout.running or (playout._open and not self.kept_ready):
            assert playout.due_in_seconds() is not None, "it will stop"


TestPlayout = AnyPlayout.TestCase
TestPlayout.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
