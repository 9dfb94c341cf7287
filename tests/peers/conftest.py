"""What is about listeners is tried on both ways to them; what is not says so (`ONE_WAY`, `ONE_PORT`)."""

import pytest

from tests.conftest import free_udp_port

WAYS = ("one port", "stock aiortc")
ONE_PORT, STOCK = (pytest.mark.parametrize("udp_port", [way], indirect=True) for way in WAYS)
"""For tests of one way."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = any("udp_port" in mark.args for mark in metafunc.definition.iter_markers("parametrize"))
    if "udp_port" in metafunc.fixturenames and not chosen and not getattr(metafunc.module, "ONE_WAY", False):
        metafunc.parametrize("udp_port", WAYS, indirect=True)


@pytest.fixture
def udp_port(request: pytest.FixtureRequest) -> int:
    return 0 if getattr(request, "param", WAYS[0]) == WAYS[1] else free_udp_port()
