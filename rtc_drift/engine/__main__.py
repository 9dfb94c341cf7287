"""`python -m rtc_drift.engine --fd N --epoch-ns T`: the media process. Control starts it; nobody else should.

It ends when its socket does. Ticks run on the main thread; every deck decodes in a thread of its own.
"""

import argparse
import contextlib
import gc
import logging
import os
import select
import signal
import socket
import sys
import time
from typing import cast

from rtc_drift.engine import messages as m
from rtc_drift.engine.core import EngineCore
from rtc_drift.engine.endpoint import EngineLink, LinkClosedError
from rtc_drift.engine.health import HealthMeter
from rtc_drift.engine.schedule import TickSchedule

SWITCH_INTERVAL_SECONDS = 0.0005
"""How long a decoder's thread may keep the interpreter when the tick wants it (Python's default is 5 ms)."""
PRIORITY = -11
"""Niceness, where the system allows it: audio before everything else on this machine."""


def run(link: EngineLink, schedule: TickSchedule) -> None:
    """Tick until control closes the link."""
    core = EngineCore()
    meter = HealthMeter()
    tick, step = schedule.tick_at(time.monotonic_ns()) + 1, 1
    start_ns = schedule.due_ns(tick)
    try:
        while True:
            if not _receive_until(link, core, tick, start_ns, step):
                tick, step = schedule.tick_at(time.monotonic_ns()) + 1, 1
                start_ns = schedule.due_ns(tick)
                continue
            started_ns = time.monotonic_ns()
            for message in core.due(tick):
                link.send(message)
            link.flush()
            step = core.step
            following, start_ns = schedule.following(tick, started_ns, step)
            for message in core.prepare(following - step + 1, step):
                link.send(message)
            meter.ticked(started_ns - schedule.due_ns(tick), time.monotonic_ns() - started_ns, following - tick - step)
            if meter.due(started_ns):
                link.send(meter.report(core.starved_blocks, link.dropped_messages))
            tick = following
    except LinkClosedError:
        pass
    finally:
        core.close()


def _receive_until(link: EngineLink, core: EngineCore, tick: int, deadline_ns: int, step: int) -> bool:
    """Carry out what control says until the next tick is to start.

    False when it must start sooner: ticks were `step` apart, and now somebody wants something earlier.
    """
    link.flush()
    while True:
        remaining = max(0, deadline_ns - time.monotonic_ns()) / 1e9
        readable, _, _ = select.select([link.socket], [], [], remaining)
        for message in link.receive() if readable else ():
            core.handle(cast(m.ToEngine, message), tick)
        if time.monotonic_ns() >= deadline_ns:
            return True
        if core.step < step:
            return False


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m rtc_drift.engine", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="inherited stream socket to control")
    parser.add_argument("--epoch-ns", type=int, required=True, help="monotonic time of tick 0")
    parser.add_argument("--log-level", default="INFO")
    arguments = parser.parse_args()
    logging.basicConfig(level=arguments.log_level.upper(), format="%(levelname)s engine: %(message)s")
    # Ctrl-C in a terminal reaches the whole group; the engine goes when control lets it go.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    gc.collect()
    gc.freeze()
    # `select` takes numbers below 1024, and a busy control hands down a higher one.
    low = os.dup(arguments.fd)
    os.close(arguments.fd)
    with socket.socket(fileno=low) as sock:
        run(EngineLink(sock), TickSchedule(arguments.epoch_ns))


if __name__ == "__main__":
    main()
