"""The pace of the analysis: how long it takes until all tracks are analysed."""

import logging
import time
from collections import deque
from collections.abc import Callable

logger = logging.getLogger(__name__)

_TOLD_SECONDS = 3_600.0
"""Time between two lines about the progress."""
_SOON_SECONDS = 120.0
"""Time that is left when there is no need to tell it."""
_LATEST = 50
"""Number of the latest analyses by which the pace is measured."""
_LEAST = 5
"""Least number of analyses for an estimate."""


class AnalysisPace:
    """Measures the time between analyses, pauses included: on a small machine the music goes first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Make it; `clock` returns seconds."""
        self._clock = clock
        self._ends = deque[float](maxlen=_LATEST + 1)

    def start(self) -> None:
        """Note that the analysis starts, or goes on after there was nothing to analyse."""
        self._ends.clear()
        self._ends.append(self._clock())

    def count(self) -> None:
        """Note that one more track is analysed."""
        self._ends.append(self._clock())

    def seconds_left(self, tracks: int) -> float | None:
        """Return the estimated time in seconds until some more tracks are analysed; None if it can't be told yet."""
        if tracks <= 0:
            return 0.0
        done = len(self._ends) - 1
        if done < _LEAST:
            return None
        return tracks * (self._clock() - self._ends[0]) / done


def duration_text(seconds: float) -> str:
    """Return a duration for people, such as `about 9 h`, `about 12 min` or `less than a minute`."""
    if seconds < 60:
        return "less than a minute"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {round(seconds / 3600)} h"


class ProgressLog:
    """Logs the progress of a long analysis when it can be told first, and then every hour."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Make it; `clock` returns seconds."""
        self._clock = clock
        self._next = clock()

    @property
    def is_due(self) -> bool:
        """True if it is time to tell the progress."""
        return self._clock() >= self._next

    def tell(self, done: int, tracks: int, seconds: float) -> None:
        """Log the number of analysed tracks, of how many, and the seconds that the others take."""
        self._next = self._clock() + _TOLD_SECONDS
        if seconds >= _SOON_SECONDS:
            left = duration_text(seconds)
            logger.info(
                "%s of %s tracks are analysed; the others take %s, playing meanwhile.", f"{done:,}", f"{tracks:,}", left
            )
