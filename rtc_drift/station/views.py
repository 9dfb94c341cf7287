"""Tracks, transitions and sessions as clients see them: camelCase JSON."""

from collections.abc import Container
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from rtc_drift.library.status import LibraryStatus
from rtc_drift.library.track import Track
from rtc_drift.mixing.model import Style, Transition
from rtc_drift.selection.choice import Why
from rtc_drift.selection.open_directions import ExploredDirection
from rtc_drift.station.entry import Entry

TEXT_CHARACTERS = 200
"""Greatest length of each text of a track as clients see it."""


class Wire(BaseModel):
    """A model that crosses HTTP: camelCase, frozen, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class TrackInfo(Wire):
    """A track as clients see it, without its path."""

    id: str
    title: str
    artist: str
    album: str
    genre: str
    year: int | None
    duration_seconds: float
    has_cover: bool
    integrated_lufs: float
    loved: bool

    @classmethod
    def of(cls, track: Track, loved: Container[str]) -> "TrackInfo":
        """Show a track; `loved` holds the ids of the loved tracks."""
        return cls(
            id=track.id,
            title=cut(track.title),
            artist=cut(track.artist),
            album=cut(track.album),
            genre=cut(track.genre),
            year=track.year,
            duration_seconds=track.duration_seconds,
            has_cover=track.has_cover,
            integrated_lufs=track.integrated_lufs,
            loved=track.id in loved,
        )


def cut(text: str) -> str:
    """Return a text as clients see it: at most `TEXT_CHARACTERS` long."""
    return text if len(text) <= TEXT_CHARACTERS else text[: TEXT_CHARACTERS - 1] + "…"


class TransitionInfo(Wire):
    """The way one track gives way to the next."""

    kind: str
    """The occasion: `crossfade`, `skip`, `seek` …"""
    style: Style
    """The sound: `beat-matched`, `cut`, `blend` …"""
    duration_samples: int
    bars: int
    """Length of the overlap in bars; 0 if it is not on the beat."""
    tempo_ratio: float
    """Mean speed of the next track during the overlap; 1 = its own tempo."""
    outgoing_tempo_ratio: float
    """The same of the track before it."""
    reasons: list[str]

    @classmethod
    def of(cls, transition: Transition) -> "TransitionInfo":
        """Show a transition."""
        return cls(
            kind=transition.kind,
            style=transition.style,
            duration_samples=transition.duration,
            bars=transition.bars,
            tempo_ratio=transition.ratio,
            outgoing_tempo_ratio=transition.outgoing_ratio,
            reasons=list(transition.reasons),
        )


class WhyInfo(Wire):
    """The figures of a choice: how the next track differs from the one before."""

    direction: str | None
    """The direction of the choice; null if the music drifts on its own."""
    progress: float
    """Distance along the direction, or along the drift's heading, in spreads of the library."""
    distance: float
    """Distance in everything else: 0 = alike, about 1 = as two tracks drawn at random."""
    key_distance: int | None
    """Steps on the Camelot wheel."""
    bpm_change: float | None
    lufs_change: float

    @classmethod
    def of(cls, why: Why | None) -> "WhyInfo | None":
        """Show the figures of a choice, if there are any."""
        return None if why is None else cls(**asdict(why))


class PlayingTrack(Wire):
    """The track on the air.

    At media time `m` it is at the file's sample `offset_samples + m - starts_at`, or where its position map says.
    """

    track: TrackInfo
    starts_at: int
    offset_samples: int
    position_map: tuple[tuple[int, int], ...] | None = None
    """Media times and samples of the file, straight between; null if it is never heard at another tempo."""
    reason: str
    """The reason for which it plays."""
    why: WhyInfo | None
    """Null if it was not chosen by sound."""

    @classmethod
    def of(cls, entry: Entry, loved: Container[str]) -> "PlayingTrack":
        """Show an entry of the programme that is on the air."""
        return cls(
            track=TrackInfo.of(entry.track, loved),
            starts_at=entry.play.start,
            offset_samples=entry.play.offset,
            position_map=entry.position_map,
            reason=entry.full_reason,
            why=WhyInfo.of(entry.why),
        )


class OpenDirection(Wire):
    """A direction as seen from the track that is playing."""

    direction: str
    opposite: str
    label: str
    discovered: bool
    count: int
    """Number of tracks that lie clearly that way and may come."""
    tracks: list[TrackInfo]
    """The first few of them, in the order in which they would be chosen."""

    @classmethod
    def of(cls, it: ExploredDirection, loved: Container[str]) -> "OpenDirection":
        """Show an open direction."""
        return cls(
            direction=it.direction.id,
            opposite=it.direction.opposite,
            label=it.direction.label,
            discovered=it.direction.is_discovered,
            count=it.count,
            tracks=[TrackInfo.of(track, loved) for track in it.samples],
        )


class PlannedTrack(Wire):
    """The next track, the media time of its first sample, and why it was chosen."""

    track: TrackInfo
    starts_at: int
    reason: str
    why: WhyInfo | None
    """Null if it was not chosen by sound."""
    transition: TransitionInfo

    @classmethod
    def of(cls, entry: Entry, loved: Container[str]) -> "PlannedTrack":
        """Show an entry of the programme before it starts."""
        return cls(
            track=TrackInfo.of(entry.track, loved),
            starts_at=entry.play.start,
            reason=entry.full_reason,
            why=WhyInfo.of(entry.why),
            transition=TransitionInfo.of(entry.transition),
        )


class PlayedTrack(Wire):
    """A track that was played, and when it started."""

    track: TrackInfo
    started_at: datetime | None
    """Null if it is not known."""

    @classmethod
    def of(cls, track: Track, at: int | None, loved: Container[str]) -> "PlayedTrack":
        """Show a track that started `at` so many seconds after 1970."""
        started_at = None if at is None else datetime.fromtimestamp(at, UTC)
        return cls(track=TrackInfo.of(track, loved), started_at=started_at)


class QueuedTrack(TrackInfo):
    """A queued track."""

    entry_id: int
    """The id of its entry in the queue, for `queue-remove` and `queue-move`."""

    @classmethod
    def at(cls, entry_id: int, track: Track, loved: Container[str]) -> "QueuedTrack":
        """Show a track as an entry of the queue."""
        return cls(**dict(TrackInfo.of(track, loved)), entry_id=entry_id)


class SessionState(Wire):
    """The whole state of a session, for `hello` and `GET /api/session/info`."""

    session_id: str
    type: Literal["master", "named", "follower"]
    allow_commands: bool
    """True if the client may command: not on a follower, nor on a locked session without its key."""
    following_session: str | None
    locked: bool
    now_playing: PlayingTrack | None
    paused_at: int | None
    """The media time at which it was paused; the position stays as it was then."""
    next: PlannedTrack | None
    direction: str | None
    listeners: int
    """Number of listeners of the programme, those of its followers included."""
    followers: int
    running: bool
    """True while media time advances; without listeners it stands."""
    library: LibraryStatus
    version: str
    queue_revision: int
    """Number of changes of the queue so far: each `queue_changed` holds the number after it."""
    played: list[PlayedTrack]
    """The last 30 tracks played before the present one, oldest first."""
    # These two come last: `station.hello` relies on it.
    explorer: list[OpenDirection]
    """Empty until the track on the air is analysed."""
    queue: list[QueuedTrack]
    """Queued tracks that have not started."""
