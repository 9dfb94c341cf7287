"""The suffixes of music files. A module of its own, since a process that only watches folders needs nothing else."""

SUFFIXES = frozenset(
    f".{name}"
    for name in "mp3 flac ogg oga opus m4a aac mp4 wav aif aiff wma webm".split()  # noqa: SIM905 (easier to read)
)
