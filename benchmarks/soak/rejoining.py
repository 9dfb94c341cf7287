"""The page's rules for a lost connection (`frontend/js/connection.js`): when to give it up, when to try again."""

from random import Random

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 5.0
LONGEST_QUIET_SECONDS = 4.0
"""Silence after which any connection is lost."""
QUIET_WITHOUT_EVENTS_SECONDS = 1.5
"""Silence after which a connection is lost if the event stream broke, too."""


def is_lost(quiet_seconds: float, *, events_dropped: bool) -> bool:
    """Return True if a connection is lost, by the time since its last packet."""
    return quiet_seconds > (QUIET_WITHOUT_EVENTS_SECONDS if events_dropped else LONGEST_QUIET_SECONDS)


def backoff_seconds(attempt: int, random: Random) -> float:
    """Return the delay before a retry, with the page's 20 % either way."""
    return min(FIRST_DELAY_SECONDS * 2.0 ** min(attempt, 10), LONGEST_DELAY_SECONDS) * random.uniform(0.8, 1.2)
