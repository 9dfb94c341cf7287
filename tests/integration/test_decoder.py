"""The decoder dies, hangs, or meets a bad file: nobody else hears it, and a bad file is replaced in time.

Rooms are compared, packet by packet, with what their plays make offline. Where an encoder or a seek would leave the
slightest difference, the packets differ.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest

from rtc_drift.media import SAMPLE_RATE, samples
from rtc_drift.station.station import Station
from rtc_drift.workers.sandbox import describe
from tests.support.audio_checks import longest_silence_ms
from tests.support.audio_files import write_audio
from tests.support.bad_files import ABORTS, ALLOCATES, HANGS, bad_files
from tests.support.drum_patterns import MIXABLE, render_pattern
from tests.support.music import steady_music
from tests.support.recording import received_packets
from tests.support.server import RunningServer, Serve, scan_into_catalogue
from tests.support.waiting import until
from tests.support.wiretap import Wiretap

SHARED_PORT_ONLY = True
FORMATS = ("flac", "mp3", "ogg", "wav", "opus")


@pytest.fixture(scope="module")
def formats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five tracks of 40 s, each in another format, at 44.1 kHz where the format has that."""
    folder = tmp_path_factory.mktemp("formats")
    for seed, suffix in enumerate(FORMATS):
        audio = steady_music(40, seed=seed, level=0.1)
        rate = SAMPLE_RATE if suffix == "opus" else 44_100
        write_audio(folder / f"{suffix}.{suffix}", audio, rate=rate, tags={"title": f"Format {suffix}"})
    return scan_into_catalogue(folder)


def decoder_of(server: RunningServer) -> int:
    """Return the id of the decoder process."""
    (pid,) = server.service.engines.decoder_pids
    return pid


async def kill_decoder(server: RunningServer) -> None:
    """Kill the decoder, and wait until there is another one."""
    killed = decoder_of(server)
    os.kill(killed, signal.SIGKILL)
    await until(lambda: server.service.engines.decoder_pids not in ([], [killed]))


async def room(server: RunningServer, title: str, **options: str) -> Station:
    """Create a room that begins with the track of that title."""
    name = title.lower().replace(" ", "-")
    await server.create(name, startingTrack=title, **options)
    return server.service.sessions.find(name).station


async def reach(taps: Sequence[Wiretap], seconds: float) -> None:
    """Wait until all rooms have played for so long."""
    await until(lambda: all(tap.media_time >= samples(seconds) for tap in taps), 60)


async def assert_as_planned(taps: Sequence[Wiretap]) -> None:
    for tap in taps:
        await tap.stop()
        assert tap.gaps() == 0, tap.station.id
        different = await asyncio.to_thread(tap.different)
        assert not different, (tap.station.id, len(different), len(tap.packets), different[0] / SAMPLE_RATE)


async def test_nobody_hears_that_the_decoder_is_killed(serve: Serve, formats: Path) -> None:
    async with serve(formats) as server, AsyncExitStack() as stack:
        stations = [await room(server, f"Format {suffix}") for suffix in FORMATS]
        taps = [Wiretap(station) for station in stations]
        listener = await stack.enter_async_context(server.listener("format-mp3"))
        received = received_packets(listener)
        ogg = await stack.enter_async_context(server.http.get(f"{server.url}/stream/format-ogg"))
        await reach(taps, 2)
        # One is in a transition, one is paused, the others are in the middle of their tracks.
        await server.post("/session/format-wav/next-track", {"when": "now"})
        await server.post("/session/format-opus/pause")
        await kill_decoder(server)
        await asyncio.sleep(0.2)
        await kill_decoder(server)
        await asyncio.sleep(1)
        await server.post("/session/format-opus/resume")
        await reach(taps, 9)
        body = await ogg.content.read(20_000)
        assert server.service.engines.decoder_restarts == 2
        assert "rtc_drift_decoder_restarts_total 2.0" in await server.metrics()
        assert "rtc_drift_engine_starved_blocks_total 0.0" in await server.metrics()
        assert server.service.sessions.failed_plays == 0
        heard = received[:-5]
        await assert_as_planned(taps)
    sent = set(taps[FORMATS.index("mp3")].packets.values())
    assert len(heard) > 400
    assert {packet for _, packet in heard} <= sent, "the WebRTC listener got nothing else"
    timestamps = [timestamp for timestamp, _ in heard]
    assert set(np.diff(timestamps) % 2**32) == {960}, "and all of it"
    assert any(packet in body for packet in taps[FORMATS.index("ogg")].packets.values())


