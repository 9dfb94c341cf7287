"""`python -m rtc_drift.engine --fd N --sockets-fd M --epoch-ns T`: the media process. Control starts it; nobody else
should.

It ends when its socket does. Ticks run on the main thread; every deck decodes in a thread of its own.
"""

import argparse
import gc
import logging
import os
import select
import signal
import socket
import sys
import time
from typing import cast

from rtc_drift.engine.core import EngineCore
from rtc_drift.engine.fanout import Fanout
from rtc_drift.engine.health import HealthMeter
from rtc_drift.engine.link import EngineLink, LinkClosedError
from rtc_drift.engine.priority import TickPriority
from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import TickClock

SWITCH_INTERVAL_SECONDS = 0.0005
"""How long a decoder's thread may keep the interpreter when the tick wants it (Python's default is 5 ms)."""


class Engine:
    """What messages are for: programmes are rendered by the core, and sent to listeners by the fan-out."""

    def __init__(self, sockets: socket.socket) -> None:
        """`sockets`: where the sockets to send from arrive."""
        self.fanout = Fanout()
        self.core = EngineCore(self.fanout.send)
        self._sockets = sockets

    def handle(self, message: m.ToEngine, tick: int) -> None:
        """Carry out what control says, before tick number `tick`."""
        if isinstance(message, m.AddSocket):
            _, (fd,), _, _ = socket.recv_fds(self._sockets, 1, 1)
            self.fanout.add_socket(message.number, socket.socket(fileno=fd))
        elif isinstance(message, m.AddListener | m.MoveListener | m.RemoveListener | m.Resend):
            self.fanout.handle(message)
        else:
            self.core.handle(message, tick)

    def close(self) -> None:
        """End all programmes and let the sockets go."""
        self.core.close()
        self.fanout.close()


def run(link: EngineLink, engine: Engine, clock: TickClock, priority: TickPriority) -> None:
    """Tick until control closes the link."""
    core = engine.core
    meter = HealthMeter()
    tick, step = clock.tick_at(time.monotonic_ns()) + 1, 1
    start_ns = clock.due_ns(tick)
    try:
        while True:
            if not _receive_until(link, engine, tick, start_ns, step):
                tick, step = clock.tick_at(time.monotonic_ns()) + 1, 1
                start_ns = clock.due_ns(tick)
                continue
            started_ns, waited_ns = time.monotonic_ns(), engine.fanout.waited_ns
            for message in core.due(tick):
                link.send(message)
            link.flush()
            step = core.step
            following, start_ns = clock.following(tick, started_ns, step)
            for message in core.prepare(following - step + 1, step):
                link.send(message)
            worked_ns = time.monotonic_ns() - started_ns - (engine.fanout.waited_ns - waited_ns)
            meter.ticked(started_ns - clock.due_ns(tick), worked_ns, following - tick - step)
            if meter.due(started_ns):
                priority.review()
                link.send(meter.report(core.starved_blocks, link.dropped_messages))
                link.send(engine.fanout.report())
            tick = following
    except LinkClosedError:
        pass
    finally:
        engine.close()


def _receive_until(link: EngineLink, engine: Engine, tick: int, deadline_ns: int, step: int) -> bool:
    """Carry out what control says until the next tick is to start.

    False when it must start sooner: ticks were `step` apart, and now somebody wants something earlier.
    """
    link.flush()
    while True:
        remaining = max(0, deadline_ns - time.monotonic_ns()) / 1e9
        readable, _, _ = select.select([link.socket], [], [], remaining)
        for message in link.receive() if readable else ():
            engine.handle(cast(m.ToEngine, message), tick)
        if time.monotonic_ns() >= deadline_ns:
            return True
        if engine.core.step < step:
            return False


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m rtc_drift.engine", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="inherited stream socket to control")
    parser.add_argument("--sockets-fd", type=int, required=True, help="inherited stream socket that brings UDP sockets")
    parser.add_argument("--epoch-ns", type=int, required=True, help="monotonic time of tick 0")
    parser.add_argument("--log-level", default="INFO")
    arguments = parser.parse_args()
    logging.basicConfig(level=arguments.log_level.upper(), format="%(levelname)s engine: %(message)s")
    # Ctrl-C in a terminal reaches the whole group; the engine goes when control lets it go.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    priority = TickPriority()
    gc.collect()
    gc.freeze()
    # `select` takes numbers below 1024, and a busy control hands down a higher one.
    low = os.dup(arguments.fd)
    os.close(arguments.fd)
    with socket.socket(fileno=low) as sock, socket.socket(fileno=arguments.sockets_fd) as sockets:
        run(EngineLink(sock), Engine(sockets), TickClock(arguments.epoch_ns), priority)


if __name__ == "__main__":
    main()
