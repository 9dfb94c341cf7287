"""Fakes of what stations depend on: a library in memory, and an engine that keeps the messages it gets."""

from collections.abc import Collection, Sequence

from rtc_drift.analysis.model import Analysis
from rtc_drift.engine.protocol import messages as m
from rtc_drift.library.normalisation import Normalisation
from rtc_drift.library.status import LibraryStatus
from rtc_drift.library.track import Track
from rtc_drift.library.track_table import TrackTable


class FakeAnalyses(dict[str, Analysis]):
    """Analyses in memory, which can also be read as those of the catalogue are."""

    async def read(self, track_id: str) -> Analysis | None:
        """Return the analysis of a track, if there is one."""
        return self.get(track_id)


class FakeLibrary:
    """A library in memory. Tests may add and remove tracks and analyses."""

    def __init__(self, *tracks: Track) -> None:
        self.tracks = TrackTable(tracks)
        self.loved = set[str]()
        self.normalisation = Normalisation()
        self.analyses = FakeAnalyses()
        self.marked: list[tuple[str, bool]] = []
        """Tracks that were marked as unplayable: their id, and True if for good."""
        self.failed_positions: list[int | None] = []
        """Positions in the files of these tracks where their playback failed."""

    def playable(self) -> TrackTable:
        """Return all tracks."""
        return self.tracks

    def get(self, track_id: str) -> Track | None:
        """Return the track of an id, if it is there."""
        return self.tracks.get(track_id)

    def analysis(self, track_id: str) -> Analysis | None:
        """Return the analysis of a track, if there is one."""
        return self.analyses.get(track_id)

    async def read_analysis(self, track_id: str) -> Analysis | None:
        """Return the analysis of a track, if there is one."""
        return self.analyses.get(track_id)

    def has_analysis_at_hand(self, track_id: str) -> bool:
        """Return True if there is an analysis of the track."""
        return track_id in self.analyses

    async def find(self, query: str, *, limit: int, played: Collection[str] = ()) -> tuple[Sequence[Track], int]:
        """Return the tracks with `query` in their title, and how many there are."""
        found = [track for track in self.tracks.values() if query in track.title.casefold()]
        return found[:limit], len(found)

    async def wait_until_playable(self) -> None:
        """Return at once: there is music from the beginning."""

    def mark_unplayable(self, track: Track, reason: str, *, lasting: bool = True, position: int | None = None) -> None:
        """Note the mark, and remove the track."""
        self.marked.append((track.id, lasting))
        self.failed_positions.append(position)
        self.tracks.pop(track.id, None)

    def status(self) -> LibraryStatus:
        """Return the status of a library that was scanned and analysed."""
        count = len(self.tracks)
        return LibraryStatus(
            source="music",
            tracks=count,
            analysed=count,
            analysis_seconds_left=0,
            unplayable=0,
            scanning=False,
            done=0,
            total=0,
            notice=None,
            failures=0,
        )


class FakeEngine:
    """An engine that keeps the latest messages of each open station, and asserts that the station is open."""

    def __init__(self) -> None:
        self.open: dict[int, dict[type[m.ToCore], m.ToCore]] = {}
        """The latest message of each kind, by the number of the station."""

    def send(self, message: m.ToCore) -> None:
        """Take a message, as the engine does over its link."""
        if isinstance(message, m.OpenStation):
            assert message.station not in self.open
            self.open[message.station] = {}
        assert message.station in self.open, f"{message} for a station that is not open"
        self.open[message.station][type(message)] = message
        if isinstance(message, m.CloseStation):
            del self.open[message.station]
