"""Which track comes next as long as nobody knows how the present one sounds: a pure, seeded lottery."""

import random
from collections.abc import Sequence

from rtc_drift.library.track import Track
from rtc_drift.selection.choice import Choice

RECENT_ARTISTS = 3
"""How many of the last tracks should not share the next one's artist."""


def draw(tracks: Sequence[Track], history: Sequence[str], seed: int, number: int) -> Choice | None:
    """Choose from `tracks` what to play after `history` (track ids, oldest first); None if there is nothing.

    `number` counts the choices of a programme, as the history kept of it is bounded.

    Nothing is played again before the rest of the library was, or sooner than half of the library ago; artists are
    spaced where the library allows. The same seed, number, library and history give the same choice.
    """
    if not tracks:
        return None
    lottery = random.Random(f"{seed}/{number}")
    order = sorted(tracks, key=lambda track: track.id)
    played = set(history)
    unplayed = [track for track in order if track.id not in played]
    fresh = unplayed or _longest_unplayed(order, history)
    artists = {track.id: track.artist for track in order}
    recent = {artists.get(played, "") for played in history[-RECENT_ARTISTS:]} - {""}
    spaced = [track for track in fresh if track.artist not in recent]
    return Choice(lottery.choice(spaced or fresh), _reason(bool(unplayed), bool(spaced and recent)))


def _longest_unplayed(tracks: list[Track], history: Sequence[str]) -> list[Track]:
    last_played = {track_id: index for index, track_id in enumerate(history)}
    by_age = sorted(tracks, key=lambda track: last_played[track.id])
    return by_age[: max(1, len(by_age) // 2)]


def _reason(unplayed: bool, other_artist: bool) -> str:
    novelty = "Not played yet" if unplayed else "Not played for the longest time"
    return f"{novelty}, by another artist." if other_artist else f"{novelty}."
