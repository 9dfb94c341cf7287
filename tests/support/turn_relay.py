"""Debian's coturn on loopback, reached over UDP, TCP or TLS."""

import asyncio
import datetime
import ipaddress
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.udp import free_udp_port

TURNSERVER = shutil.which("turnserver")


@asynccontextmanager
async def relay(folder: Path, kind: str) -> AsyncIterator[str]:
    """Run a TURN server on loopback that is reached over `udp`, `tcp` or `tls`; yield its URL, user and password."""
    assert TURNSERVER is not None
    port, tls_port = free_udp_port(), free_udp_port()
    over_udp, over_tls = ("--no-udp",) if kind != "udp" else (), ("--no-tls",) if kind != "tls" else ()
    process = await asyncio.create_subprocess_exec(
        *(TURNSERVER, "-n", "-L", "127.0.0.1", "-E", "127.0.0.1", "-p", str(port), "--relay-ip", "127.0.0.1"),
        *("-a", "-u", "me:secret", "-r", "local", "--allow-loopback-peers", "--no-dtls", "--no-cli"),
        *(
            "--tls-listening-port",
            str(tls_port),
            "--cert",
            str(folder / "turn.pem"),
            "--pkey",
            str(folder / "turn.pem"),
        ),
        *("--pidfile", str(folder / "turn.pid"), "--log-file", str(folder / "turn.log"), "--simple-log"),
        *(*over_udp, *over_tls),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        if kind != "udp":
            await accepts(tls_port if kind == "tls" else port)
        yield (
            f"turns:me:secret@127.0.0.1:{tls_port}"
            if kind == "tls"
            else (f"turn:me:secret@127.0.0.1:{port}?transport={kind}")
        )
    finally:
        process.terminate()
        await process.wait()


async def accepts(port: int) -> None:
    """Wait until a TCP port accepts connections."""
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            await writer.wait_closed()
            return


def make_certificate(file: Path) -> None:
    """Write a key and a certificate for 127.0.0.1 that it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
