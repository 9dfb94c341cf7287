"""Commands from a file of JSON lines, each with its time and the fields of its HTTP body."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rtc_drift.media import samples
from rtc_drift.rendering.memory_library import MemoryLibrary
from rtc_drift.station.commands import Accepted, Commands, NoSuchDirectionError, NoSuchTrackError, checked_direction
from rtc_drift.station.refusals import refusal
from rtc_drift.station.requests import REQUESTS, LoveRequest
from rtc_drift.station.views import Wire

BODIES: dict[str, type[Wire]] = {name: body for name, (body, _) in REQUESTS.items()} | {"love": LoveRequest}
"""Models of the bodies, by command."""


class ScriptError(Exception):
    """An invalid line, or a command that a server would refuse. The message is a sentence after the line number."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"line {line}: {sentence}")


@dataclass(frozen=True, slots=True)
class ScriptedCommand:
    """A command with its time."""

    at: int
    """Media time in samples."""
    command: str
    body: Wire
    line: int
    """Line number in the file, from 1."""


class _Head(BaseModel):
    model_config = ConfigDict(extra="allow")

    at: float = Field(ge=0, allow_inf_nan=False, strict=True)
    command: str


def read_script(text: str) -> tuple[ScriptedCommand, ...]:
    """Parse the commands of a file; returns them in order of time, then of line. Raises ScriptError."""
    lines = enumerate(text.split("\n"), start=1)
    script = [_parsed(number, line) for number, line in lines if line.strip()]
    return tuple(sorted(script, key=lambda scripted: scripted.at))


def check_tracks(script: Iterable[ScriptedCommand], library: MemoryLibrary) -> None:
    """Check that the library has every track of a script. Raises ScriptError."""
    for scripted in script:
        track_id = getattr(scripted.body, "track_id", None)
        if track_id is not None and library.get(track_id) is None:
            raise _refused(scripted.line, NoSuchTrackError())


def execute(scripted: ScriptedCommand, commands: Commands, library: MemoryLibrary, now: int) -> Accepted:
    """Execute a command at media time `now`; returns when it takes effect. Raises ScriptError if it is refused."""
    try:
        if isinstance(scripted.body, LoveRequest):
            return _love(scripted.body, library, now)
        _, run = REQUESTS[scripted.command]
        return run(commands, scripted.body)
    except Exception as error:
        raise _refused(scripted.line, error) from error


def _parsed(number: int, line: str) -> ScriptedCommand:
    try:
        head = _Head.model_validate_json(line)
        kind = BODIES.get(head.command)
        if kind is None:
            raise ScriptError(number, f"unknown command {head.command!r}; the commands are {_list(tuple(BODIES))}.")
        body = kind.model_validate_json(json.dumps(head.model_extra))
        checked_direction(getattr(body, "direction", None))
    except ValidationError as error:
        raise ScriptError(number, _sentence(error)) from None
    except NoSuchDirectionError as error:
        raise _refused(number, error) from None
    return ScriptedCommand(samples(head.at), head.command, body, number)


def _love(body: LoveRequest, library: MemoryLibrary, now: int) -> Accepted:
    track = library.get(body.track_id)
    if track is None:
        raise NoSuchTrackError
    if body.value:
        library.loved.add(track.id)
    else:
        library.loved.discard(track.id)
    return Accepted(now, track, None)


def _refused(line: int, error: Exception) -> Exception:
    """Return a ScriptError for an error that means a refusal, and any other error unchanged."""
    refused = refusal(error)
    return error if refused is None else ScriptError(line, refused.sentence)


def _sentence(error: ValidationError) -> str:
    first: Any = error.errors()[0]
    if first["type"] == "json_invalid":
        return "this is not valid JSON."
    field = ".".join(str(part) for part in first["loc"])
    return f"{field}: {first['msg']}." if field else "this is not a JSON object."


def _list(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
