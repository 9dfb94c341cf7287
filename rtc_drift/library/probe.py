"""Pass 1: probing one file, in one decoding pass. Can it be played, how long and how loud is it, where does it sound?

Synchronous, and busy for about a second: it runs in a worker process.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from rtc_drift.analysis.cues import sounding_seconds
from rtc_drift.analysis.envelope import EnvelopeMeter
from rtc_drift.audio.decoding import AudioFile, DecodeError, TooMuchMemoryError, open_audio
from rtc_drift.audio.loudness import LoudnessMeter
from rtc_drift.audio.seeking import decode
from rtc_drift.library.tags import read_tags
from rtc_drift.library.track import Track, Unplayable
from rtc_drift.media import Audio, samples, seconds
from rtc_drift.workers.opener import open_file

SHORTEST_SECONDS = 1.0
LONGEST_SECONDS = 12 * 3_600.0
"""Length of the longest file (12 h) that is played: what is longer is no music, or damaged, or made to be so."""
MAX_BYTES = 4 << 30
"""Size of the largest file (4 GiB) that is played."""
MOST_BAD_PACKETS = 0.05
_HASH_BLOCK_BYTES = 1 << 20
_CHUNKS_AT_ONCE = 10
_DECODED_AFTER_SEEK = samples(5.0)
_END_TOLERANCE = samples(0.5)
"""Samples by which a track whose file breaks off may end earlier after a seek: its last chunk is then another one."""


def probe(
    path: Path, *, seek_positions: Sequence[int] = (), alive: Callable[[], None] = lambda: None
) -> Track | Unplayable:
    """Probe a file: read and decode it once, and 5 s again from each of `seek_positions` (48 kHz) on.

    Never raises for anything a file can contain. Calls `alive` for each MiB read and each 2.5 s of audio decoded, as
    proof that it isn't stuck.
    """
    try:
        track = _probe(path, alive)
        for start in seek_positions:
            _decode_from(path, start, track.duration_samples, alive)
        return track
    except DecodeError as error:
        return Unplayable(path=path, reason=str(error))
    except MemoryError:
        return Unplayable(path=path, reason=str(TooMuchMemoryError()))
    except OSError as error:
        return Unplayable(path=path, reason=read_error_reason(error), temporary=True)


def probe_job(path: str, alive: Callable[[], None], seek_positions: Sequence[int] = ()) -> dict[str, Any]:
    """Probe a file in a worker process. Return `{"track": …}` or `{"unplayable": …}`."""
    result = probe(Path(path), seek_positions=seek_positions, alive=alive)
    return {"track" if isinstance(result, Track) else "unplayable": result.model_dump()}


def _probe(path: Path, alive: Callable[[], None]) -> Track:
    track_id = _content_id(path, alive)
    meter, envelope = LoudnessMeter(), EnvelopeMeter()
    with open_audio(path) as file:
        for chunk in large_chunks(file):
            meter.add(chunk)
            envelope.add(chunk)
            alive()
        _check_damage(file)
    measured = envelope.finish()
    duration = seconds(measured.samples)
    if duration < SHORTEST_SECONDS:
        raise DecodeError(f"The file is too short to be played ({duration:.2f} seconds).")
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


def _decode_from(path: Path, start: int, duration: int, alive: Callable[[], None]) -> None:
    """Decode a few seconds as a deck does after a seek. Raises DecodeError if they break off before the track's end."""
    end = min(start + _DECODED_AFTER_SEEK, duration - _END_TOLERANCE)
    for position, chunk in decode(os.fspath(path), start):
        alive()
        if position + len(chunk) >= end:
            return


def _content_id(path: Path, alive: Callable[[], None]) -> str:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would block for ever
        raise DecodeError("This is not a file.")
    _check_size(status.st_size)
    digest = blake2b(digest_size=8)
    with open_file(path) as file:
        while block := file.read(_HASH_BLOCK_BYTES):
            digest.update(block)
            alive()
            _check_size(file.tell())
        if file.tell() == 0:
            raise DecodeError("The file is empty.")
    return digest.hexdigest()


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise DecodeError(f"The file is too big to be played (more than {MAX_BYTES >> 30} GiB).")


def large_chunks(file: AudioFile) -> Iterator[Audio]:
    """Yield the audio that a deck will play, in chunks of 2.5 s: measuring large chunks costs a fifth less.

    Stops at damage that ends the decoding. Raises DecodeError if there is no audio before it, the memory does not
    suffice or the file is too long, whatever length it claims; and OSError.
    """
    length = 0
    for chunk in _joined_chunks(file):
        length += len(chunk)
        if length > samples(LONGEST_SECONDS):
            raise DecodeError(f"The file is too long to be played (more than {LONGEST_SECONDS / 3_600:.0f} hours).")
        yield chunk


def _joined_chunks(file: AudioFile) -> Iterator[Audio]:
    waiting, has_audio = list[Audio](), False
    try:
        for chunk in file.chunks():
            waiting.append(chunk)
            has_audio = True
            if len(waiting) == _CHUNKS_AT_ONCE:
                yield np.concatenate(waiting)
                waiting.clear()
    except DecodeError as error:
        if not has_audio or isinstance(error, TooMuchMemoryError):
            raise
        # It breaks off here, as it will for a deck. `_check_damage` decides if that is too early.
    if waiting:
        yield np.concatenate(waiting)


def _check_damage(file: AudioFile) -> None:
    """Raise DecodeError if too much of the file was skipped."""
    if file.bad_packets > MOST_BAD_PACKETS * max(file.packets, 1):
        share = file.bad_packets / max(file.packets, file.bad_packets)
        raise DecodeError(f"The file is damaged ({share:.0%} of it can't be decoded).")


def read_error_reason(error: OSError) -> str:
    """Return the sentence for users about a file that can't be read."""
    match error.errno:
        case errno.ENOENT:
            return "The file does not exist."
        case errno.EACCES | errno.EPERM:
            return "Permission denied."
        case _:
            return f"The file can't be read ({(error.strerror or 'unknown error').lower()})."
