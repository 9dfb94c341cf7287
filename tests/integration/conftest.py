"""Integration tests of listeners run on both deliveries: see `tests.support.deliveries`."""

import pytest

from tests.support.deliveries import DELIVERIES
from tests.support.udp import free_udp_port


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = any("udp_port" in mark.args for mark in metafunc.definition.iter_markers("parametrize"))
    only_shared = getattr(metafunc.module, "SHARED_PORT_ONLY", False)
    if "udp_port" in metafunc.fixturenames and not chosen and not only_shared:
        metafunc.parametrize("udp_port", DELIVERIES, indirect=True)


@pytest.fixture
def udp_port(request: pytest.FixtureRequest) -> int:
    return 0 if getattr(request, "param", "shared port") == "stock aiortc" else free_udp_port()
