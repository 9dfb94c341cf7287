"""The demo library on disk: for each track an audio file and its ground truth, both complete or both absent."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rtc_drift.demo.ground_truth import truth
from rtc_drift.demo.specs import DEMO, TrackSpec
from rtc_drift.demo.synthesis import render

_NEWEST_KEY = b'"sections"'
"""Key that the ground truth of earlier versions has not."""


def write(spec: TrackSpec, folder: Path, *, bars: int | None = None) -> Path:
    """Render and encode a track, write audio and JSON to the folder, and return the audio's path.

    Do nothing if both files exist; write JSON of an earlier version again. A process killed in the middle leaves at
    most hidden `.part` files, and never audio without its ground truth. Raises OSError.
    """
    audio = folder / spec.filename
    if _complete(spec, folder):
        return audio
    from rtc_drift.demo.encode import encode  # loads PyAV, which `missing` doesn't need

    folder.mkdir(parents=True, exist_ok=True)
    json = _json(spec, folder)
    parts = _part(audio), _part(json)
    is_there = audio.is_file() and json.is_file()
    try:
        if not is_there:
            encode(render(spec, bars=bars), parts[0], _tags(spec))
        parts[1].write_text(truth(spec, bars=bars).model_dump_json(by_alias=True, indent=1), encoding="utf-8")
        parts[1].replace(json)
        if not is_there:
            parts[0].replace(audio)
    except BaseException:
        for part in parts:  # on a full disk, half a file would keep the space that is left
            with suppress(OSError):
                part.unlink(missing_ok=True)
        raise
    return audio


def write_job(number: int, folder: str, alive: Callable[[], None]) -> str:
    """Write the demo track of that number in a worker process and return the audio's path."""
    alive()
    return os.fspath(write(next(spec for spec in DEMO if spec.number == number), Path(folder)))


def missing(folder: Path) -> list[TrackSpec]:
    """Return the specs of `DEMO` whose files aren't both in the folder, as this version writes them, in order."""
    return [spec for spec in DEMO if not _complete(spec, folder)]


def _complete(spec: TrackSpec, folder: Path) -> bool:
    try:
        return (folder / spec.filename).is_file() and _NEWEST_KEY in _json(spec, folder).read_bytes()
    except OSError:
        return False


def _json(spec: TrackSpec, folder: Path) -> Path:
    return folder / f"{spec.slug}.json"


def _part(path: Path) -> Path:
    """Return a hidden name in the same folder that only this process uses."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _tags(spec: TrackSpec) -> dict[str, str]:
    return {
        "title": spec.title,
        "artist": spec.artist,
        "album": spec.album,
        "genre": spec.style,
        "date": str(spec.year),
        "track": str(spec.number),
    }
