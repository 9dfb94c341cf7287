"""The library's API: bad parameters."""

import pytest
from aiohttp.test_utils import make_mocked_request

from rtc_drift.api.errors import ApiError
from rtc_drift.api.library import tracks


@pytest.mark.parametrize("limit", ["9" * 5000, "0", "501", "-1", "x", ""])
async def test_a_bad_limit_is_refused(limit: str) -> None:
    with pytest.raises(ApiError) as raised:
        await tracks(make_mocked_request("GET", f"/api/tracks?limit={limit}"))
    assert (raised.value.status, raised.value.body["field"]) == (422, "limit")
