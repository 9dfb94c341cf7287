"""Files on a disk that is full: they are whole or absent, wherever the space ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.audio_files import write_audio
from tests.support.music import steady_music
from tests.support.server_process import REPOSITORY

SCRIPT = """
import resource, sys
from pathlib import Path
from rtc_drift.demo import DEMO, write
from rtc_drift.stretching.warp import Warp
from rtc_drift.stretching.write_lead import write_lead

source, folder = map(Path, sys.argv[1:])
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

def with_limit(limit, work):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        work()
        return True
    except OSError:
        return False
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

warp = Warp.matched(0, 1.02, 9_600, 9_600)
for work in (lambda: write_lead(str(source), warp, folder / "1.wav"), lambda: write(DEMO[0], folder, bars=2)):
    assert with_limit(hard, work)
    sizes = {file: file.stat().st_size for file in folder.iterdir()}
    largest = max(sizes.values())
    limits = {0, 1, 44, 100, 4_096, 32_768, *range(0, largest, largest // 8), largest - 1}
    for limit in sorted(limits):
        for file in folder.iterdir():
            file.unlink()
        assert not with_limit(limit, work), limit
        assert all(file.stat().st_size == sizes[file] for file in folder.iterdir()), (limit, list(folder.iterdir()))
    for file in folder.iterdir():
        file.unlink()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_a_file_that_does_not_fit_is_absent(tmp_path: Path) -> None:
    source, folder = write_audio(tmp_path / "a.flac", steady_music(3, seed=1)), tmp_path / "files"
    folder.mkdir()
    command = [sys.executable, "-c", SCRIPT, str(source), str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
