"""`python -m benchmarks [NAME…]`: run all benches, or those named, and print each figure as a JSON line."""

import argparse
import asyncio
import sys

from benchmarks import chromium, cost, sessions, startup

BENCHES = {
    "session": cost.session_alone,
    "listeners": cost.fifty_listeners,
    "punctuality": cost.busy_control,
    "sessions": sessions.many_sessions,
    "idle": sessions.idle_sessions,
    "create": sessions.create_to_first_packet,
    "events": sessions.many_events,
    "startup": startup.startup_and_memory,
    "chromium": chromium.page_listens,
}


async def run(names: list[str]) -> bool:
    """Run benches one after the other; True when every bound was reached."""
    reached = True
    for name in names:
        figures = await BENCHES[name]()
        if not figures:
            print(f"{name}: skipped, Chromium is not installed", file=sys.stderr)
        for figure in figures:
            print(figure.line(), flush=True)
            reached &= figure.reached
    return reached


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", choices=[*BENCHES, []], help=", ".join(BENCHES))
    names = parser.parse_args().names or list(BENCHES)
    sys.exit(0 if asyncio.run(run(names)) else 1)


if __name__ == "__main__":
    main()
