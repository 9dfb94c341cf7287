"""The parts of the service that request handlers use."""

from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from rtc_drift.api.forwarded import TrustedProxies
from rtc_drift.api.known_hosts import KnownHosts
from rtc_drift.api.link_limit import LinkLimit
from rtc_drift.api.loop_meter import LoopMeter
from rtc_drift.engine.host.pool import EnginePool
from rtc_drift.library.covers import Covers
from rtc_drift.library.library import Library
from rtc_drift.library.playlist_search import Playlists
from rtc_drift.metrics import Metrics
from rtc_drift.selection.map_keeper import MapKeeper
from rtc_drift.selection.space_updater import SpaceUpdater
from rtc_drift.session_store import SessionStore
from rtc_drift.sessions import Sessions
from rtc_drift.signaling import Listeners
from rtc_drift.station.encoded_stream import EncodedStreams
from rtc_drift.station.planning import Planning
from rtc_drift.station.session import Session
from rtc_drift.stretching.lead_cache import LeadCache
from rtc_drift.webrtc.shared_port import SharedPort


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of the service that request handlers use."""

    library: Library
    covers: Covers
    spaces: SpaceUpdater
    map_keeper: MapKeeper
    sessions: Sessions
    listeners: Listeners
    metrics: Metrics
    engines: EnginePool
    shared_port: SharedPort | None
    """The shared UDP port; None if every listener has a port of its own."""
    session_store: SessionStore
    lead_cache: LeadCache
    """The stretched intros of all stations."""
    planning: Planning
    """The planning of all stations."""
    loop_meter: LoopMeter
    frontend: Path
    max_event_readers: int
    """Event streams at once of each station."""
    hosts: KnownHosts
    encoded_streams: EncodedStreams
    """The programmes as mp3 and AAC."""
    burst_seconds: float
    """Length of what a reader of a stream gets at once at its start, as far as it is kept."""
    link_limit: LinkLimit = field(default_factory=LinkLimit)
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    playlists: Playlists = field(default_factory=Playlists)


CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)


def context(request: web.Request) -> Context:
    """Return the service behind a request."""
    return request.app[CONTEXT]


def session_of(request: web.Request) -> Session:
    """Return the session named in the path, and note its use. Raises NoSuchSessionError."""
    session = context(request).sessions.find(request.match_info["session_id"])
    session.touch()
    return session
