"""The library's API: searches."""

from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from rtc_drift.api.errors import ApiError
from rtc_drift.api.library import tracks
from rtc_drift.library.search import SearchBusyError
from tests.support.api import api_on_fakes


@pytest.mark.parametrize("limit", ["9" * 5000, "0", "501", "-1", "x", ""])
async def test_a_bad_limit_is_refused(limit: str) -> None:
    with pytest.raises(ApiError) as raised:
        await tracks(make_mocked_request("GET", f"/api/tracks?limit={limit}"))
    assert (raised.value.status, raised.value.body["field"]) == (422, "limit")


async def test_a_search_answers_with_the_first_tracks_and_the_number_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    async with api_on_fakes() as api:
        library, master = api.context.library, api.sessions.master.station.autodj
        status, answer = await api.get("/api/tracks?q=track&limit=2")
        assert (status, len(answer["tracks"]), answer["total"]) == (200, 2, 300)
        asked = list[Any]()

        async def find(query: str, **more: Any) -> Any:
            asked.append((query, more))
            raise SearchBusyError

        monkeypatch.setattr(library, "find", find)
        status, answer = await api.get("/api/tracks?q=Track%203&limit=7")
        assert (status, answer["code"]) == (503, "search_busy")
        assert asked == [("Track 3", {"limit": 7, "played": master.journey.history.played})]
        assert master.journey.history.played, "the master has begun"
