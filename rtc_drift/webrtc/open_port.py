"""Opens the shared UDP port, where that is possible."""

import logging
from collections.abc import Callable

from rtc_drift.config import Settings, StartError
from rtc_drift.engine.protocol.clock import TickClock
from rtc_drift.engine.protocol.messages import ToEngine
from rtc_drift.webrtc.ice_policy import IcePolicy
from rtc_drift.webrtc.shared_port import SharedPort, UdpPortTakenError, unavailable_reason

logger = logging.getLogger(__name__)


def open_port(
    settings: Settings, policy: IcePolicy, ticks: TickClock, send: Callable[[ToEngine], None]
) -> SharedPort | None:
    """Open the shared UDP port; None if every listener gets a stock peer connection. Raises StartError."""
    if settings.udp_port == 0:
        return None
    if policy.servers:
        logger.info("With STUN or TURN every listener has its own UDP port; --udp-port is not used")
        return None
    if (reason := unavailable_reason()) is not None:
        logger.warning("Every listener gets its own UDP port, which costs more CPU: %s", reason)
        return None
    shared_port = SharedPort(policy, settings.udp_port, ticks, send)
    try:
        shared_port.start()
    except UdpPortTakenError:
        raise StartError(f"--udp-port {settings.udp_port} is taken by another program.") from None
    except OSError as error:
        raise StartError(f"--udp-port {settings.udp_port} can't be used ({error.strerror or error}).") from None
    return shared_port
