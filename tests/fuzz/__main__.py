"""`make fuzz`: fuzzes each target in a process of its own, in turn. Prints JSON lines; exits with 1 after a find."""

import argparse
import os
import secrets
import sys
from pathlib import Path

from tests.fuzz import corpus
from tests.fuzz.loop import check_memory, check_time
from tests.fuzz.one import emit
from tests.fuzz.properties import PROPERTIES, fuzz_properties
from tests.fuzz.targets import TARGETS
from tests.fuzz.watchdog import fuzz

MINUTES = 10.0
NICENESS = 10


def main() -> int:
    """Run what the command line asks for; return the exit code."""
    options = _options()
    if options.replay is not None:
        return _replay(options.replay)
    os.nice(NICENESS)
    names = options.only.split(",") if options.only else [*TARGETS, PROPERTIES]
    if unknown := set(names) - {*TARGETS, PROPERTIES}:
        print(f"There is no target {', '.join(sorted(unknown))}: {', '.join((*TARGETS, PROPERTIES))}.", file=sys.stderr)
        return 2
    weights = {name: TARGETS[name].weight if name in TARGETS else 2 for name in names}
    finds = 0
    emit(seed=options.seed, minutes=options.minutes, targets=names)
    for name in names:
        seconds = options.minutes * 60 * weights[name] / sum(weights.values())
        if name == PROPERTIES:
            finds += fuzz_properties(seconds, options.seed)
        else:
            finds += fuzz(name, seconds, options.seed)
    emit(finds=finds)
    return min(finds, 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="time for all targets (default: %(default)s)")
    parser.add_argument("--only", help=f"targets, with commas between: {','.join((*TARGETS, PROPERTIES))}")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="seed of all changes (default: random)")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run one saved input again")
    return parser.parse_args()


def _replay(file: Path) -> int:
    """Run a saved input; what breaks shows its traceback."""
    target = TARGETS[corpus.target_of(file)]()
    target.open()
    try:
        data = file.read_bytes()
        target.run(data)
        check_time(target, data)
        check_memory(target, data)
    finally:
        target.close()
    emit(replayed=str(file), target=target.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
