"""The process of a worker."""

import os
import subprocess
from pathlib import Path

from rtc_drift.workers.pool import COMMAND
from tests.support.server_process import REPOSITORY


def test_a_worker_imports_nothing_from_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "fractions.py").write_text("raise SystemExit(3)\n")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run(COMMAND, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, timeout=30, check=False)
    assert ended.returncode == 0
