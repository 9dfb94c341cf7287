"""Compare two checkouts, and the engine with and without real-time rights, in paired runs of sessions on one core.

`python -m benchmarks.paired_sessions --other CHECKOUT` runs the server of this checkout and of the other one in turn,
with its own `.venv`. Without `--other` only the rights differ. Each figure is a JSON line, medians of all rounds.
"""

import argparse
import asyncio
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.server import THIS, Launch
from benchmarks.sessions import BOUND, Playing, playing

VALUES = {
    "CPU per session-second": "ms",
    "tick lateness, median": "ms",
    "tick lateness, 99 %": "ms",
    "tick lateness, worst": "ms",
    "lateness of packets, median": "ms",
    "lateness of packets, 99 %": "ms",
    "lateness of packets, worst": "ms",
    "packets more than 20 ms late": "packets",
}
"""What is compared, and its unit."""


def values(played: Playing) -> tuple[float, ...]:
    """Return the compared values. Those of ticks are rounded up to a bucket of the metrics."""
    late_ms = played.received.late_ms
    return (played.cost, *played.tick_late_ms, late_ms[0], late_ms[1], late_ms[3], played.received.late_packets)


async def compare(launches: Mapping[str, Launch], count: int, rounds: int) -> list[Figure]:
    """Run each server in turn, `rounds` times. Return medians, and ratios to the first server of the same round."""
    runs: dict[str, list[tuple[float, ...]]] = {name: [] for name in launches}
    for number in range(rounds):
        # Every second round goes backwards, so that a machine that warms up favours nobody.
        for name in list(launches)[:: -1 if number % 2 else 1]:
            runs[name].append(values(await playing(count, launches[name])))
            print(f"round {number + 1}, {name}: {[round(it, 2) for it in runs[name][-1]]}", file=sys.stderr)
    first = next(iter(launches))
    figures = []
    for name, rows in runs.items():
        columns = list(zip(*rows, strict=True))
        figures += [
            Figure(name, value, statistics.median(column), unit)
            for (value, unit), column in zip(VALUES.items(), columns, strict=True)
        ]
        if name != first:
            ratio = statistics.median(row[0] / base[0] for row, base in zip(rows, runs[first], strict=True))
            figures.append(Figure(name, f"CPU per session-second by that of {first!r}", ratio, ""))
    return figures


def servers(other: Path | None, python: str | None, rights: str) -> dict[str, Launch]:
    """Return the servers to compare by name, that of this checkout first."""
    checkouts = {"this checkout": THIS}
    if other is not None:
        other = other.resolve()
        checkouts["other checkout"] = Launch(other, python or str(other / ".venv/bin/python"))
    return {
        name + ("" if is_real_time else ", without real-time rights"): Launch(it.checkout, it.python, is_real_time)
        for is_real_time in {"with": (True,), "without": (False,), "both": (True, False)}[rights]
        for name, it in checkouts.items()
    }


def main() -> None:
    """Run the comparison, and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paired_sessions", description=__doc__)
    parser.add_argument("--other", type=Path, metavar="CHECKOUT", help="folder of the checkout to compare with")
    parser.add_argument("--python", metavar="PATH", help="Python of the other checkout (CHECKOUT/.venv/bin/python)")
    parser.add_argument("--rights", choices=("with", "without", "both"), default="both", help="real-time rights (both)")
    parser.add_argument("--count", type=int, default=BOUND, metavar="N", help=f"sessions ({BOUND})")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each server (3)")
    options = parser.parse_args()
    launches = servers(options.other, options.python, options.rights)
    for figure in asyncio.run(compare(launches, options.count, options.rounds)):
        print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
