"""When a programme runs, stands or is closed, by a clock that the test moves."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import RENDER_AHEAD, TICK_NS, TickClock
from rtc_drift.engine.protocol.plays import Play
from rtc_drift.media import BLOCK_SAMPLES, samples
from rtc_drift.station.playout import EXPECTATION_NS, HORIZON, LINGER_NS, PATIENCE_NS, Playout
from tests.unit.house import EngineDouble

PLAY = Play(1, "track", "/music/1.flac", 0, 0, samples(600), 1.0, 0, None)
MS = 1_000_000


class Stage:
    """A playout, its clock, and an engine that keeps what it is told."""

    def __init__(self, *, kept_ready: bool = False) -> None:
        self.ns = 5 * MS
        self.sent: list[m.ToCore] = []
        self.playout = Playout(
            3, TickClock(0), self.sent.append, bitrate=128_000, kept_ready=kept_ready, now_ns=lambda: self.ns
        )
        self.playout.set_plays((PLAY,))
        self.playout.settle()

    def told(self) -> list[str]:
        """The kinds of messages since the last time."""
        kinds = [type(message).__name__ for message in self.sent]
        self.sent.clear()
        return kinds

    def want(self, demand: bool) -> None:
        self.playout.want(m.Subscribe(3, packets=demand), demand=demand)
        self.playout.settle()

    def wait(self, ns: int) -> None:
        """Let time pass as the station does: it comes when something is due."""
        end = self.ns + ns
        while (due := self.playout.due_in_seconds()) is not None and self.ns + due * 1e9 <= end:
            self.ns += max(1, round(due * 1e9))
            self.playout.settle()
        self.ns = max(self.ns, end)
        self.playout.settle()


def test_nothing_is_sent_for_one_that_is_closed() -> None:
    stage = Stage()
    stage.playout.set_plays((PLAY, PLAY))
    stage.playout.want(m.Subscribe(3), demand=False)
    stage.wait(3600 * 1000 * MS)
    assert stage.told() == []
    assert list(stage.playout.restore()) == []
    assert stage.playout.now() == 0


def test_it_stands_when_somebody_is_expected_and_runs_when_the_decks_are_ready() -> None:
    stage = Stage()
    stage.playout.stand_at(samples(90))
    stage.playout.expect()
    stage.playout.settle()
    assert stage.sent[1] == m.SetClock(3, samples(90), None)
    assert stage.told() == ["OpenStation", "SetClock", "Subscribe", "SetPlays"]
    stage.want(True)
    assert not stage.playout.running, "its deck has nothing yet"
    stage.wait(100 * MS)
    assert stage.playout.now() == samples(90)
    stage.playout.deck_ready(1)
    assert stage.playout.settle(), "it has begun to run"
    assert stage.playout.running
    clock = stage.sent[-1]
    assert isinstance(clock, m.SetClock)
    assert (clock.media_time, clock.tick) == (samples(90), stage.ns // TICK_NS + 1)
    stage.wait(1000 * MS)
    assert abs(stage.playout.now() - samples(91)) < BLOCK_SAMPLES
    assert stage.playout.horizon == stage.playout.now() + HORIZON


def test_decks_that_have_nothing_are_not_waited_for_for_ever() -> None:
    stage = Stage()
    stage.want(True)
    stage.wait(PATIENCE_NS - MS)
    assert not stage.playout.running
    stage.wait(2 * MS)
    assert stage.playout.running


def test_a_named_one_closes_a_while_after_the_last_listener_and_goes_on_there() -> None:
    stage = Stage()
    stage.want(True)
    stage.playout.deck_ready(1)
    stage.playout.settle()
    stage.wait(10_000 * MS)
    stage.want(False)
    stage.wait(LINGER_NS - MS)
    assert stage.playout.running, "a page that is loaded anew finds it running"
    stage.told()
    stage.wait(EXPECTATION_NS)
    assert stage.told() == ["SetClock", "CloseStation"]
    stood = stage.playout.now()
    stage.wait(3600 * 1000 * MS)
    assert stage.playout.now() == stood
    stage.want(True)
    assert stage.sent[1] == m.SetClock(3, stood, None)
    stage.playout.deck_ready(1)
    stage.playout.settle()
    assert stage.playout.now() == stood


def test_one_that_is_kept_ready_stands_with_its_decks_open() -> None:
    stage = Stage(kept_ready=True)
    assert stage.told() == ["OpenStation", "SetClock", "Subscribe", "SetPlays"]
    stage.playout.deck_ready(1)
    stage.want(True)
    assert stage.playout.running, "at once"
    stage.want(False)
    before = stage.playout.now() + LINGER_NS * 48 // MS // 1000 * 1000
    stage.told()
    stage.wait(3600 * 1000 * MS)
    assert stage.told() == ["SetClock"]
    assert not stage.playout.running
    assert stage.playout.now() >= before * 0.99, "beyond what was rendered, where its decks are"


def test_one_that_does_not_come_after_all_is_not_waited_for() -> None:
    stage = Stage()
    stage.playout.expect()
    stage.playout.settle()
    stage.told()
    stage.wait(EXPECTATION_NS + MS)
    assert stage.told() == ["CloseStation"]


def test_one_that_stands_for_somebody_who_is_expected_stands_where_its_decks_are() -> None:
    stage = Stage()
    stage.want(True)
    stage.playout.deck_ready(1)
    stage.wait(10_000 * MS)
    stage.want(False)
    stage.wait(LINGER_NS - 1000 * MS)
    stage.playout.expect()
    stage.playout.settle()
    running = stage.playout.now()
    stage.wait(1000 * MS)
    assert not stage.playout.running
    assert stage.told()[-1] == "SetClock", "its decks are kept"
    rendered = running + samples(1) + RENDER_AHEAD * BLOCK_SAMPLES
    assert stage.playout.now() >= rendered, "decks can't go back to what is rendered"


class Machine(RuleBasedStateMachine):
    """Listeners come, go and are expected, decks get ready, engines die, plans change, time passes."""

    @initialize(kept_ready=st.booleans())
    def begin(self, kept_ready: bool) -> None:
        self.stage = Stage(kept_ready=kept_ready)
        self.engine = EngineDouble()
        self.kept_ready = kept_ready
        self.demand_since: int | None = None
        self.plays = 1
        self.before = (0, 0, False)

    @rule(demand=st.booleans())
    def audience(self, demand: bool) -> None:
        if demand != (self.demand_since is not None):
            self.demand_since = self.stage.ns if demand else None
        self.stage.want(demand)

    @rule()
    def expect(self) -> None:
        self.stage.playout.expect()
        self.stage.playout.settle()

    @rule()
    def plan(self) -> None:
        self.plays += 1
        now = self.stage.playout.now()
        self.stage.playout.set_plays((replace(PLAY, id=self.plays, start=now, end=now + samples(600)),))
        self.stage.playout.settle()

    @rule()
    def deck_ready(self) -> None:
        if self.known() is not None:
            self.stage.playout.deck_ready(self.plays)
            self.stage.playout.settle()
            assert self.stage.playout.running or self.demand_since is None

    @rule(ms=st.integers(0, 8_000))
    def wait(self, ms: int) -> None:
        self.stage.wait(ms * MS)

    @rule()
    def engine_restarts(self) -> None:
        self.stage.sent.clear()
        self.engine = EngineDouble()
        for message in self.stage.playout.restore():
            self.engine.send(message)

    def known(self) -> dict[type[m.ToCore], m.ToCore] | None:
        """What the engine knows of the programme; None when it is not open there."""
        for message in self.stage.sent:
            self.engine.send(message)
        self.stage.sent.clear()
        return self.engine.open.get(3)

    @invariant()
    def the_engine_knows_everything_that_is_to_be_played_and_for_whom(self) -> None:
        playout, known = self.stage.playout, self.known()
        assert (known is not None) == playout._open
        if known is not None:
            clock, schedule = known[m.SetClock], known[m.SetPlays]
            assert known[m.OpenStation] == m.OpenStation(3, 128_000)
            assert known[m.Subscribe] == m.Subscribe(3, packets=self.demand_since is not None)
            assert isinstance(schedule, m.SetPlays)
            assert [play.id for play in schedule.plays] == [self.plays]
            assert isinstance(clock, m.SetClock)
            assert (clock.tick is not None) == playout.running
            assert clock.tick is not None or clock.media_time == playout.now()

    @invariant()
    def media_time_never_goes_back_and_only_goes_on_while_it_runs(self) -> None:
        (ns, media_time, ran), playout = self.before, self.stage.playout
        now = playout.now()
        assert media_time <= now <= media_time + (self.stage.ns - ns) * 48 // MS + HORIZON + BLOCK_SAMPLES
        assert ran or playout.running or now == media_time
        self.before = (self.stage.ns, now, playout.running)

    @invariant()
    def it_is_what_those_who_are_there_need(self) -> None:
        playout, since = self.stage.playout, self.demand_since
        assert playout._open or (since is None and not self.kept_ready and not playout.running)
        if since is not None:
            assert playout.running or self.stage.ns <= since + PATIENCE_NS + MS, "who listens is not kept waiting"
        elif playout.running or (playout._open and not self.kept_ready):
            assert playout.due_in_seconds() is not None, "it will stop"


TestPlayout = Machine.TestCase
TestPlayout.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
