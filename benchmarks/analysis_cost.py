"""The cost of the analysis: CPU time and peak memory of a process like a worker.

`python -m benchmarks.analysis_cost FILE WAY TIMES` is that process: it prints CPU seconds and MB.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from benchmarks.figures import Figure
from rtc_drift.analysis import Analysis
from rtc_drift.demo import DEMO, render
from rtc_drift.library.analyse import analyse
from rtc_drift.library.probe import probe
from rtc_drift.library.track import Track
from rtc_drift.media import SAMPLE_RATE, Audio
from rtc_drift.workers.pool import ENVIRONMENT

_BENCH = "hearing"
_SECONDS = 180
_LONG_HOURS = 3
_TIMES = 5
_WAYS = {
    "in the background (true peak from the scan)": ("background", 100.0),
    "by itself (true peak measured too)": ("alone", None),
    "with its scan (`rtc-drift analyze`)": ("scanned", None),
}
"""A way to analyse, as the figure names it → its name on the child's command line, and the bound of its speed."""


def analysis_cost() -> list[Figure]:
    """Measure the speed with decoding, by way and format, and the memory for a long file."""
    spec = next(spec for spec in DEMO if spec.style == "House")
    music = np.resize(render(spec), (_SECONDS * SAMPLE_RATE, 2))
    figures = []
    with tempfile.TemporaryDirectory(prefix="rtc-drift-bench-") as folder:
        for name, file, codec in (("Opus", "x.opus", "libopus"), ("WAV", "x.wav", "pcm_s16le")):
            path = Path(folder) / file
            _encode(music, path, codec)
            for label, (way, at_least) in _WAYS.items():
                spent, _ = _measured(path, way, _TIMES)
                speed = _SECONDS / spent
                figures.append(Figure(_BENCH, f"speed {label}, {name}", speed, "× real time", at_least=at_least))
        path = Path(folder) / "x.mp3"
        _encode(music, path, "libmp3lame")
        _repeat(path, _LONG_HOURS * 3600 // _SECONDS)
        _, megabytes = _measured(path, "background", 1)
    figures.append(Figure(_BENCH, f"memory for {_LONG_HOURS} hours of MP3, peak", megabytes, "MB", at_most=200))
    return figures


def _measured(path: Path, way: str, times: int) -> tuple[float, float]:
    """Return the CPU seconds, the best of `times` runs, and the peak memory in MB."""
    command = (sys.executable, "-m", "benchmarks.analysis_cost", str(path), way, str(times))
    done = subprocess.run(command, env=os.environ | ENVIRONMENT, stdout=subprocess.PIPE, check=True)
    seconds, megabytes = json.loads(done.stdout)
    return seconds, megabytes


def _encode(music: Audio, path: Path, codec: str) -> None:
    with av.open(str(path), "w", options={"write_xing": "0"} if path.suffix == ".mp3" else {}) as container:
        stream = container.add_stream(codec, rate=SAMPLE_RATE, layout="stereo")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(music.reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = Fraction(1, SAMPLE_RATE)
        for packet in stream.encode(frame):
            container.mux(packet)
        container.mux(stream.encode(None))


def _repeat(path: Path, times: int) -> None:
    """Repeat an MP3 file in place. This works because an MP3 file is no more than its frames."""
    once = path.read_bytes()
    with path.open("wb") as file:
        for _ in range(times):
            file.write(once)


def _child(path: Path, way: str, times: int) -> None:
    spent = []
    for _ in range(times):
        begun = time.process_time()
        if way == "alone":
            result = analyse(path)
        else:
            track = probe(path) if way == "scanned" else None
            known = track.true_peak_dbtp if isinstance(track, Track) else 0.0
            result = analyse(path, true_peak_dbtp=known)
        spent.append(time.process_time() - begun)
        assert isinstance(result, Analysis), result.reason
    print(json.dumps((min(spent), _peak_megabytes())))


def _peak_megabytes() -> float:
    """Return the peak resident memory of this program alone, in MB (Linux). `ru_maxrss` would count its parent too."""
    status = Path("/proc/self/status").read_text("ascii").splitlines()
    (line,) = (line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    _child(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
