"""The library's jobs for worker processes: probing a file, analysing it, writing a demo track."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from rtc_drift.analysis.model import Analysis
from rtc_drift.library.track import Track, Unplayable, legible
from rtc_drift.media import samples
from rtc_drift.workers.pool import JobCrashedError, JobFailedError, JobHungError, JobTooLongError, WorkerError, Workers
from rtc_drift.workers.precedence import Precedence

logger = logging.getLogger(__name__)

PROBE = "rtc_drift.library.probe:probe_job"
ANALYSE = "rtc_drift.library.analyse:analyse_job"
WRITE_DEMO = "rtc_drift.demo.files:write_job"
PROBE_CPU_SECONDS = 3_600.0
"""Time that probing a file may compute, whose length is not known before: twenty times that of twelve hours of MP3."""
ANALYSE_CPU_SECONDS = 60.0
"""The same for analysing, and `ANALYSE_CPU_SHARE` of the track's length besides."""
ANALYSE_CPU_SHARE = 1 / 12
TOO_LONG = "It took too long to decode this file."
_BEFORE_FAILURE = samples(2.5)
"""Samples before the failure of a file at which decoding it again begins."""


async def probe(
    workers: Workers, path: Path, seek_positions: Sequence[int] = (), *, urgent: bool = False
) -> Track | Unplayable:
    """Probe one file, then decode it from `seek_positions` (48 kHz) on; `urgent` if somebody waits for it.

    Raises WorkerError when the pool is closed or no process can be started.
    """
    try:
        result = await workers.run(
            PROBE,
            precedence=_precedence(urgent),
            cpu_seconds=PROBE_CPU_SECONDS,
            path=os.fspath(path),
            seek_positions=list(seek_positions),
        )
    except JobTooLongError:
        return Unplayable(path=path, reason=TOO_LONG)
    except JobCrashedError:
        return Unplayable(path=path, reason="The decoder crashed on this file.")
    except JobHungError:
        return Unplayable(path=path, reason="The decoder hung on this file.", temporary=True)
    except JobFailedError as error:
        logger.warning("Probing %s failed: %s", legible(path), error)
        return Unplayable(path=path, reason="This file could not be probed.")
    if "track" in result:
        return Track.model_validate(result["track"])
    return Unplayable.model_validate(result["unplayable"])


async def probe_again(workers: Workers, track: Track, position: int | None) -> Track | Unplayable:
    """Probe a file that failed to play, also with a seek: there are files on which a decoder fails only then.

    It seeks to the middle; and to the `position` of the failure (48 kHz) and somewhat before, if that is known.
    """
    near_failure = [] if position is None else [position, max(0, position - _BEFORE_FAILURE)]
    return await probe(workers, track.path, [*near_failure, track.duration_samples // 2])


async def analyse(workers: Workers, track: Track) -> Analysis | Unplayable:
    """Analyse a probed track. Raises WorkerError when the pool is closed or no process can be started."""
    path, cpu_seconds = track.path, ANALYSE_CPU_SECONDS + ANALYSE_CPU_SHARE * track.duration_seconds
    try:
        result = await workers.run(
            ANALYSE, cpu_seconds=cpu_seconds, path=os.fspath(path), true_peak_dbtp=track.true_peak_dbtp
        )
    except JobTooLongError:
        return Unplayable(path=path, reason="It took too long to analyse this file.")
    except JobCrashedError:
        return Unplayable(path=path, reason="The analysis of this file crashed.")
    except JobHungError:
        return Unplayable(path=path, reason="The analysis of this file hung.", temporary=True)
    except JobFailedError as error:
        # Most likely a bug, so a later version may succeed: temporary.
        return Unplayable(path=path, reason=f"This file could not be analysed ({error}).", temporary=True)
    if "analysis" in result:
        return Analysis.model_validate(result["analysis"])
    return Unplayable.model_validate(result["unplayable"])


async def write_demo(workers: Workers, number: int, folder: Path, *, urgent: bool = False) -> Path:
    """Write one demo track, `urgent` if somebody waits for it. Return its path. Raises WorkerError."""
    precedence = _precedence(urgent)
    try:
        written = await workers.run(
            WRITE_DEMO, precedence=precedence, writes=folder, number=number, folder=os.fspath(folder)
        )
        return Path(written)
    except JobCrashedError:
        raise WorkerError("The worker that made a demo track crashed.") from None
    except JobHungError:
        raise WorkerError("The worker that made a demo track hung.") from None
    except JobFailedError as error:
        raise WorkerError(f"A demo track could not be made ({error}).") from None


def _precedence(urgent: bool) -> Precedence:
    return Precedence.URGENT if urgent else Precedence.BACKGROUND
