"""Saved sessions: the state and the history of a station, as they come back from a damaged or foreign database."""

from collections.abc import Iterable

from rtc_drift.station.snapshot import SavedStation, history_text, state_text
from tests.fuzz.target import Target, pack, require, unpack
from tests.support.autodj_driver import AutoDjDriver
from tests.support.music import make_tracks

TRACKS = 6
STEPS = 200
"""Most times that the DJ is woken within SECONDS: more would be a busy loop."""
SECONDS = 70


class SavedSessions(Target):
    """`station.snapshot`, and the DJ that goes on from it."""

    name = "saved"
    watched = (
        "station/snapshot.py",
        "station/autodj.py",
        "station/programme.py",
        "station/planner.py",
        "station/play_log.py",
    )
    tokens = (
        *(
            b'"media_time":',
            b'"entries":[]',
            b'"paused_at":0',
            b'"paused_at":null',
            b'"next_play_id":',
            b'"queue":["',
            b'"draws":',
        ),
        *(
            b'"0000000000000001"',
            b'"0000000000000002"',
            b'"heard":[',
            b'"trail":[',
            b'"direction":"brighter"',
            b'"lead":{"path":""',
        ),
    )
    max_bytes = 16 * 1024
    cpu_seconds = 0.5
    weight = 2

    def seeds(self) -> Iterable[bytes]:
        """Return states of stations at several moments."""
        driver = AutoDjDriver(*make_tracks(TRACKS))
        yield self._saved(driver)
        driver.run_for(10)
        yield self._saved(driver)
        driver.commands.enqueue(list(driver.library.playable())[3])
        driver.commands.next_track()
        yield self._saved(driver)
        driver.run_for(50)
        driver.commands.pause()
        driver.run_for(1)
        yield self._saved(driver)

    def _saved(self, driver: AutoDjDriver) -> bytes:
        autodj = driver.autodj
        return pack(state_text(autodj.snapshot()).encode(), history_text(autodj.journey.history).encode())

    def run(self, data: bytes) -> None:
        """Restore a station and let it play."""
        state, history, *_ = (*unpack(data), b"", b"")
        try:
            saved = SavedStation(state.decode("utf-8", "replace"), history.decode("utf-8", "replace"))
        except ValueError:
            return  # the session begins anew
        driver = AutoDjDriver(*make_tracks(TRACKS), running=False)
        driver.timeline.time = saved.media_time
        driver.autodj.restore(saved.snapshot(driver.library.get), saved.history)
        driver.autodj.advance()
        driver.timeline.running = True
        end, wakes = driver.now + SECONDS * 48_000, 0
        while driver.now < end and wakes < STEPS:
            driver.timeline.time = min(end, max(driver.now + 1, driver.autodj.advance()))
            wakes += 1
        require(wakes < STEPS, "the DJ is woken without end")
        for command in (driver.commands.pause, driver.commands.resume, driver.commands.next_track):
            try:
                command()
            except Exception as error:
                require(type(error).__module__.startswith("rtc_drift.station"), "a command fails")
            driver.autodj.advance()
        for play in driver.timeline.schedules[-1] if driver.timeline.schedules else ():
            require(play.offset >= 0 and play.start <= play.end, "a play that can't be played")
        saved_again = SavedStation(*(text.decode() for text in unpack(self._saved(driver))))
        require(saved_again.media_time == driver.now, "another state when saved again")
