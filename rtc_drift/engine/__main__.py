"""The engine process. Control starts it: `python -m rtc_drift.engine --fd N --sockets-fd M --epoch-ns T`.

It ends when control closes its socket. It has one thread: the decks read what the decoder process has decoded.
"""

import argparse
import gc
import os
import select
import signal
import socket
import time
from typing import cast

from rtc_drift.engine.core import EngineCore
from rtc_drift.engine.decks import Decks
from rtc_drift.engine.fanout import Fanout
from rtc_drift.engine.health import HealthMeter
from rtc_drift.engine.link import EngineLink, LinkClosedError
from rtc_drift.engine.priority import TickPriority
from rtc_drift.engine.protocol import messages as m
from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.workers import sandbox
from rtc_drift.workers.log_lines import log_to_stderr


class Engine:
    """The engine's parts: decks; the core, which renders stations; the fan-out, which sends packets to listeners."""

    def __init__(self, sockets: socket.socket) -> None:
        """Create an engine without stations. UDP sockets, and sockets to decoders, arrive through `sockets`."""
        self.fanout = Fanout()
        self.decks = Decks()
        self.core = EngineCore(self.decks.open, self.fanout.send)
        self._sockets = sockets

    def handle(self, message: m.ToEngine, tick: int) -> None:
        """Carry out a message of control, before tick number `tick`."""
        if isinstance(message, m.AddSocket):
            self.fanout.add_socket(message.number, self._receive_socket())
        elif isinstance(message, m.RemoveSocket):
            self.fanout.remove_socket(message.number)
        elif isinstance(message, m.AddDecoder):
            self.decks.connect(self._receive_socket())
        elif isinstance(message, m.DecoderDied):
            self.decks.decoder_died(crashed=message.crashed)
        elif isinstance(message, m.AddListener | m.MoveListener | m.RemoveListener | m.Resend):
            self.fanout.handle(message)
        else:
            self.core.handle(message, tick)

    def close(self) -> None:
        """Close all stations and all sockets."""
        self.core.close()
        self.decks.close()
        self.fanout.close()

    def _receive_socket(self) -> socket.socket:
        _, (fd,), _, _ = socket.recv_fds(self._sockets, 1, 1)
        return socket.socket(fileno=fd)


def run(link: EngineLink, engine: Engine, clock: TickClock, priority: TickPriority) -> None:
    """Run ticks until control closes the link."""
    core = engine.core
    meter = HealthMeter()
    tick, step = clock.tick_at(time.monotonic_ns()) + 1, 1
    start_ns = clock.due_ns(tick)
    try:
        while True:
            if not _handle_messages_until(link, engine, tick, start_ns, step):
                tick, step = clock.tick_at(time.monotonic_ns()) + 1, 1
                start_ns = clock.due_ns(tick)
                continue
            started_ns, waited_ns = time.monotonic_ns(), engine.fanout.waited_ns
            for message in core.run_tick(tick):
                link.send(message)
            link.flush()
            step = core.step
            following, start_ns = clock.following(tick, started_ns, step)
            for message in core.render_ahead(following - step + 1, step):
                link.send(message)
            engine.decks.flush()
            worked_ns = time.monotonic_ns() - started_ns - (engine.fanout.waited_ns - waited_ns)
            meter.record(started_ns - clock.due_ns(tick), worked_ns, following - tick - step)
            if meter.is_due(started_ns):
                priority.adjust()
                link.send(meter.report(tick, core.starved_blocks, link.dropped_messages))
                link.send(engine.fanout.report())
            tick = following
    except LinkClosedError:
        pass
    finally:
        engine.close()


def _handle_messages_until(link: EngineLink, engine: Engine, tick: int, deadline_ns: int, step: int) -> bool:
    """Carry out control's messages until the tick that starts at `deadline_ns`, and return True.

    Return False if that tick must start sooner: ticks were `step` apart, and a message needs an earlier one.
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
    """Set up the process and run the engine until control closes its socket."""
    parser = argparse.ArgumentParser(prog="python -m rtc_drift.engine", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="inherited stream socket to control")
    parser.add_argument("--sockets-fd", type=int, required=True, help="inherited socket that brings other sockets")
    parser.add_argument("--epoch-ns", type=int, required=True, help="monotonic time of tick 0")
    parser.add_argument("--log-level", default="INFO", help="such as INFO or DEBUG")
    sandbox.add_options(parser)
    arguments = parser.parse_args()
    sandbox.end_with(arguments.parent)
    log_to_stderr(arguments.log_level, "engine", "%(levelname)s engine: %(message)s")
    # Ctrl-C in a terminal reaches the whole process group, but only control ends the engine.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    priority = TickPriority()
    gc.collect()
    gc.freeze()
    # `select` takes descriptors below 1024 only; a control process with many sockets passes a higher one.
    low_fd = os.dup(arguments.fd)
    os.close(arguments.fd)
    with socket.socket(fileno=low_fd) as sock, socket.socket(fileno=arguments.sockets_fd) as sockets:
        run(EngineLink(sock), Engine(sockets), TickClock(arguments.epoch_ns), priority)


if __name__ == "__main__":
    main()
