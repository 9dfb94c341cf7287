"""The certificate of HTTPS: read at the start, and again whenever its files change."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from rtc_drift.workers.threads import Threads

logger = logging.getLogger(__name__)

CHECK_SECONDS = 10.0
"""Time between two looks at the files."""

_Stamp = tuple[tuple[int, int, int] | None, ...]
"""Number, size and time of both files: one of these changes when a file does."""


class CertificateError(Exception):
    """A certificate or key can't be used; the message is one sentence."""


class Certificate:
    """A certificate and its private key. New connections use what was read last and is valid."""

    def __init__(self, certificate: Path, key: Path, *, pause: Callable[[], Awaitable[None]] | None = None) -> None:
        """Read both files. Raises CertificateError."""
        self._files = (certificate, key)
        self._pause = pause or _pause
        self._stamp = self._read_stamp()
        self.context = self._read()
        """The TLS context for new connections."""
        self._threads = Threads("certificate", 1)
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look at the files from now on, every CHECK_SECONDS."""
        self._watching = asyncio.create_task(self._watch(), name="certificate")

    async def close(self) -> None:
        """Look at them no more. Idempotent."""
        self._threads.close()
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None

    async def _watch(self) -> None:
        while True:
            await self._pause()
            await self._threads.run(self._read_if_changed)

    def _read_if_changed(self) -> None:
        """Read the files if they are not as they were; keep what was valid if they are not valid now."""
        stamp = self._read_stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.context = self._read()
        except CertificateError as error:
            logger.warning("The old certificate stays in use. %s", error)
        else:
            logger.info("The certificate has changed and was read again")

    def _read_stamp(self) -> _Stamp:
        return tuple(_stamp(file) for file in self._files)

    def _read(self) -> ssl.SSLContext:
        certificate, key = self._files
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        for option, file in (("--tls-cert", certificate), ("--tls-key", key)):
            try:
                file.read_bytes()
            except OSError as error:
                raise CertificateError(f"{option}: {file} can't be read ({error.strerror or error}).") from None
        try:
            # Without an answer OpenSSL would ask the terminal for the password of an encrypted key.
            context.load_cert_chain(certificate, key, password=lambda: "")
        except (OSError, ValueError) as error:
            reason = (isinstance(error, ssl.SSLError) and error.reason) or str(error) or "not valid"
            readable = reason.lower().replace("_", " ")
            raise CertificateError(
                f"--tls-cert and --tls-key: {certificate} and {key} can't be used ({readable})."
            ) from None
        return context


async def _pause() -> None:
    await asyncio.sleep(CHECK_SECONDS)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
