"""The same programme in every format, and players of others that listen to three tracks of it."""

import asyncio
import io
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest

from rtc_drift.media import Audio, samples
from tests.support.audio_checks import best_correlation, longest_silence_ms
from tests.support.audio_files import write_audio
from tests.support.music import steady_music
from tests.support.players import mpd_playing, need, record_with_ffmpeg
from tests.support.server import RunningServer, Serve, scan_into_catalogue
from tests.support.waiting import until

SHARED_PORT_ONLY = True
LISTENING_SECONDS = 14
TRACKS = 3


@pytest.fixture(scope="module")
def titled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six tracks of 6 s with titles that are awkward for protocols."""
    folder = tmp_path_factory.mktemp("titled")
    for number in range(6):
        tags = {"title": f"Don’t {number}", "artist": f"Ärtist {number}; and others", "album": f"Album {number}"}
        write_audio(folder / f"{number}.flac", steady_music(6, seed=number, level=0.1), tags=tags)
    return scan_into_catalogue(folder)


async def read(server: RunningServer, path: str, size: int) -> bytes:
    async with server.http.get(f"{server.url}{path}") as response:
        return await response.content.readexactly(size)


def decoded(body: bytes, suffix: str) -> Audio:
    frames = []
    with av.open(io.BytesIO(body), "r", format=suffix) as container, suppress(av.error.InvalidDataError):
        for frame in container.decode(audio=0):
            frames.append(frame.to_ndarray())  # noqa: PERF401 (the last one is incomplete)
    return np.concatenate(frames, axis=-1).T.astype(np.float32)


def from_s16(data: bytes) -> Audio:
    return (np.frombuffer(data[: len(data) // 4 * 4], "<i2").reshape(-1, 2) / 32768).astype(np.float32)


async def test_mp3_and_aac_are_the_programme_of_the_ogg_stream(serve: Serve, music: Path) -> None:
    async with serve(music) as server:
        ogg, mp3, aac = await asyncio.gather(
            read(server, "/stream/master", 64_000),
            read(server, "/stream/master.mp3", 72_000),
            read(server, "/stream/master.aac", 60_000),
        )
        await until(lambda: server.station.listeners == 0)
    reference = decoded(ogg, "ogg")
    for audio in (decoded(mp3, "mp3"), decoded(aac, "aac")):
        part = audio[samples(0.8) : samples(2.3)]
        assert longest_silence_ms(part) <= 20
        assert best_correlation(part, reference) >= 0.9


async def test_players_hear_three_tracks_and_show_their_titles(serve: Serve, titled: Path, tmp_path: Path) -> None:
    need("ffmpeg", "mpd")
    async with serve(titled) as server:
        url = f"{server.url}/stream/master"
        wav = tmp_path / "mpd" / "sound.wav"
        async with mpd_playing(url, tmp_path / "mpd") as mpd:
            ogg, mp3 = (
                asyncio.create_task(record_with_ffmpeg(each, LISTENING_SECONDS)) for each in (url, f"{url}.mp3")
            )
            shown = list[str]()
            while not (ogg.done() and mp3.done()):
                song = await mpd.ask("currentsong")
                if "Title" in song:
                    shown.append(f"{song.get('Artist')} - {song['Title']}")
                await asyncio.sleep(0.2)
            (by_ffmpeg, _), (by_mp3, said) = await ogg, await mp3
        started = [
            f"{track.artist} - {track.title}"
            for track_id in server.autodj.journey.history.played
            if (track := server.service.library.get(track_id)) is not None
        ]
    for titles in (list(dict.fromkeys(shown)), list(dict.fromkeys(icy_titles(said)))):
        assert len(titles) >= TRACKS
        assert titles == started[started.index(titles[0]) :][: len(titles)]
    reference = from_s16(by_ffmpeg)
    heard = from_s16(wav.read_bytes()[44:])
    for audio in (heard, from_s16(by_mp3)):
        assert len(audio) > samples(LISTENING_SECONDS - 4)
        part = audio[samples(3) : samples(LISTENING_SECONDS - 6)]  # with the seams of two logical streams
        assert longest_silence_ms(part) <= 20
        assert best_correlation(part, reference) >= 0.9


def icy_titles(said: str) -> list[str]:
    """Return the titles that ffmpeg has told."""
    lines = (line.partition("Metadata update for StreamTitle: ") for line in said.splitlines())
    return [title for _, found, title in lines if found]
