"""The composition root: builds the service, and owns every lifetime in it."""

import logging
import math
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType

from aiohttp import web

from rtc_drift.api.acceptor import Acceptor
from rtc_drift.api.connections import Connections, connection_limit
from rtc_drift.api.context import Context
from rtc_drift.api.forwarded import TrustedProxies
from rtc_drift.api.known_hosts import KnownHosts, names_of_this_host
from rtc_drift.api.listening import bind_settings, certificate_of, url_of
from rtc_drift.api.loop_meter import LoopMeter
from rtc_drift.api.routes import make_app
from rtc_drift.config import Settings, StartError, make_data_dir
from rtc_drift.engine.host.pool import EnginePool
from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.engine.protocol.messages import Health, SentCounts, ToControl, ToEngine
from rtc_drift.library import server_lock
from rtc_drift.library.catalogue import Catalogue
from rtc_drift.library.covers import Covers
from rtc_drift.library.file_lock import FileLock
from rtc_drift.library.folder_threads import FolderThreads
from rtc_drift.library.library import Library
from rtc_drift.library.resources import Resources
from rtc_drift.library.storage import Storage
from rtc_drift.library.track import legible
from rtc_drift.metrics import Metrics
from rtc_drift.selection.map_keeper import MapKeeper
from rtc_drift.selection.space_updater import SpaceUpdater
from rtc_drift.session_store import SessionStore, SessionTable
from rtc_drift.sessions import Sessions
from rtc_drift.signaling import Listeners
from rtc_drift.station.encoded_stream import EncodedStreams
from rtc_drift.station.planning import Planning
from rtc_drift.station.sources import Sources
from rtc_drift.stretching.lead_cache import LeadCache, WorkerLeadRenderer
from rtc_drift.webrtc.ice_policy import ice_policy
from rtc_drift.webrtc.open_port import open_port
from rtc_drift.webrtc.shared_port import SharedPort
from rtc_drift.workers import sandbox
from rtc_drift.workers.gathered import Gathered
from rtc_drift.workers.pool import Workers
from rtc_drift.workers.threads import Threads
from rtc_drift.workers.turns import Turns, has_few_cores

logger = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 2.0
ENCODING_THREADS = 2
"""Threads that encode mp3 and AAC: one of them is enough for some fifty programmes."""
GATHER_SECONDS = 0.2
"""Time within which further changes of the library are told to all stations as one: a scan makes a hundred a second."""


