"""The property tests of the suite with random examples: `make test` runs them with the same ones each time."""

import random
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.one import emit

PROPERTIES = "properties"
TESTS = Path(__file__).parents[1] / "unit"
PASSED, NONE_COLLECTED = 0, 5
"""Exit codes of pytest."""


def fuzz_properties(seconds: float, seed: int) -> int:
    """Run the property tests, file by file in random order, until the time is over; return the number of failures."""
    end = time.monotonic() + seconds
    files = [file for file in sorted(TESTS.rglob("test_*.py")) if "from hypothesis" in file.read_text()]
    random.Random(seed).shuffle(files)
    runs = failures = 0
    for file in files:
        if (left := end - time.monotonic()) <= 0:
            break
        options = [
            "-q",
            "-m",
            "hypothesis",
            "--hypothesis-profile=random",
            f"--hypothesis-seed={seed}",
            "-p",
            "no:cacheprovider",
        ]
        name = str(file.relative_to(Path.cwd()))
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *options, name], capture_output=True, text=True, timeout=left
            )
        except subprocess.TimeoutExpired:
            break
        runs += 1
        if done.returncode not in (PASSED, NONE_COLLECTED):
            failures += 1
            failed = re.findall(r"^FAILED (\S+)", done.stdout, re.MULTILINE)
            replay = f'make test ARGS="{name} {" ".join(options[3:5])}"'
            emit(find=PROPERTIES, error=", ".join(failed) or "pytest failed", replay=replay, trace=done.stdout[-3000:])
    emit(target=PROPERTIES, runs=runs, of=len(files), finds=failures)
    return failures
