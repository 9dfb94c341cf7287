"""The HTTP API on fakes, on real sockets of loopback."""

from collections.abc import AsyncIterator

import pytest

from tests.support.api import Api, api_on_fakes


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with api_on_fakes(allow=("radio.example.org", "*.home.example")) as served:
        yield served