async def test_nobody_hears_that_the_decoder_hangs(serve: Serve, formats: Path) -> None:
    async with serve(formats) as server:
        tap = Wiretap(await room(server, "Format flac"))
        await reach([tap], 2)
        hung = decoder_of(server)
        os.kill(hung, signal.SIGSTOP)
        await until(lambda: server.service.engines.decoder_pids not in ([], [hung]))
        await reach([tap], tap.media_time / SAMPLE_RATE + 5)
        await assert_as_planned([tap])


async def test_nobody_hears_that_the_decoder_is_killed_in_a_stretched_intro(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "beats"
    folder.mkdir()
    for title, pattern in MIXABLE.items():
        write_audio(folder / f"{title}.flac", render_pattern(pattern), tags={"title": title})
    async with serve(folder, analysis=True) as server:
        await until(lambda: len(server.service.library.analyses.analysed) == len(MIXABLE), 60)
        await server.post("/session/master/seek", {"positionSeconds": 5})
        tap = Wiretap(server.station)
        await until(lambda: any(play.lead for play in server.autodj.programme.plays), 10)
        stretched = next(play for play in server.autodj.programme.plays if play.lead)
        assert stretched.lead is not None
        resumes = stretched.start + stretched.lead.length
        await until(lambda: tap.media_time >= stretched.start + samples(1), 30)
        await kill_decoder(server)
        # Another time where the track's own file has taken over.
        await until(lambda: tap.media_time >= resumes + samples(1), 30)
        await kill_decoder(server)
        await until(lambda: tap.media_time >= resumes + samples(5), 30)
        await assert_as_planned([tap])


@pytest.mark.parametrize("name", [ABORTS, ALLOCATES, HANGS, "becomes a pipe", "is replaced"])
async def test_a_bad_file_is_replaced_in_time_and_the_other_rooms_do_not_notice(
    serve: Serve, formats: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "music"
    shutil.copytree(formats, folder)
    bad = write_audio(folder / f"{name}.flac", steady_music(40, seed=9, level=0.1), tags={"title": "Bad"})
    scan_into_catalogue(folder)
    files = {folder / f"{suffix}.{suffix}" for suffix in FORMATS}
    with bad_files(tmp_path / "code"):
        async with serve(folder) as server:
            others = [Wiretap(await room(server, f"Format {suffix}")) for suffix in ("mp3", "flac")]
            await reach(others, 1)
            station = await room(server, "Bad")
            track = next(track for track in server.service.library.playable().values() if track.path == bad)
            if name in (ABORTS, "becomes a pipe"):  # decoded from the beginning it is as good as any
                tap = Wiretap(station)
                await reach([tap], 1)
                if name == "becomes a pipe":
                    bad.unlink()
                    os.mkfifo(bad)
                await server.post("/session/bad/seek", {"positionSeconds": 20})
            else:
                tap = Wiretap(station)
                if name == "is replaced":
                    await reach([tap], 1)
                    write_audio(tmp_path / "other.flac", steady_music(40, seed=11)).replace(bad)
                    await kill_decoder(server)
            await until(lambda: station.autodj.failed_plays > 0, 20)
            failed_at = tap.media_time
            await until(lambda: tap.media_time >= failed_at + samples(2), 20)
            assert tap.gaps() == 0
            assert server.service.library.get(track.id) is None, "it is not played again"
            if name in (ABORTS, ALLOCATES):
                await until(lambda: server.service.library.status().unplayable == 1, 20)
            assert server.service.engines.restarts == 0
            assert server.service.engines.decoder_restarts == {ABORTS: 2, ALLOCATES: 2, "is replaced": 1}.get(name, 0)
            playable = {track.path for track in server.service.library.playable().values()}
            assert playable - {bad} == files, "no other is blamed"
            await tap.stop()
            await assert_as_planned(others)
    # Where somebody asks for a place that can't be decoded, or where reading hangs, what is decoded runs out.
    longest = {ABORTS: 1_000, HANGS: 3_000}.get(name, 20)
    assert longest_silence_ms(decoded(tap)) <= longest


async def test_music_behind_links_and_in_a_folder_that_is_another_one_now_is_played(
    serve: Serve, formats: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As when a drive is lost and back: the name is the same, the folder is not."""
    folder, elsewhere = tmp_path / "music", tmp_path / ".elsewhere"
    shutil.copytree(formats, folder, ignore=lambda *_: {"flac.flac", "mp3.mp3"})
    elsewhere.mkdir()
    for name in ("flac.flac", "mp3.mp3"):
        shutil.copy2(formats / name, elsewhere / name)
    (folder / "linked.flac").symlink_to(elsewhere / "flac.flac")
    (elsewhere / "album").mkdir()
    (elsewhere / "mp3.mp3").rename(elsewhere / "album" / "mp3.mp3")
    (folder / "album").symlink_to(elsewhere / "album")
    caplog.set_level("INFO")
    async with serve(folder) as server:
        assert describe() in caplog.text, "people read whether they are protected"
        assert len(await server.scanned_tracks()) == len(FORMATS), "workers read them, too"
        taps = [Wiretap(await room(server, f"Format {suffix}")) for suffix in ("flac", "mp3")]
        await reach(taps, 1)
        away = folder.rename(tmp_path / "away")
        folder.mkdir()
        for entry in away.iterdir():
            entry.rename(folder / entry.name)
        later = [Wiretap(await room(server, f"Format {suffix}")) for suffix in ("wav", "opus")]
        await kill_decoder(server)
        await reach([*taps, *later], 2)
        assert server.service.sessions.failed_plays == 0
        await assert_as_planned([*taps, *later])


async def test_rings_go_with_their_decks_whichever_process_is_killed(serve: Serve, formats: Path) -> None:
    def rings(*pids: int | None) -> int:
        return sum(Path(f"/proc/{pid}/maps").read_text().count("memfd:ring") for pid in pids)

    async with serve(formats) as server:
        engines = server.service.engines
        await until(lambda: rings(decoder_of(server)) == len(server.autodj.programme.plays))
        before = rings(engines.pid)
        assert before == rings(decoder_of(server)) > 0
        stations = [await room(server, f"Format {suffix}") for suffix in FORMATS]
        taps = [Wiretap(station) for station in stations]
        await reach(taps, 1)
        for suffix in FORMATS:
            await server.post(f"/session/format-{suffix}/next-track", {"when": "now"})
        assert rings(engines.pid) >= before + len(FORMATS)
        await kill_decoder(server)
        await until(lambda: rings(decoder_of(server)) == rings(engines.pid) >= before + len(FORMATS))
        killed = engines.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until(lambda: engines.pid not in (None, killed))
        await until(lambda: rings(decoder_of(server)) == rings(engines.pid) >= before + len(FORMATS))
        for tap in taps:
            await tap.stop()
        for suffix in FORMATS:
            assert await server.delete(f"/api/session/format-{suffix}") == 204
        await until(lambda: rings(engines.pid) == rings(decoder_of(server)) == len(server.autodj.programme.plays))
        descriptors = os.listdir(f"/proc/{decoder_of(server)}/fd")  # noqa: PTH208
        assert len(descriptors) < 30


def decoded(tap: Wiretap) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    """Decode what a room has sent."""
    import av

    codec = av.CodecContext.create("opus", "r")
    frames = []
    for at in sorted(tap.packets):
        packet = av.Packet(tap.packets[at])
        frames += [np.asarray(frame.to_ndarray(), np.float32).T for frame in codec.decode(packet)]
    return np.concatenate(frames)
