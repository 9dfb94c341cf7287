"""Listeners that can reach no port of the server receive through a TURN relay. Needs coturn's `turnserver`."""

import asyncio
import datetime
import ipaddress
import re
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.server import RunningServer, Serve
from tests.support.udp import free_udp_port

SHARED_PORT_ONLY = True
TURNSERVER = shutil.which("turnserver")
LINK = re.compile(r'<(.+)>; rel="ice-server"; username="(.+)"; credential="(.+)"; credential-type="password"')


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


async def ice_server(server: RunningServer) -> RTCIceServer:
    """Return the server's only ICE server, as players read it before they make an offer."""
    async with server.http.options(f"{server.url}/whep/master") as response:
        match = LINK.fullmatch(response.headers["Link"])
        assert match
        return RTCIceServer(match[1], match[2], match[3])


@pytest.mark.skipif(TURNSERVER is None, reason="coturn is not installed")
@pytest.mark.parametrize("kind", ["udp", "tcp", "tls"])
async def test_a_listener_receives_through_a_relay(
    kind: str, serve: Serve, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listener speaks to nothing but the relay, and the server is reached at its own relay: without UDP, if so."""
    make_certificate(tmp_path / "turn.pem")
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, str(tmp_path / "turn.pem"))
    async with relay(tmp_path, kind) as url, serve(music, turn=(url,)) as server:
        configuration = RTCConfiguration([await ice_server(server)], RTCIceTransportPolicy.RELAY)
        peer = RTCPeerConnection(configuration)
        peer.addTransceiver("audio", direction="recvonly")
        track: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
        peer.on("track", track.set_result)
        await peer.setLocalDescription(await peer.createOffer())
        offer = peer.localDescription.sdp
        assert "typ relay" in offer
        assert "typ host" not in offer
        headers = {"Content-Type": "application/sdp"}
        async with server.http.post(f"{server.url}/whep/master", data=offer, headers=headers) as response:
            answer = await response.text()
        relayed = "".join(line for line in answer.splitlines(keepends=True) if "typ host" not in line)
        assert "typ relay" in relayed
        await peer.setRemoteDescription(RTCSessionDescription(relayed, "answer"))
        received = await track
        frames = [await asyncio.wait_for(received.recv(), 10) for _ in range(50)]
        assert max(np.abs(frame.to_ndarray()).max() for frame in frames if isinstance(frame, av.AudioFrame)) > 300
        await peer.close()
