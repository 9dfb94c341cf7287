"""Search in the tracks, at every keystroke."""

from pathlib import Path

import pytest

from rtc_drift.library.search import Search
from rtc_drift.library.track import Track
from rtc_drift.workers.threads import Threads


def track(number: int) -> Track:
    return Track(
        id=f"{number:016x}",
        path=Path(f"/{number}"),
        title=f"Title {number} of something",
        artist=f"Künstler {number % 300:03d} und Ensemble",
        album=f"Album {number % 3000:04d}",
        track_number=number % 17,
        duration_seconds=1,
        integrated_lufs=-20,
        true_peak_dbtp=-1,
        first_sound_seconds=0,
        last_sound_seconds=1,
    )


async def test_many_tracks_are_searched_and_prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    search, many = Search(Threads("planning", 1)), tuple(track(number) for number in range(20_000))
    assert len(await search.find(many, "")) == 20_000
    assert [it.title for it in await search.find(many, "KÜNSTLER 007  3307 Album")] == ["Title 3307 of something"]
    assert await search.find(many, "künstler\nnobody") == []
    found = await search.find(many, "0307")
    assert len(found) > 1
    assert found == sorted(found, key=lambda it: (it.artist, it.album, it.track_number, it.title))
    # Further keystrokes use what was prepared for the first one; repeated words do not cost more.
    monkeypatch.setattr("rtc_drift.library.search._prepare", None)
    assert len(await search.find(many, "künst")) == 20_000
    assert await search.find(many, "title e i " * 1000) == await search.find(many, "title e i")


@pytest.mark.parametrize("query", ["beyonce", "BEYONCÉ", "sigur ros", "ζωη", "東京", "strasse"])
async def test_accents_and_capitals_make_no_difference(query: str) -> None:
    names = ("Beyoncé", "Sigur Rós – Ágætis byrjun", "Ζωή", "東京事変", "Straße")
    tracks = tuple(track(n).model_copy(update={"title": name}) for n, name in enumerate(names, 1))
    assert len(await Search(Threads("planning", 1)).find(tracks, query)) == 1


async def test_changed_tracks_are_searched() -> None:
    search = Search(Threads("planning", 1))
    assert len(await search.find((track(1), track(2)), "title")) == 2
    assert [it.id for it in await search.find((track(3),), "title")] == [track(3).id]
