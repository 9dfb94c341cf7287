"""Measure libraries of other sizes: `python -m benchmarks.large [TRACKS…]`, by default 10,000 and 100,000."""

import argparse
import asyncio

from benchmarks.large.bench import COUNTS, measure


async def main() -> None:
    """Print the figures as JSON lines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large", description=__doc__)
    parser.add_argument("counts", metavar="TRACKS", nargs="*", type=int, help="number of tracks")
    async for figure in measure(parser.parse_args().counts or COUNTS):
        print(figure.line(), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
