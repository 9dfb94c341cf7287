"""Chooses the next track at random, as long as the current one is not analysed. Pure: the seed decides."""

import random
from collections.abc import Collection, Sequence

from rtc_drift.library.track import Track
from rtc_drift.selection.choice import Choice

RECENT_ARTISTS = 3
"""Number of the tracks played last whose artists should not come again."""


def draw(
    tracks: Sequence[Track], history: Sequence[str], seed: int, number: int, avoided: Collection[str] = ()
) -> Choice | None:
    """Choose from `tracks` a track to play after `history` (track ids, oldest first); None if there is no track.

    `number` counts the choices of the journey; it can't be derived from `history`, which is bounded.

    No track is repeated before all others were played, or before half of the library was. Artists are spaced if the
    library allows it, and so are tracks `avoided`. The same arguments give the same choice.
    """
    if not tracks:
        return None
    rng = random.Random(f"{seed}/{number}")
    order = sorted(tracks, key=lambda track: track.id)
    played = set(history)
    unplayed = [track for track in order if track.id not in played]
    candidates = unplayed or _longest_unplayed(order, history)
    artists = {track.id: track.artist for track in order}
    recent = {artists.get(played, "") for played in history[-RECENT_ARTISTS:]} - {""}
    spaced = [track for track in candidates if track.artist not in recent]
    allowed = spaced or candidates
    fresh = [track for track in allowed if track.id not in avoided]
    return Choice(rng.choice(fresh or allowed), _reason(bool(unplayed), bool(spaced and recent)))


def _longest_unplayed(tracks: list[Track], history: Sequence[str]) -> list[Track]:
    """Return the half of the tracks that were played longest ago, at least one."""
    last_played = {track_id: index for index, track_id in enumerate(history)}
    by_age = sorted(tracks, key=lambda track: last_played[track.id])
    return by_age[: max(1, len(by_age) // 2)]


def _reason(unplayed: bool, other_artist: bool) -> str:
    novelty = "not played yet" if unplayed else "not played for a long time"
    return f"Random choice: {novelty}, by another artist." if other_artist else f"Random choice: {novelty}."
