"""The two ways to deliver to WebRTC listeners. Integration tests run on both unless they say otherwise.

A module with `SHARED_PORT_ONLY = True`, and a test marked with `SHARED_PORT`, run on the shared port only.
"""

import pytest

DELIVERIES = ("shared port", "stock aiortc")
SHARED_PORT, STOCK_AIORTC = (pytest.mark.parametrize("udp_port", [it], indirect=True) for it in DELIVERIES)
