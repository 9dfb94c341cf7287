"""Reads a file that is no part of a library: its track and its analysis."""

from pathlib import Path

from rtc_drift.analysis.model import Analysis
from rtc_drift.library import jobs
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.workers.pool import WorkerError, Workers


async def analysed_file(workers: Workers, path: Path) -> tuple[Track, Analysis] | str:
    """Return the track and the analysis of a file, or the reason why it can't be analysed, as a sentence."""
    try:
        track = await jobs.probe(workers, path.absolute())
        if isinstance(track, Unplayable):
            return track.reason
        analysis = await jobs.analyse(workers, track)
    except WorkerError as error:
        return str(error)
    return analysis.reason if isinstance(analysis, Unplayable) else (track, analysis)
