"""The time of a programme, and somebody who plays it."""

from collections.abc import Sequence
from typing import Protocol

from rtc_drift.engine.protocol.plays import Play


class Timeline(Protocol):
    """What a autodj needs of the playout: the time, and somebody who plays."""

    @property
    def running(self) -> bool: ...
    @property
    def horizon(self) -> int: ...
    def now(self) -> int: ...
    def set_plays(self, plays: Sequence[Play]) -> None: ...
    def is_ready(self, play_id: int) -> bool: ...
