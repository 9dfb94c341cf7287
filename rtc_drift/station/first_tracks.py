"""The tracks that stations play or begin with, as each other station has to know them."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from rtc_drift.station.sources import Sources
from rtc_drift.station.station import Station


def besides_others(sources: Sources, number: int, stations: Mapping[int, Station]) -> Sources:
    """Return the sources of station `number`, which should begin otherwise than the other `stations`."""
    return replace(sources, taken=partial(taken_from, number, stations))


def taken_from(number: int, stations: Mapping[int, Station]) -> set[str]:
    """Return the tracks with which station `number` should not begin: others play them, or begin with them.

    Of two stations that may both begin otherwise, the later one gives way.
    """
    others = (it for it in stations.values() if it.playout.number < number or not it.may_begin_otherwise)
    djs = (it.autodj for it in others if it.playout.number != number)
    return {(dj.now_playing() or dj.programme.entries[0]).track.id for dj in djs if dj.programme.entries}
