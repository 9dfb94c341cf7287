"""What stations need of the rest of the house: a library in memory, and an engine that only keeps what it is told."""

from collections.abc import Sequence

from rtc_drift.analysis import Analysis
from rtc_drift.engine.protocol import messages as m
from rtc_drift.library.normalisation import Normalisation
from rtc_drift.library.status import LibraryStatus
from rtc_drift.library.track import Track
from tests.music import make_track


class Shelf:
    """A library in memory that never changes."""

    def __init__(self, count: int = 9) -> None:
        self._tracks = {track.id: track for track in (make_track(number) for number in range(1, count + 1))}
        self.loved = set[str]()
        self.normalisation = Normalisation()
        self.analyses = dict[str, Analysis]()

    def playable(self) -> Sequence[Track]:
        return tuple(self._tracks.values())

    def get(self, track_id: str) -> Track | None:
        return self._tracks.get(track_id)

    def analysis(self, track_id: str) -> Analysis | None:
        return self.analyses.get(track_id)

    async def find(self, query: str) -> Sequence[Track]:
        return [track for track in self._tracks.values() if query in track.title.casefold()]

    async def wait_until_playable(self) -> None:
        pass

    def mark_unplayable(self, track: Track, reason: str, *, lasting: bool = True) -> None:
        raise AssertionError("every file is fine")

    def status(self) -> LibraryStatus:
        count = len(self._tracks)
        return LibraryStatus(
            source="music",
            tracks=count,
            analysed=count,
            unplayable=0,
            scanning=False,
            done=0,
            total=0,
            notice=None,
            failures=0,
        )


class EngineDouble:
    """What an engine would know of its programmes, by the messages it gets. Refuses those for one that is not open."""

    def __init__(self) -> None:
        self.open: dict[int, dict[type[m.ToCore], m.ToCore]] = {}
        """The latest message of each kind, by the programme's number."""

    def send(self, message: m.ToCore) -> None:
        if isinstance(message, m.OpenStation):
            assert message.station not in self.open
            self.open[message.station] = {}
        assert message.station in self.open, f"{message} for a programme that is not open"
        self.open[message.station][type(message)] = message
        if isinstance(message, m.CloseStation):
            del self.open[message.station]
