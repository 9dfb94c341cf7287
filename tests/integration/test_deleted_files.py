"""Files deleted while they play, on a server that watches its folder: they play on, but are not opened again."""

import shutil
from pathlib import Path

from rtc_drift.media import samples
from tests.support.audio_checks import longest_silence_ms
from tests.support.server import Serve
from tests.support.waiting import until

SHARED_PORT_ONLY = True
RESCUE_MS = 1_000
"""Longest gap until another track starts, if a deck gives no samples."""


async def test_a_deleted_file_plays_on_until_it_must_be_opened_again(serve: Serve, music: Path, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    shutil.copytree(music, folder)
    async with serve(folder) as server:
        library, autodj = server.service.library, server.autodj
        await until(lambda: len(library.playable()) == 5 and not library.status().scanning, 30)
        async with server.listener() as listener:
            await listener.read(samples(0.2))
            playing, planned = (entry.track for entry in autodj.programme.entries)
            for track in (playing, planned):
                track.path.unlink()
            await until(lambda: len(library.playable()) == 3)
            audio = await listener.read(samples(4.6))
            assert longest_silence_ms(audio) <= 20, "also beyond what was decoded when the file was deleted"
            assert autodj.failed_plays == 0
            current = autodj.now_playing()
            assert current is not None and current.track == playing

            # A seek opens the file again, which fails.
            await listener.command("seek", positionSeconds=20)
            await until(lambda: autodj.failed_plays == 1)
            audio = await listener.read(samples(1.5))
            assert longest_silence_ms(audio) <= RESCUE_MS
            assert abs(audio[-samples(0.2) :]).max() > 0.01
            current = autodj.now_playing()
            assert current is not None and current.track not in (playing, planned)

            # The same happens to a file that is deleted during a pause.
            current.track.path.unlink()
            await listener.command("pause")
            await until(lambda: len(library.playable()) == 2)
            await listener.read(samples(0.3))
            await listener.command("resume")
            await until(lambda: autodj.failed_plays == 2)
            audio = await listener.read(samples(1.5))
            assert longest_silence_ms(audio) <= RESCUE_MS
            assert abs(audio[-samples(0.2) :]).max() > 0.01
            current = autodj.now_playing()
            assert current is not None and current.track.id in library.playable()