class Service:
    """Everything but the HTTP server: `async with Service(settings) as service`.

    Its parts are public, so that a session's mixer can be added to any peer connection:
    `pc.addTrack(service.sessions.master.track())`.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self._stack = AsyncExitStack()
        self._storage, self._files = Storage(), FolderThreads()
        pools = (Threads(name, 1) for name in ("feature space", "exploring", "stretched ends", "transitions"))
        self._spacing, self._exploring, self._lead_files, self._transitions = self._pools = tuple(pools)
        self._encoding = Threads("encoding", ENCODING_THREADS)
        self.encoded_streams = EncodedStreams(self._encoding)
        self._workers: list[Workers] = []
        self.stage = "the start"
        """Step that is being done while the service starts or closes."""
        self.library: Library
        self.spaces: SpaceUpdater
        self.map_keeper: MapKeeper
        self.lead_cache: LeadCache
        self.planning: Planning
        self.sessions: Sessions
        self.session_store: SessionStore
        self.listeners: Listeners
        self.engines: EnginePool
        self.shared_port: SharedPort | None = None

    async def __aenter__(self) -> "Service":
        async with AsyncExitStack() as stack:
            settings, few_cores = self.settings, has_few_cores()
            policy = ice_policy(settings)
            stack.push_async_callback(self._close_threads)
            await self._storage.run(make_data_dir, settings.data_dir)
            lock = await self._storage.run(_server_lock, settings.data_dir)
            stack.callback(lock.close)
            catalogue = await self._storage.run(Catalogue.open, settings.data_dir / "catalogue.sqlite")
            self._close_later(stack, "closing the catalogue", lambda: self._storage.close(catalogue.close))
            turns = Turns(lambda: few_cores and self._has_listeners())
            logger.info("%s", sandbox.describe())
            demo_folder, lead_folder = settings.data_dir / "demo", settings.data_dir / "leads"
            music = (*settings.music, demo_folder)
            workers = Workers(1, reads=music, turns=turns)
            # It touches names only, and the library that it uses opens folders itself.
            watching = Workers(1, is_confined=False, idle_seconds=math.inf)
            # A pool of their own: a stretched intro is needed within a minute, and analysing a file may take longer.
            rendering = Workers(1, reads=music, turns=turns)
            self._workers = [workers, watching, rendering]
            for pool in self._workers:
                self._close_later(stack, "ending the worker processes", pool.close)
            self.library = Library(
                Resources(catalogue, workers, self._storage, self._files, watching),
                music=settings.music,
                demo_folder=demo_folder,
                analyse=settings.analysis,
                target_lufs=settings.loudness,
                album_balance=settings.album_balance,
            )
            self._close_later(stack, "closing the library", self.library.close)

            renderer, threads = WorkerLeadRenderer(rendering), self._lead_files
            self.lead_cache = await threads.run(LeadCache, renderer, lead_folder, threads=threads)
            self._close_later(stack, "closing the stretched intros", self.lead_cache.close)

            ticks = TickClock(time.monotonic_ns())
            self.engines = EnginePool(
                settings.engines,
                ticks.epoch_ns,
                self._on_engine,
                self._restore,
                self._withhold_unready,
                settings.log_level,
                (*music, lead_folder),
            )
            self._close_later(stack, "ending engines and decoders", self.engines.close)
            self.spaces = SpaceUpdater(self.library, self._spacing)
            self.map_keeper = MapKeeper(self.spaces, self._exploring)
            self.planning = Planning(self.library, self._transitions)
            self.sessions = Sessions(
                self.library,
                Sources(self.library, self.spaces, self.lead_cache, self.planning, exploring=self._exploring),
                ticks,
                self.engines.send,
                seed=settings.seed,
                bitrate=settings.bitrate,
                limit=settings.max_sessions,
                follower_limit=settings.max_followers,
                idle_seconds=settings.idle_minutes * 60,
                cleanup_seconds=settings.cleanup_seconds,
            )
            self.spaces.on_change = self._space_changed
            self._close_later(stack, "closing the map", self.map_keeper.close)
            self._close_later(stack, "closing the feature space", self.spaces.close)
            changed = Gathered(self._library_changed, GATHER_SECONDS)
            stack.callback(changed.close)
            self.library.on_change = changed
            self.session_store = SessionStore(self.sessions, SessionTable(catalogue.database), self._storage)
            stack.push_async_callback(self.end_sessions)
            stack.push_async_callback(self.encoded_streams.close)
            self.shared_port = open_port(settings, policy, ticks, self.engines.send)
            if self.shared_port is not None:
                self._close_later(stack, "closing the UDP port", self.shared_port.close)
            self.listeners = Listeners(policy, self.metrics, settings.max_listeners, self.shared_port)
            self._close_later(stack, "closing the WebRTC listeners", self.listeners.close)

            self.engines.start()
            await self.library.start()
            self.spaces.start()
            await self.session_store.load()
            self.sessions.start()
            self.session_store.start()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _close_later(self, stack: AsyncExitStack, stage: str, close: Callable[[], Awaitable[None]]) -> None:
        async def closing() -> None:
            self.stage = stage
            await close()

        stack.push_async_callback(closing)

    async def _close_threads(self) -> None:
        await self._storage.close()
        self._files.close()
        for pool in (*self._pools, self._encoding):
            pool.close()

    @property
    def is_saved(self) -> bool:
        """True if nothing is lost when the process ends now."""
        return not hasattr(self, "session_store") or self.session_store.is_saved

    @property
    def hung(self) -> str:
        """Steps and folders that are not finished, for the log. Any thread may read it."""
        hung = [self.stage, *(f"reading {legible(folder)}" for folder in self._files.hung)]
        if self._storage.is_busy or self._lead_files.unfinished:
            hung.append(f"using {legible(self.settings.data_dir)}")
        return ", ".join(hung)

    def kill_processes(self) -> None:
        """Kill all child processes at once, also those that would not end by themselves. Any thread may call it."""
        engines = [*self.engines.pids, *self.engines.decoder_pids] if hasattr(self, "engines") else []
        for pid in (*engines, *(pid for pool in self._workers for pid in pool.pids)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _library_changed(self) -> None:
        self.spaces.changed()
        self.sessions.library_changed()

    def _space_changed(self) -> None:
        self.sessions.library_changed()
        self.map_keeper.prepare()

    def _has_listeners(self) -> bool:
        return any(station.has_listeners for station in self.sessions.stations())

    async def end_sessions(self) -> None:
        """Save all sessions and close their stations. Idempotent."""
        self.stage = "saving the sessions"
        await self.session_store.close()
        await self.sessions.close()

    def _restore(self) -> Iterator[ToEngine]:
        yield from self.sessions.restore()
        if self.shared_port is not None:
            yield from self.shared_port.restore()

    def _withhold_unready(self, is_concerned: Callable[[int], bool]) -> None:
        """Replace the plays that an engine never got ready before it died, in the stations that are concerned."""
        for station in self.sessions.stations():
            if is_concerned(station.playout.number):
                station.withhold_unready()

    def _on_engine(self, engine: int, message: ToControl) -> None:
        if isinstance(message, Health):
            self.metrics.engine_health(engine, message)
        elif isinstance(message, SentCounts):
            if self.shared_port is not None:
                self.shared_port.sent(message)
        else:
            self.sessions.on_engine(message)


def _server_lock(folder: Path) -> FileLock:
    """Take the data folder for this server. Raises StartError."""
    try:
        return server_lock.take(folder)
    except server_lock.FolderTakenError as error:
        raise StartError(str(error)) from None
    except OSError as error:
        raise StartError(f"The data folder {folder} can't be used ({error.strerror or error}).") from None


@asynccontextmanager
async def serving(settings: Settings, service: Service | None = None) -> AsyncIterator[tuple[Service, str]]:
    """Run the service behind its HTTP server; yields it and the server's URL. Raises StartError and ConfigError.

    A `service` that is given is new; whoever made it can see where it hangs.
    """
    certificate = certificate_of(settings)
    async with service or Service(settings) as service:
        context = Context(
            library=service.library,
            covers=Covers(),
            spaces=service.spaces,
            map_keeper=service.map_keeper,
            sessions=service.sessions,
            listeners=service.listeners,
            metrics=service.metrics,
            engines=service.engines,
            shared_port=service.shared_port,
            session_store=service.session_store,
            lead_cache=service.lead_cache,
            planning=service.planning,
            loop_meter=LoopMeter(),
            frontend=frontend_folder(),
            max_event_readers=settings.max_event_readers,
            encoded_streams=service.encoded_streams,
            burst_seconds=settings.burst_seconds,
            hosts=KnownHosts((settings.host, *settings.allow_host, *names_of_this_host())),
            proxies=TrustedProxies(settings.trusted_proxy),
        )
        # Handlers are cancelled when their client disconnects: no reader is kept until the next event.
        runner = web.AppRunner(make_app(context), shutdown_timeout=SHUTDOWN_SECONDS, handler_cancellation=True)
        await runner.setup()
        assert runner.server is not None
        # Stock peer connections have a socket each; the shared port is one for all.
        limit = connection_limit(settings.max_listeners if service.shared_port is None else 0)
        tls = None if certificate is None else lambda: certificate.context
        acceptor = Acceptor(Connections(runner.server, service.metrics, limit), tls=tls)
        try:
            context.loop_meter.start()
            acceptor.start(await bind_settings(settings))
            if certificate is not None:
                certificate.start()
            yield service, url_of(acceptor, settings)
            await service.end_sessions()
        finally:
            context.loop_meter.close()
            service.stage = "closing the HTTP server"
            if certificate is not None:
                await certificate.close()
            await acceptor.close()
            await runner.cleanup()
            context.playlists.close()
            await context.covers.close()


def frontend_folder() -> Path:
    """Return the folder of the page's files: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    return next(folder for folder in (package / "frontend", package.parent / "frontend") if folder.is_dir())
