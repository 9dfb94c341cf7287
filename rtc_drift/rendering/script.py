"""Commands from a file: JSON lines, each with the time at which it comes and the body that it would have over HTTP."""

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


class ScriptError(Exception):
    """A line that is no command, or one that the server would refuse; the message begins with the line's number."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"line {line}: {sentence}")


@dataclass(frozen=True, slots=True)
class ScriptedCommand:
    """A command that comes at the media time `at`."""

    at: int
    command: str
    body: Wire
    line: int
    """Where it stands in its file, from 1."""


class _Head(BaseModel):
    model_config = ConfigDict(extra="allow")

    at: float = Field(ge=0, allow_inf_nan=False, strict=True)
    command: str


def read_script(text: str) -> tuple[ScriptedCommand, ...]:
    """Read the commands of a file, in order of their times, then of their lines. Raises ScriptError."""
    lines = enumerate(text.split("\n"), start=1)
    script = [_order(number, line) for number, line in lines if line.strip()]
    return tuple(sorted(script, key=lambda order: order.at))


def check_tracks(script: Iterable[ScriptedCommand], library: MemoryLibrary) -> None:
    """See that the library has every track that is named. Raises ScriptError."""
    for order in script:
        track_id = getattr(order.body, "track_id", None)
        if track_id is not None and library.get(track_id) is None:
            raise _refused(order.line, NoSuchTrackError())


def carry_out(order: ScriptedCommand, commands: Commands, library: MemoryLibrary, now: int) -> Accepted:
    """Do what was asked for; gives when it will be heard. Raises ScriptError."""
    try:
        if isinstance(order.body, LoveRequest):
            return _love(order.body, library, now)
        _, run = REQUESTS[order.command]
        return run(commands, order.body)
    except Exception as error:
        raise _refused(order.line, error) from error


def _order(number: int, line: str) -> ScriptedCommand:
    try:
        head = _Head.model_validate_json(line)
        kind = BODIES.get(head.command)
        if kind is None:
            raise ScriptError(number, f"there is no command {head.command!r}; there are {_list(tuple(BODIES))}.")
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
    """What to raise in place of a refusal; anything else is raised as it is."""
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
