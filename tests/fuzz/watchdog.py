"""Runs the process of one target and watches it: an input that hangs it or ends it is a find, too."""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from tests.fuzz.loop import MAX_FINDS, Find
from tests.fuzz.one import FILE_BYTES, read_present, show

HANG_CPU_SECONDS = 10.0
"""Processor time of one input after which it hangs."""
HANG_SECONDS = 90.0
"""Time of one input after which it hangs, without processor time too."""
LOOK_SECONDS = 0.5


def fuzz(name: str, seconds: float, seed: int) -> int:
    """Fuzz a target for a time; return the number of finds."""
    end = time.monotonic() + seconds
    finds = 0
    while (left := end - time.monotonic()) > 0 and finds < MAX_FINDS:
        found, ended = _run_process(name, left, seed + finds)
        finds += found
        if ended:
            break
    return finds


def _run_process(name: str, seconds: float, seed: int) -> tuple[int, bool]:
    """Run one process; return the number of finds, and True if it ended by itself."""
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(FILE_BYTES)
        path = Path(file.name)
        command = [sys.executable, "-m", "tests.fuzz.one", name, str(seconds), str(seed), str(path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        counts = list[int]()
        reader = threading.Thread(target=_pass_on, args=(process, counts))
        reader.start()
        hangs = _wait(process, path)
        reader.join()
        if process.returncode == 0:
            return sum(counts), True
        data = read_present(path)[1]
    error = "It hangs." if hangs else f"It ended the process (exit status {process.returncode})."
    show(name, Find(data, error, ""))
    return len(counts) + 1, False


def _pass_on(process: "subprocess.Popen[str]", counts: list[int]) -> None:
    """Print the lines of a process, and count the finds in them."""
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="", flush=True)
        if line.startswith("{") and "find" in json.loads(line):
            counts.append(1)


def _wait(process: "subprocess.Popen[str]", path: Path) -> bool:
    """Wait for the end of a process. Kill it and return True if an input hangs."""
    observed = psutil.Process(process.pid)
    run, since, cpu_since = -1, time.monotonic(), 0.0
    while process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_SECONDS)
        try:
            times = observed.cpu_times()
        except psutil.NoSuchProcess:
            continue
        now, cpu, present = time.monotonic(), times.user + times.system, read_present(path)[0]
        if present != run:
            run, since, cpu_since = present, now, cpu
        elif now - since > HANG_SECONDS or (run and cpu - cpu_since > HANG_CPU_SECONDS):
            process.kill()
            process.wait()
            return True
    return False
