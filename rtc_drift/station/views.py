"""Tracks, transitions and sessions as clients see them: camelCase JSON."""

from collections.abc import Container
from dataclasses import asdict
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from rtc_drift.library.status import LibraryStatus
from rtc_drift.library.track import Track
from rtc_drift.mixing.model import Style, Transition
from rtc_drift.selection.choice import Why
from rtc_drift.selection.open_directions import Open
from rtc_drift.station.programme import Entry


class Wire(BaseModel):
    """What crosses the HTTP door: camelCase, frozen, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class TrackInfo(Wire):
    """A track as clients see it: no path."""

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
        """`loved` holds the ids of the loved tracks."""
        return cls(**track.model_dump(include=set(cls.model_fields)), loved=track.id in loved)


class TransitionInfo(Wire):
    """How one track gives way to the next."""

    kind: str
    """What it is for."""
    style: Style
    """What it sounds like."""
    duration_samples: int
    bars: int
    """Of the overlap, 0 where it isn't counted in bars."""
    tempo_ratio: float
    """Speed at which the next track is played while both are heard."""
    reasons: list[str]

    @classmethod
    def of(cls, transition: Transition) -> "TransitionInfo":
        return cls(
            kind=transition.kind,
            style=transition.style,
            duration_samples=transition.duration,
            bars=transition.bars,
            tempo_ratio=transition.ratio,
            reasons=list(transition.reasons),
        )


class PlayingTrack(Wire):
    """What is on the air: at media time `m` the file's sample `offset_samples + m - starts_at` is heard."""

    track: TrackInfo
    starts_at: int
    offset_samples: int


class WhyInfo(Wire):
    """What a choice weighed: how the next track differs from the one before."""

    direction: str | None
    """Where somebody steers; null when the music drifts by itself."""
    progress: float
    """How much further along the direction, or the drift's own heading, in spreads of the library."""
    distance: float
    """How far in everything else: 0 = alike, about 1 = drawn by lot."""
    key_distance: int | None
    """Steps on the Camelot wheel."""
    bpm_change: float | None
    lufs_change: float

    @classmethod
    def of(cls, why: Why | None) -> "WhyInfo | None":
        return None if why is None else cls(**asdict(why))


class OpenDirection(Wire):
    """A direction as seen from the track that is playing."""

    direction: str
    opposite: str
    label: str
    discovered: bool
    count: int
    """How many tracks lie clearly that way and were not heard."""
    tracks: list[TrackInfo]
    """The first few that would be chosen."""

    @classmethod
    def of(cls, it: Open, loved: Container[str]) -> "OpenDirection":
        return cls(
            direction=it.direction.id,
            opposite=it.direction.opposite,
            label=it.direction.label,
            discovered=it.direction.is_discovered,
            count=it.count,
            tracks=[TrackInfo.of(track, loved) for track in it.samples],
        )


class PlannedTrack(Wire):
    """What comes next, when its first sample is heard, and why it was chosen."""

    track: TrackInfo
    starts_at: int
    reason: str
    why: WhyInfo | None
    """Null where it was not chosen by how it sounds."""
    transition: TransitionInfo


def playing(entry: Entry, loved: Container[str]) -> PlayingTrack:
    """An entry of the programme as clients see it while it is on the air."""
    track = TrackInfo.of(entry.track, loved)
    return PlayingTrack(track=track, starts_at=entry.play.start, offset_samples=entry.play.offset)


def planned(entry: Entry, loved: Container[str]) -> PlannedTrack:
    """An entry of the programme as clients see it before it starts."""
    transition = TransitionInfo.of(entry.transition)
    return PlannedTrack(
        track=TrackInfo.of(entry.track, loved),
        starts_at=entry.play.start,
        reason=entry.reason,
        why=WhyInfo.of(entry.why),
        transition=transition,
    )


class SessionState(Wire):
    """The whole state of a session, for `hello` and `GET /api/session/info`."""

    session_id: str
    type: Literal["master", "named", "follower"]
    allow_commands: bool
    """Whether the one who asked may command: not on a follower, nor on a locked session without its key."""
    following_session: str | None
    locked: bool
    now_playing: PlayingTrack | None
    paused_at: int | None
    """The media time from which on it is paused: what is playing stays where it was then."""
    next: PlannedTrack | None
    direction: str | None
    explorer: list[OpenDirection]
    """Empty as long as nobody knows how the track that is playing sounds."""
    queue: list[TrackInfo]
    """What was queued and has not started."""
    listeners: int
    """Of the programme, those of its followers included."""
    followers: int
    running: bool
    """Whether media time advances: a mixer that nobody hears stands still."""
    library: LibraryStatus
    version: str
