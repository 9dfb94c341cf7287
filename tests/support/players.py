"""Players of others that read the streams: ffmpeg and MPD. Each is asked which titles it shows."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

MPD_CONFIG = """
bind_to_address "127.0.0.1"
port "{port}"
music_directory "{folder}"
log_file "{folder}/log"
zeroconf_enabled "no"
input {{
  plugin "curl"
}}
audio_output {{
  type "recorder"
  name "recording"
  path "{folder}/sound.wav"
  encoder "wave"
  format "48000:16:2"
}}
"""


def need(*programs: str) -> None:
    """Skip the test with one line unless all programs are there."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed (Debian has them): {' '.join(missing)}")


async def record_with_ffmpeg(url: str, seconds: float, *options: str) -> tuple[bytes, str]:
    """Have ffmpeg decode a stream to s16 at 48 kHz for some seconds; return the samples, and what it said."""
    command = ("ffmpeg", "-nostdin", "-v", "verbose", *options, "-i", url, "-t", str(seconds))
    process = await asyncio.create_subprocess_exec(
        *(*command, "-f", "s16le", "-ar", "48000", "-ac", "2", "-"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return out, said.decode(errors="replace")


@asynccontextmanager
async def mpd_playing(url: str, folder: Path) -> AsyncIterator["Mpd"]:
    """Run MPD, and have it play a stream into `sound.wav`."""
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "mpd.conf"
    config.write_text(MPD_CONFIG.format(port=port, folder=folder))
    process = await asyncio.create_subprocess_exec(
        "mpd", "--no-daemon", str(config), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        mpd = Mpd(port)
        await mpd.connect()
        await mpd.ask(f'add "{url}"')
        await mpd.ask("play")
        yield mpd
        mpd.close()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


class Mpd:
    """A connection to MPD."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def connect(self) -> None:
        """Connect as soon as it listens."""
        async with asyncio.timeout(10):
            while True:
                try:
                    self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
                    break
                except ConnectionError:
                    await asyncio.sleep(0.05)
        await self._reader.readline()

    async def ask(self, command: str) -> dict[str, str]:
        """Send a command and return the fields of the answer."""
        self._writer.write(f"{command}\n".encode())
        fields = dict[str, str]()
        while (line := (await self._reader.readline()).decode().rstrip("\n")) != "OK":
            assert not line.startswith("ACK") and line, f"{command}: {line}"
            name, _, value = line.partition(": ")
            fields[name] = value
        return fields

    def close(self) -> None:
        """Disconnect."""
        self._writer.close()
