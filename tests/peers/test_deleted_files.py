"""Files deleted while they play, by a server that follows its folder: they sound on, and are not gone back to."""

import shutil
from pathlib import Path

from rtc_drift.media import samples
from tests.conftest import Serve
from tests.listening import longest_silence_ms
from tests.waiting import until

ONE_WAY = True
LATE_MS = 1_000
"""After so long without a sample another track comes in."""


async def test_what_is_deleted_while_it_plays_sounds_on_and_then_gives_way(
    serve: Serve, music: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "music"
    shutil.copytree(music, folder)
    async with serve(folder) as served:
        library, conductor = served.service.library, served.service.sessions.master.station.autodj
        await until(lambda: len(library.playable()) == 5 and not library.status().scanning, 30)
        async with served.listener() as listener:
            await listener.read(samples(0.2))
            playing, planned = (entry.track for entry in conductor.programme.entries)
            for track in (playing, planned):
                track.path.unlink()
            await until(lambda: len(library.playable()) == 3)
            heard = await listener.read(samples(5))
            assert longest_silence_ms(heard) <= 20, "also beyond what was decoded when it went"
            assert conductor.failed_plays == 0
            current = conductor.now_playing()
            assert current is not None and current.track == playing

            # To go elsewhere in it, it has to be opened anew.
            await listener.command("seek", positionSeconds=20)
            await until(lambda: conductor.failed_plays == 1)
            heard = await listener.read(samples(1.5))
            assert longest_silence_ms(heard) <= LATE_MS
            assert abs(heard[-samples(0.2) :]).max() > 0.01
            current = conductor.now_playing()
            assert current is not None and current.track not in (playing, planned)

            # The same holds for what was deleted in a pause.
            current.track.path.unlink()
            await listener.command("pause")
            await until(lambda: len(library.playable()) == 2)
            await listener.read(samples(0.3))
            await listener.command("resume")
            await until(lambda: conductor.failed_plays == 2)
            heard = await listener.read(samples(1.5))
            assert longest_silence_ms(heard) <= LATE_MS
            assert abs(heard[-samples(0.2) :]).max() > 0.01
            current = conductor.now_playing()
            assert current is not None and current.track in library.playable()
