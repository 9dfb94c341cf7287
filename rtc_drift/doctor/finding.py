"""A finding: one line on one thing, ok or what to do."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "hint", "problem"]
"""`hint`: the server works, but could do better. `problem`: something will not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    level: Level
    text: str
    """The state, and if it is not good, what to do."""


def ok(subject: str, text: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(subject, "ok", text)


def hint(subject: str, text: str) -> Finding:
    """Return a finding that something could be better."""
    return Finding(subject, "hint", text)


def problem(subject: str, text: str) -> Finding:
    """Return a finding that something will not work."""
    return Finding(subject, "problem", text)
