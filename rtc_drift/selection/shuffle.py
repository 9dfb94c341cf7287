"""Chooses the next track at random, as long as the current one is not analysed. Pure: the seed decides."""

import random
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from rtc_drift.library.track_table import TrackTable
from rtc_drift.selection.choice import Choice

RECENT_ARTISTS = 3
"""Number of the tracks played last whose artists should not come again."""


def draw(
    tracks: TrackTable, history: Sequence[str], seed: int, number: int, avoided: Collection[str] = ()
) -> Choice | None:
    """Choose from `tracks` a track to play after `history` (track ids, oldest first); None if there is no track.

    `number` counts the choices of the journey; it can't be derived from `history`, which is bounded.

    No track is repeated before all others were played, or before half of the library was. Artists are spaced if the
    library allows it, and so are tracks `avoided`. The same arguments give the same choice, whatever the order of the
    tracks.
    """
    if not tracks:
        return None
    columns = tracks.columns()
    played = _rows_of(tracks, history)
    unplayed = _without(columns.is_there, played)
    candidates = unplayed if unplayed.any() else _longest_unplayed(tracks, history)
    artists = columns.artists[_rows_of(tracks, history[-RECENT_ARTISTS:])]
    recent = artists[artists >= 0]
    spaced = candidates & ~np.isin(columns.artists, recent) if len(recent) else candidates
    is_spaced = bool(spaced.any())
    allowed = spaced if is_spaced else candidates
    fresh = _without(allowed, _rows_of(tracks, avoided))
    rows = np.flatnonzero(fresh if fresh.any() else allowed)
    # Each track draws a number of its own, and the least one wins: tracks that come or go seldom change the choice.
    key = np.uint64(random.Random(f"{seed}/{number}").getrandbits(64))
    chosen = tracks[tracks.id_at(int(rows[np.argmin(_mixed(columns.ids[rows] ^ key))]))]
    return Choice(chosen, _reason(bool(unplayed.any()), is_spaced and bool(len(recent))))


def _rows_of(tracks: TrackTable, track_ids: Collection[str]) -> list[int]:
    return [row for track_id in track_ids if (row := tracks.row_of(track_id)) is not None]


def _without(mask: NDArray[np.bool_], rows: list[int]) -> NDArray[np.bool_]:
    rest = mask.copy()
    rest[rows] = False
    return rest


def _longest_unplayed(tracks: TrackTable, history: Sequence[str]) -> NDArray[np.bool_]:
    """Mark the half of the tracks that were played longest ago, at least one."""
    newest_first = [track_id for track_id in dict.fromkeys(reversed(history)) if track_id in tracks]
    oldest = newest_first[-max(1, len(newest_first) // 2) :]
    mask = np.zeros(tracks.rows, bool)
    mask[_rows_of(tracks, oldest)] = True
    return mask


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a number that looks random for each number: the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    mixed = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _reason(unplayed: bool, other_artist: bool) -> str:
    novelty = "not played yet" if unplayed else "not played for a long time"
    return f"Random choice: {novelty}, by another artist." if other_artist else f"Random choice: {novelty}."
