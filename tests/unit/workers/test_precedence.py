"""The precedence of worker processes, as the system reports it."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from rtc_drift.workers.pool import Workers
from rtc_drift.workers.precedence import NICENESS, Precedence

JOB = "tests.unit.workers.test_precedence:standing_job"
COMMAND = (sys.executable, "-m", "rtc_drift.workers.process")
_WORKER = """
from pathlib import Path
from rtc_drift.workers import precedence, process
precedence.AUTOGROUPS_ENABLED = Path({enabled!r})
process.main()
"""
AUTOGROUPS = Path("/proc/sys/kernel/sched_autogroup_enabled")


def standing_job(alive: object) -> dict[str, object]:
    """Return how the system ranks this process."""
    return {
        "pid": os.getpid(),
        "policy": os.sched_getscheduler(0) if hasattr(os, "sched_getscheduler") else None,
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
    }


async def standing(precedence: Precedence, command: Sequence[str] = COMMAND) -> dict[str, object]:
    async with Workers(1, command=command) as workers:
        result: dict[str, object] = await workers.run(JOB, precedence=precedence)
        autogroup = Path(f"/proc/{result['pid']}/autogroup")
        return result | {"autogroup": autogroup.read_text().split()[-1] if autogroup.exists() else None}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these policies")
@pytest.mark.parametrize("has_autogroups", [True, False])
async def test_each_precedence_has_its_policy(has_autogroups: bool, tmp_path: Path) -> None:
    enabled = tmp_path / "enabled"
    enabled.write_text(f"{int(has_autogroups)}\n")
    command = (sys.executable, "-c", _WORKER.format(enabled=str(enabled)))
    policies = {each: (await standing(each, command))["policy"] for each in Precedence}
    assert policies == {
        Precedence.URGENT: os.SCHED_OTHER,
        Precedence.SOON: os.SCHED_BATCH,
        Precedence.BACKGROUND: os.SCHED_BATCH if has_autogroups else os.SCHED_IDLE,
    }


@pytest.mark.parametrize("precedence", Precedence)
async def test_niceness_counts_also_among_sessions(precedence: Precedence) -> None:
    seen = await standing(precedence)
    assert seen["niceness"] == NICENESS[precedence]
    if AUTOGROUPS.exists() and AUTOGROUPS.read_text().strip() == "1":
        assert seen["autogroup"] == str(NICENESS[precedence])
