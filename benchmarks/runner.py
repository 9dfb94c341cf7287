"""The command line of all benches: run all, or those named, and print each figure as a JSON line."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from benchmarks.figures import Figure

Bench: TypeAlias = Callable[[], Awaitable[list[Figure]]]


def main(benches: Mapping[str, Bench], prog: str, description: str | None) -> None:
    """Run benches, and exit with 0 if every bound was reached, else with 1."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("names", metavar="NAME", nargs="*", choices=[*benches, []], help=", ".join(benches))
    names = parser.parse_args().names or list(benches)
    sys.exit(0 if asyncio.run(run_benches(benches, names)) else 1)


async def run_benches(benches: Mapping[str, Bench], names: list[str]) -> bool:
    """Print the figures of the named benches. Return False if a bound was not reached."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    reached = True
    for name in names:
        figures = await benches[name]()
        if not figures:
            print(f"{name}: skipped, what it needs is not installed", file=sys.stderr)
        for figure in figures:
            print(figure.line(), flush=True)
            reached &= figure.reached
    return reached
