"""Judges the data folder and the music folders."""

from dataclasses import dataclass
from pathlib import Path

from rtc_drift.doctor.finding import Finding, hint, ok, problem

LEAST_FREE_BYTES = 100 << 20
ENOUGH_FREE_BYTES = 1 << 30
"""Room for a large catalogue, its copy while it is migrated, and all stretched intros."""


@dataclass(frozen=True, slots=True)
class MusicFolder:
    """A music folder as it was found."""

    path: Path
    failure: str | None = None
    """Reason for which it can't be read."""
    folders: int = 0
    unreadable: int = 0
    """Number of folders below it that can't be read."""
    has_music: bool = False


def data_folder(path: Path, failure: str | None, free_bytes: int) -> Finding:
    """Judge the data folder, from what went wrong when something was written there."""
    if failure is not None:
        return problem("data folder", f"{path} can't be used ({failure}): name another with --data-dir.")
    free = f"{free_bytes / (1 << 30):.1f} GB free"
    if free_bytes < LEAST_FREE_BYTES:
        return problem(
            "data folder", f"{path} has too little room ({free}): make room or name another with --data-dir."
        )
    if free_bytes < ENOUGH_FREE_BYTES:
        return hint("data folder", f"{path} has little room ({free}): a large library needs up to 1 GB.")
    return ok("data folder", f"{path}, {free}")


def music_folder(found: MusicFolder) -> Finding:
    """Judge a music folder."""
    subject = f"music in {found.path}"
    if found.failure is not None:
        return problem(subject, f"It can't be read ({found.failure}).")
    if found.unreadable:
        return hint(subject, f"{found.unreadable} of {found.folders} folders can't be read by this user.")
    if not found.has_music:
        return hint(subject, "There is no music in it.")
    return ok(subject, f"{found.folders} folders")
