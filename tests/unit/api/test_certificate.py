"""HTTPS by itself: the certificate is read again when it changes, and a broken one is never used."""

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives import serialization

from rtc_drift.api.certificate import Certificate, CertificateError
from rtc_drift.api.listening import certificate_of
from rtc_drift.config import ConfigError, Settings
from tests.support.certificates import trusting, write_certificate
from tests.support.small_server import get, small_server
from tests.support.waiting import until


class Looks:
    """The pauses between two looks at the files, each as long as the test wants."""

    def __init__(self) -> None:
        self._looks = asyncio.Semaphore(0)
        self.waiting = 0

    async def __call__(self) -> None:
        self.waiting += 1
        await self._looks.acquire()

    async def look(self) -> None:
        """Let the files be looked at once."""
        before = self.waiting
        self._looks.release()
        await until(lambda: self.waiting > before)


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[tuple[Certificate, Looks]]:
    looks = Looks()
    certificate = Certificate(folder / "cert.pem", folder / "key.pem", pause=looks)
    certificate.start()
    await until(lambda: looks.waiting == 1)
    try:
        yield certificate, looks
    finally:
        await certificate.close()


async def test_a_renewed_certificate_is_used_for_new_connections(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "old").mkdir()
    write_certificate(tmp_path)
    for name in ("cert.pem", "key.pem"):
        shutil.copy(tmp_path / name, tmp_path / "old" / name)
    old, new = trusting(tmp_path / "old" / "cert.pem"), tmp_path / "cert.pem"
    async with watched(tmp_path) as (certificate, looks), small_server(tls=lambda: certificate.context) as server:
        url = f"https://127.0.0.1:{server.acceptor.port}/"

        async def answers(context: ssl.SSLContext) -> bool:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
                try:
                    async with http.get(url) as response:
                        return await response.text() == "here"
                except aiohttp.ClientConnectorCertificateError:
                    return False

        assert await answers(old)
        write_certificate(tmp_path)
        await looks.look()
        assert await answers(trusting(new))
        assert not await answers(old)

        good = trusting(new)
        new.write_text("no certificate")
        for _ in range(3):
            await looks.look()
        assert await answers(good)
        (tmp_path / "key.pem").unlink()
        for _ in range(3):
            await looks.look()
        assert await answers(good)
        assert caplog.text.count("The old certificate stays in use.") == 2, "once for each change"

        write_certificate(tmp_path)
        await looks.look()
        assert await answers(trusting(new))


async def test_clients_without_a_handshake_do_not_delay_the_end(tmp_path: Path) -> None:
    context = Certificate(*write_certificate(tmp_path)).context
    async with small_server(tls=lambda: context) as server:
        silent = await server.connect()
        plain = await server.connect(get("/"))
        assert not (await plain.rest()).startswith(b"HTTP")
        async with asyncio.timeout(5):
            await server.acceptor.close()
        assert await silent.rest() == b""


@pytest.mark.parametrize("broken", ["missing", "text", "encrypted", "foreign key"])
def test_a_pair_that_can_not_be_used_is_one_sentence(tmp_path: Path, broken: str) -> None:
    certificate, key = write_certificate(tmp_path)
    if broken == "missing":
        key.unlink()
    elif broken == "text":
        certificate.write_text("no certificate")
    elif broken == "encrypted":
        encryption = serialization.BestAvailableEncryption(b"secret")
        private = serialization.load_pem_private_key(key.read_bytes(), None)
        key.write_bytes(
            private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        )
    else:
        (tmp_path / "other").mkdir()
        shutil.copy(write_certificate(tmp_path / "other")[1], key)
    with pytest.raises(CertificateError, match="--tls-key") as raised:
        Certificate(certificate, key)
    assert "\n" not in str(raised.value)
    with pytest.raises(ConfigError, match="--tls-key"):
        certificate_of(Settings(tls_cert=certificate, tls_key=key))
