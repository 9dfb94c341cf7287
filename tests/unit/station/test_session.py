"""Sessions: roles and keys, their clients, and their end."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.library.track import Track
from rtc_drift.selection.directions import Direction
from rtc_drift.selection.journey import QUEUE
from rtc_drift.selection.open_directions import ExploredDirection
from rtc_drift.station.session import MASTER, Session
from rtc_drift.station.sources import Sources
from rtc_drift.station.station import Station
from tests.support.events import kept_frames
from tests.support.fakes import FakeEngine, FakeLibrary
from tests.support.music import make_tracks


def make_station(session_id: str = "kitchen", tracks: Sequence[Track] | None = None) -> Station:
    library = FakeLibrary(*(tracks or make_tracks(9)))
    library.loved.add(next(iter(library.playable().values())).id)
    station = Station(
        session_id,
        1,
        library,  # type: ignore[arg-type]
        Sources(library),
        TickClock(0),
        FakeEngine().send,
        seed=1,
        bitrate=128_000,
    )
    station.commands.begin_with(next(iter(library.playable().values())).id, "calmer")
    return station


def leader_and_follower(clock: Callable[[], float] = lambda: 0.0) -> tuple[Session, Session]:
    station = make_station()
    leader = Session("kitchen", station, clock=clock)
    follower = Session("follower_ab12cd34", station, following="kitchen", name="The porch", clock=clock)
    station.count(followers=1)
    return leader, follower


def published(session: Session) -> list[bytes]:
    """Return all events of the session's station so far."""
    return kept_frames(session.station.hub)


def hello(session: Session) -> dict[str, Any]:
    """Return what the first event of a client's stream holds."""
    frame = b"".join(session.hello(allow_commands=True)).decode()
    head, data = frame.removesuffix("\n\n").split("\n")
    assert head == f"id: {session.station.hub.last_id}"
    event: dict[str, Any] = json.loads(data.removeprefix("data: "))
    return event


class TestRoles:
    def test_the_type_follows_from_leader_and_name(self) -> None:
        leader, follower = leader_and_follower()
        assert (leader.type, leader.name, leader.following) == ("named", "kitchen", None)
        assert (follower.type, follower.name, follower.following) == ("follower", "The porch", "kitchen")
        assert Session(MASTER, make_station(MASTER)).type == "master"

    def test_everybody_may_command_except_on_a_follower(self) -> None:
        leader, follower = leader_and_follower()
        for key in (None, "", "anything"):
            assert leader.may_command(key)
            assert not follower.may_command(key)

    def test_a_locked_session_accepts_its_key(self) -> None:
        leader, follower = leader_and_follower()
        key = leader.lock_with_new_key()
        assert leader.may_command(key)
        for wrong in (None, "", key[:-1], key + "x", key.swapcase(), leader.lock, "ключ"):
            assert not leader.may_command(wrong)
        assert not follower.may_command(key), "a follower never"

    def test_keys_are_stored_as_hashes_and_all_differ(self) -> None:
        one, two = leader_and_follower()[0], leader_and_follower()[0]
        keys = {one.lock_with_new_key(), two.lock_with_new_key(), one.lock_with_new_key()}
        assert len(keys) == 3
        assert all(len(key) >= 32 for key in keys)
        assert one.lock in {hashlib.sha256(key.encode()).hexdigest() for key in keys}
        assert sum(one.may_command(key) for key in keys) == 1, "a new key replaces the old one"

    def test_the_state_shows_what_a_client_may_do(self) -> None:
        leader, follower = leader_and_follower()
        leader.lock_with_new_key()
        with follower.client("ogg"):
            theirs, ours = follower.state(allow_commands=False), leader.state(allow_commands=True)
        assert (theirs.session_id, theirs.type, theirs.following_session) == (follower.id, "follower", "kitchen")
        assert (ours.session_id, ours.type, ours.following_session) == ("kitchen", "named", None)
        assert (theirs.allow_commands, ours.allow_commands, ours.locked) == (False, True, True)
        for state in (theirs, ours):
            assert (state.listeners, state.followers, state.direction, state.running) == (1, 1, "calmer", False)
            assert state.now_playing is not None
            assert (state.now_playing.track.title, state.now_playing.track.loved) == ("Track 1", True)
            assert state.library.tracks == 9

    def test_the_state_of_a_paused_session_has_a_queue_and_no_next(self) -> None:
        leader, _ = leader_and_follower()
        leader.station.commands.pause()
        leader.station.commands.enqueue(f"{5:016x}")
        state = leader.state(allow_commands=True)
        assert (state.paused_at, state.next) == (0, None)
        assert [track.title for track in state.queue] == ["Track 5"]

    def test_the_first_and_last_event_belong_to_the_requested_session(self) -> None:
        _, follower = leader_and_follower()
        assert hello(follower)["sessionId"] == follower.id
        farewell = follower.farewell("This room was closed.")
        assert (farewell.session_id, farewell.reason) == (follower.id, "This room was closed.")

    def test_a_hello_in_pieces_is_the_whole_state(self) -> None:
        leader, _ = leader_and_follower()
        for number in (5, 6, 5):
            leader.station.commands.enqueue(f"{number:016x}")
        samples = tuple(make_tracks(3))
        steers = [Direction(way, way, "calmer", 0, 1) for way in ("brighter", "darker")]
        leader.station.explorer = [ExploredDirection(each, 7, samples) for each in steers]
        state = leader.state(allow_commands=True)
        assert (len(state.queue), len(state.explorer)) == (3, 2)
        event = hello(leader)
        assert event["type"] == "hello"
        assert event["state"] == json.loads(state.model_dump_json(by_alias=True))

    def test_a_hello_is_never_held_as_a_whole(self) -> None:
        worst = [track.model_copy(update=dict.fromkeys(("title", "artist", "album", "genre"), "😀" * 500))
                 for track in make_tracks(QUEUE)]  # fmt: skip
        session = Session("kitchen", make_station(tracks=worst))
        for track in worst:
            session.station.commands.enqueue(track.id)
        pieces = [len(piece) for piece in session.hello(allow_commands=True)]
        assert sum(pieces) > 500_000
        assert max(pieces) < 8_000

    def test_a_queue_changed_by_the_library_is_published_before_a_hello(self) -> None:
        leader, _ = leader_and_follower()
        for number in (5, 6):
            leader.station.commands.enqueue(f"{number:016x}")
        before = hello(leader)["state"]
        library = leader.station._library
        assert isinstance(library, FakeLibrary)
        del library.tracks[f"{5:016x}"]
        after = hello(leader)["state"]
        change = json.loads(published(leader)[-1].split(b"data: ")[1])
        assert (change["type"], change["change"], change["position"]) == ("queue_changed", "removed", 0)
        assert change["revision"] == after["queueRevision"] == before["queueRevision"] + 1
        assert change["length"] == len(after["queue"]) == 1
        assert hello(leader)["state"]["queueRevision"] == after["queueRevision"]


