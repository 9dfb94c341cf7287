"""A cue sheet: where in one long file each track begins."""

from collections.abc import Iterable

from rtc_drift import __version__
from rtc_drift.media import SAMPLE_RATE
from rtc_drift.station.programme import Entry

FRAMES_PER_SECOND = 75


def cue_sheet(file_name: str, seed: int, entries: Iterable[Entry]) -> str:
    """The tracks in the order of the entries, each from where it comes in."""
    lines = [f'REM GENERATOR "rtc-drift {__version__}"', f"REM SEED {seed}", f"FILE {_quoted(file_name)} WAVE"]
    for number, entry in enumerate(entries, start=1):
        lines += [f"  TRACK {number:02} AUDIO", f"    TITLE {_quoted(entry.track.title)}"]
        if entry.track.artist:
            lines.append(f"    PERFORMER {_quoted(entry.track.artist)}")
        lines.append(f"    INDEX 01 {_index(entry.play.start)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Cue sheets know no escapes: what would end a text or its line becomes something harmless."""
    legible = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    plain = "".join(character if character.isprintable() else " " for character in legible)
    return '"' + plain.replace('"', "'") + '"'


def _index(start: int) -> str:
    """A media time as minutes, seconds and frames."""
    frames = start * FRAMES_PER_SECOND // SAMPLE_RATE
    seconds, frame = divmod(frames, FRAMES_PER_SECOND)
    return f"{seconds // 60:02}:{seconds % 60:02}:{frame:02}"
