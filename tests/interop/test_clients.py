"""Each client joins, hears both channels without loss, trickles, and leaves."""

import contextlib
import warnings
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.media import SAMPLE_RATE, Audio
from tests.interop.clients import CLIENTS, Client, listen
from tests.interop.namespace import inside_namespace
from tests.interop.table import Table
from tests.support.audio_files import sine, write_audio
from tests.support.deliveries import DELIVERIES
from tests.support.server import Serve, scan_into_catalogue
from tests.support.udp import free_udp_port
from tests.support.waiting import until

LEFT_HERTZ, RIGHT_HERTZ = 440.0, 1200.0
SEPARATION_DB = 20.0
"""How much weaker the tone of the left must be on the right."""
PACKETS = 5 * 50


@pytest.fixture(params=DELIVERIES)
def udp_port(request: pytest.FixtureRequest) -> int:
    return 0 if request.param == "stock aiortc" else free_udp_port()


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tracks with one tone on the left, and another on the right."""
    folder = tmp_path_factory.mktemp("tones")
    for number in range(2):
        audio = sine(120, hertz=LEFT_HERTZ, amplitude=0.2)
        audio[:, 1] = sine(120, hertz=RIGHT_HERTZ, amplitude=0.2)[:, 1]
        write_audio(folder / f"{number}.flac", audio, tags={"title": f"Tones {number}"})
    return scan_into_catalogue(folder)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda it: it.name)
async def test_a_client_of_others_listens(
    client: Client, serve: Serve, tones: Path, table: Table, request: pytest.FixtureRequest
) -> None:
    if (reason := client.missing()) is not None:
        warnings.warn(f"INTEROP: {client.name} was not tried: {reason}.", stacklevel=1)
        pytest.skip(reason)
    delivery = request.node.callspec.params["udp_port"]
    table.failed(client, delivery)
    with contextlib.nullcontext("127.0.0.1") if client.uses_loopback else inside_namespace() as address:
        async with serve(tones, ice_address=(address,)) as server:
            heard = await listen(client, f"{server.url}/whep/master")
            await until(lambda: not server.service.listeners)
    assert heard.errors == ()
    assert heard.lost == 0
    assert heard.received >= PACKETS - 5
    assert strongest_hertz(heard.sound[:, 0]) == pytest.approx(LEFT_HERTZ, abs=10)
    assert strongest_hertz(heard.sound[:, 1]) == pytest.approx(RIGHT_HERTZ, abs=10)
    assert level_db(heard.sound, 0) - level_db(heard.sound, 1) > SEPARATION_DB
    assert [status for method, status in heard.statuses if method == "POST"] == [201]
    patches = [status for method, status in heard.statuses if method == "PATCH"]
    assert set(patches) == ({204} if client.trickles else set())
    assert [status for method, status in heard.statuses if method == "DELETE"] == ([200] if client.deletes else [])
    table.passed(client, delivery, heard.received)


def spectrum(samples: Audio) -> tuple[Audio, Audio]:
    """Return frequencies and magnitudes."""
    magnitudes = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE), magnitudes


def strongest_hertz(samples: Audio) -> float:
    hertz, magnitudes = spectrum(samples)
    return float(hertz[np.argmax(magnitudes)])


def level_db(sound: Audio, channel: int) -> float:
    """Return the level of the left's tone on a channel."""
    hertz, magnitudes = spectrum(sound[:, channel])
    near = magnitudes[np.abs(hertz - LEFT_HERTZ) < 10]
    return 20 * float(np.log10(np.maximum(near.max(), 1e-9)))
