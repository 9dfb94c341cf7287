"""The address of the HTTP server, as the settings ask for it; and its certificate."""

import errno
import socket

from rtc_drift.api.acceptor import Acceptor, bind
from rtc_drift.api.certificate import Certificate, CertificateError
from rtc_drift.config import ConfigError, Settings, StartError


def certificate_of(settings: Settings) -> Certificate | None:
    """Read the certificate for HTTPS; None if there is to be none. Raises ConfigError."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    try:
        return Certificate(settings.tls_cert, settings.tls_key)
    except CertificateError as error:
        raise ConfigError(str(error)) from None


async def bind_settings(settings: Settings) -> list[socket.socket]:
    """Return listening sockets as the settings ask. Raises ConfigError and StartError."""
    host, port = settings.host, settings.port
    try:
        return await bind(host, port)
    except (socket.gaierror, ValueError):
        raise ConfigError(f"--host: {host!r} is not an address or name of this machine.") from None
    except OSError as error:
        match error.errno:
            case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
                raise ConfigError(f"--host: {host!r} is not an address of this machine.") from None
            case errno.EADDRINUSE:
                raise StartError(f"--port {port} is taken by another program.") from None
            case errno.EACCES:
                raise StartError(f"Port {port} needs elevated privileges.") from None
        raise StartError(f"The server can't listen on {host}, port {port} ({error.strerror or error}).") from None


def url_of(acceptor: Acceptor, settings: Settings) -> str:
    """Return the URL of the server."""
    host, scheme = settings.host, "http" if settings.tls_cert is None else "https"
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{acceptor.port}"
