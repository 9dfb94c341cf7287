"""Everything about one file, in one decoding pass: whether it can be played, how long and how loud it is, its cues.

Synchronous and busy for about a second: it runs in a worker process.
"""

import errno
import stat
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from rtc_drift.analysis.cues import sounding_seconds
from rtc_drift.analysis.envelope import EnvelopeMeter
from rtc_drift.audio.decoding import AudioFile, DecodeError, open_audio
from rtc_drift.audio.loudness import LoudnessMeter
from rtc_drift.library.tags import read_tags
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.media import Audio, seconds

SHORTEST_SECONDS = 1.0
MOST_BAD_PACKETS = 0.05
_HASH_BLOCK_BYTES = 1 << 20
_CHUNKS_AT_ONCE = 10


def examine(path: Path, *, alive: Callable[[], None] = lambda: None) -> Track | Unplayable:
    """Read and decode the whole file once. Never raises for anything a file can contain.

    `alive` is called at least once per second of audio and MiB of file: proof that it isn't stuck.
    """
    try:
        return _examine(path, alive)
    except DecodeError as problem:
        return Unplayable(path=path, reason=str(problem))
    except OSError as error:
        return Unplayable(path=path, reason=sentence(error), passing=True)


def probe_job(path: str, alive: Callable[[], None]) -> dict[str, Any]:
    """Probe a file in a worker process. Returns `{"track": …}` or `{"unplayable": …}`."""
    result = examine(Path(path), alive=alive)
    return {"track" if isinstance(result, Track) else "unplayable": result.model_dump()}


def _examine(path: Path, alive: Callable[[], None]) -> Track:
    track_id = _content_id(path, alive)
    meter, envelope = LoudnessMeter(), EnvelopeMeter()
    with open_audio(path) as file:
        for block in blocks(file):
            meter.add(block)
            envelope.add(block)
            alive()
        _judge(file)
    measured = envelope.finish()
    duration = seconds(measured.samples)
    if duration < SHORTEST_SECONDS:
        raise DecodeError(f"It is too short to be played ({duration:.2f} seconds).")
    lufs = meter.finish()
    first, last = sounding_seconds(measured)
    tags = read_tags(path)
    return Track(
        id=track_id,
        path=path,
        title=tags.title,
        artist=tags.artist,
        album=tags.album,
        genre=tags.genre,
        year=tags.year,
        track_number=tags.track_number,
        has_cover=tags.has_cover,
        duration_seconds=duration,
        integrated_lufs=lufs,
        true_peak_dbtp=meter.true_peak_dbtp(),
        first_sound_seconds=first,
        last_sound_seconds=last,
    )


def _content_id(path: Path, alive: Callable[[], None]) -> str:
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
        raise DecodeError("This is not a file.")
    digest = blake2b(digest_size=8)
    with path.open("rb") as file:
        while block := file.read(_HASH_BLOCK_BYTES):
            digest.update(block)
            alive()
        if file.tell() == 0:
            raise DecodeError("The file is empty.")
    return digest.hexdigest()


def blocks(file: AudioFile) -> Iterator[Audio]:
    """What the engine will play, in blocks of about a second: measuring costs a fifth less in few blocks."""
    waiting, begun = list[Audio](), False
    try:
        for chunk in file.chunks():
            waiting.append(chunk)
            begun = True
            if len(waiting) == _CHUNKS_AT_ONCE:
                yield np.concatenate(waiting)
                waiting.clear()
    except DecodeError:
        if not begun:
            raise
        # It breaks off here, as it will for the engine; whether that is too early, its bad packets tell.
    if waiting:
        yield np.concatenate(waiting)


def _judge(file: AudioFile) -> None:
    """Raises if too much of the file was left out."""
    if file.bad_packets > MOST_BAD_PACKETS * max(file.packets, 1):
        share = file.bad_packets / max(file.packets, file.bad_packets)
        raise DecodeError(f"The file is damaged ({share:.0%} of it can't be decoded).")


def sentence(error: OSError) -> str:
    """Why a file can't be read, for people."""
    match error.errno:
        case errno.ENOENT:
            return "The file does not exist."
        case errno.EACCES | errno.EPERM:
            return "Permission denied."
        case _:
            return f"The file can't be read ({(error.strerror or 'unknown error').lower()})."
