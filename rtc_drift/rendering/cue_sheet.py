"""A cue sheet: the start of each track in one long file."""

from collections.abc import Iterable

from rtc_drift import __version__
from rtc_drift.media import SAMPLE_RATE
from rtc_drift.station.entry import Entry

FRAMES_PER_SECOND = 75
"""Resolution of times in a cue sheet."""


def cue_sheet(file_name: str, seed: int, entries: Iterable[Entry]) -> str:
    """Return a cue sheet with the tracks of `entries`, each from its first sample on."""
    lines = [f'REM GENERATOR "rtc-drift {__version__}"', f"REM SEED {seed}", f"FILE {_quoted(file_name)} WAVE"]
    for number, entry in enumerate(entries, start=1):
        lines += [f"  TRACK {number:02} AUDIO", f"    TITLE {_quoted(entry.track.title)}"]
        if entry.track.artist:
            lines.append(f"    PERFORMER {_quoted(entry.track.artist)}")
        lines.append(f"    INDEX 01 {_index(entry.play.start)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Quote a text. Cue sheets have no escapes, so quotes and control characters are replaced."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    plain = "".join(character if character.isprintable() else " " for character in text)
    return '"' + plain.replace('"', "'") + '"'


def _index(start: int) -> str:
    """Format a media time as minutes, seconds and frames."""
    frames = start * FRAMES_PER_SECOND // SAMPLE_RATE
    seconds, frame = divmod(frames, FRAMES_PER_SECOND)
    return f"{seconds // 60:02}:{seconds % 60:02}:{frame:02}"
