"""The music of a soak: tracks of the demo library in several formats, which can be damaged, deleted and put back."""

import shutil
from pathlib import Path
from random import Random

import numpy as np

from rtc_drift.audio.seeking import decode
from rtc_drift.demo import DEMO, write
from tests.support.audio_files import write_audio

FORMATS = (".opus", ".flac", ".mp3", ".ogg", ".m4a", ".wav")
TRACKS = 12
BARS = 24
"""Length of each track: 40 to 80 s, so that tracks change often."""
DAMAGE_BYTES = 64 * 1024
LEAST_INTACT = TRACKS // 2


class MusicFolder:
    """A music folder whose files have intact originals elsewhere."""

    def __init__(self, originals: Path, folder: Path) -> None:
        """Copy the originals into a new folder."""
        self._originals = originals
        self.path = folder
        self._harmed = set[str]()
        """Names of the files that are damaged or deleted."""
        shutil.copytree(originals, folder)
        self._names = sorted(it.name for it in originals.iterdir())

    def name_of(self, title: str) -> str | None:
        """Return the name of the file whose track has a title."""
        spec = next((it for it in DEMO if it.title == title), None)
        return None if spec is None else next((it for it in self._names if Path(it).stem == spec.slug), None)

    def any_intact(self, random: Random) -> str | None:
        """Return the name of any intact file; None if too few are intact to harm another."""
        intact = [it for it in self._names if it not in self._harmed]
        return random.choice(intact) if len(intact) > LEAST_INTACT else None

    def damage(self, name: str, random: Random) -> None:
        """Overwrite bytes of a file in place, as a broken disk would."""
        path = self.path / name
        if not path.is_file():
            return
        self._harmed.add(name)
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(random.randrange(size // 4, max(size // 4 + 1, size - DAMAGE_BYTES)))
            file.write(random.randbytes(DAMAGE_BYTES) if random.random() < 0.7 else bytes(DAMAGE_BYTES))

    def delete(self, name: str) -> None:
        """Delete a file."""
        self._harmed.add(name)
        (self.path / name).unlink(missing_ok=True)

    def put_back(self, random: Random) -> str:
        """Put back a file that was harmed, or touch any other, so that it is read again. Return its name."""
        name = random.choice(sorted(self._harmed) or self._names)
        # Under another name first: a file that is played must not change under its reader.
        part = self.path / f".{name}.part"
        shutil.copyfile(self._originals / name, part)
        part.replace(self.path / name)
        self._harmed.discard(name)
        return name

    def put_back_all(self, random: Random) -> None:
        """Put back all files that were harmed."""
        while self._harmed:
            self.put_back(random)


def make_originals(folder: Path) -> None:
    """Write the originals into a folder, each format in turn. Those that are there already are left as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder.with_name(f"{folder.name}.part")
    for number, spec in enumerate(DEMO[:TRACKS]):
        suffix = FORMATS[number % len(FORMATS)]
        target = folder / f"{spec.slug}{suffix}"
        if target.is_file():
            continue
        rendered = write(spec, scratch, bars=BARS)
        if suffix == rendered.suffix:
            shutil.move(rendered, target)
            continue
        tags = {"title": spec.title, "artist": spec.artist, "album": spec.album, "genre": spec.style}
        part = write_audio(
            scratch / target.name, np.concatenate([audio for _, audio in decode(str(rendered), 0)]), tags=tags
        )
        shutil.move(part, target)
    shutil.rmtree(scratch, ignore_errors=True)
