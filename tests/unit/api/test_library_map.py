"""GET /api/map: columns, compressed, and sent once."""

import asyncio
import gzip
import json
from typing import Any

from rtc_drift.selection.map_keeper import MapKeeper
from rtc_drift.station.sources import FixedSpace
from rtc_drift.workers.threads import Threads
from tests.support.api import Api, api_on_fakes
from tests.support.synthetic_library import make_space


async def map_of(api: Api, headers: dict[str, str] | None = None, method: str = "GET") -> tuple[int, Any, bytes]:
    """Return status, headers and body of the map, as it comes over the wire."""
    own = {"Accept-Encoding": "identity"} | (headers or {})
    async with api.http.request(method, f"{api.url}/api/map", headers=own) as response:
        return response.status, response.headers, await response.read()


async def test_the_map_is_compressed_for_those_who_take_it_and_not_sent_twice() -> None:
    space = make_space(200)
    async with api_on_fakes(spaces=FixedSpace(space)) as api:
        api.http._auto_decompress = False
        status, headers, plain = await map_of(api)
        assert status == 200 and "Content-Encoding" not in headers
        found = json.loads(plain)
        assert found["ids"] == [space.id_of(row) for row in range(200)]
        assert len(found["x"]) == len(found["y"]) == 200
        for accepted in ("gzip", "br, gzip;q=0.8", "*", "GZIP, deflate"):
            status, headers, packed = await map_of(api, {"Accept-Encoding": accepted})
            assert headers["Content-Encoding"] == "gzip" and headers["Vary"] == "Accept-Encoding"
            assert gzip.decompress(packed) == plain and len(packed) < len(plain) / 2
        for refused in ("gzip;q=0", "gzip; q=0.0, br", "x-gzip-like", ""):
            status, headers, body = await map_of(api, {"Accept-Encoding": refused})
            assert "Content-Encoding" not in headers and body == plain
        assert (await map_of(api, method="HEAD"))[2] == b""
        for known in (headers["ETag"], f'"old", {headers["ETag"]}', "*"):
            status, answer, body = await map_of(api, {"If-None-Match": known})
            assert (status, body, answer["ETag"]) == (304, b"", headers["ETag"])
        assert (await map_of(api, {"If-None-Match": '"old"'}))[0] == 200


async def test_those_who_ask_at_the_same_time_share_the_work() -> None:
    spaces, exploring = FixedSpace(make_space(50)), Threads("exploring", 1)
    keeper = MapKeeper(spaces, exploring)
    first, *others = await asyncio.gather(*(keeper.get() for _ in range(5)))
    assert all(it is first for it in (*others, await keeper.get()))
    exploring.close()