class TestClients:
    def test_clients_count_per_session_and_listeners_per_station(self) -> None:
        leader, follower = leader_and_follower()
        with leader.client("webrtc"), follower.client("webrtc"), follower.client("ogg"), follower.client("events"):
            assert leader.clients == {"webrtc": 1, "ogg": 0, "encoded": 0, "events": 0}
            assert follower.clients == {"webrtc": 1, "ogg": 1, "encoded": 0, "events": 1}
            assert leader.listeners == follower.listeners == 3, "event readers are no listeners"
        assert leader.clients == follower.clients == {"webrtc": 0, "ogg": 0, "encoded": 0, "events": 0}
        assert leader.listeners == 0

    def test_a_failing_client_is_no_longer_counted(self) -> None:
        leader, _ = leader_and_follower()
        with pytest.raises(ConnectionError), leader.client("webrtc"):
            raise ConnectionError
        assert (leader.clients["webrtc"], leader.listeners) == (0, 0)

    def test_events_report_listeners_and_not_event_readers(self) -> None:
        leader, follower = leader_and_follower()
        before = len(published(leader))
        with follower.client("events"):
            assert len(published(leader)) == before
        with follower.client("ogg"):
            assert b'"count":1,"followers":1,"running":false' in published(leader)[-1]
        assert b'"count":0' in published(leader)[-1]
        assert len(published(leader)) == before + 2

    def test_only_clients_that_receive_audio_are_listeners(self) -> None:
        leader, follower = leader_and_follower()
        with leader.client("events"):
            assert not leader.station.has_listeners
        with follower.client("webrtc"):
            assert leader.station.has_listeners
        assert not leader.station.has_listeners

    def test_a_leader_is_used_by_all_clients_a_follower_by_its_own(self) -> None:
        leader, follower = leader_and_follower()
        assert (leader.is_used, follower.is_used) == (False, False)
        with leader.client("webrtc"):
            assert (leader.is_used, follower.is_used) == (True, False)
        with follower.client("ogg"):
            assert (leader.is_used, follower.is_used) == (True, True)
        with follower.client("events"), leader.station.hub.reader():
            assert (leader.is_used, follower.is_used) == (True, True)
        assert (leader.is_used, follower.is_used) == (False, False)

    def test_a_session_is_used_until_its_last_client_leaves(self) -> None:
        now = [100.0]
        leader, _ = leader_and_follower(lambda: now[0])
        with leader.client("events"):
            now[0] = 700.0
        assert leader.used_at == 700.0
        before = leader.last_access
        now[0] = 900.0
        leader.touch()
        assert leader.used_at == 900.0
        assert leader.last_access >= before


class TestEnd:
    def test_present_clients_get_the_reason_of_the_end(self) -> None:
        leader, _ = leader_and_follower()
        one, two, gone = list[str](), list[str](), list[str]()
        with leader.ending(gone.append):
            pass
        with leader.ending(one.append), leader.ending(two.append):
            leader.end("It was deleted.")
        assert (one, two, gone) == (["It was deleted."], ["It was deleted."], [])

    def test_a_late_client_gets_the_reason_at_once(self) -> None:
        leader, _ = leader_and_follower()
        leader.end("It was deleted.")
        reasons = list[str]()
        with leader.ending(reasons.append):
            assert reasons == ["It was deleted."]

    def test_a_client_may_end_another_while_the_session_ends(self) -> None:
        leader, _ = leader_and_follower()
        reasons = list[str]()
        inner = leader.ending(reasons.append)

        def leave(reason: str) -> None:
            reasons.append(reason)
            inner.__exit__(None, None, None)

        with leader.ending(leave):
            inner.__enter__()
            leader.end("It was deleted.")
        assert set(reasons) == {"It was deleted."}
