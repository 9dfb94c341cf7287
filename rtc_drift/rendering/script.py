"""Commands from a file: JSON lines, each with the time at which it comes and the body that it would have over HTTP."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rtc_drift.media import samples
from rtc_drift.rendering.memory_library import Collection
from rtc_drift.station.commands import Accepted, NoSuchDirectionError, NoSuchTrackError, Steering, checked_direction
from rtc_drift.station.refusals import refusal
from rtc_drift.station.requests import ORDERS, LoveRequest
from rtc_drift.station.views import Wire

BODIES: dict[str, type[Wire]] = {name: body for name, (body, _) in ORDERS.items()} | {"love": LoveRequest}


class OrderError(Exception):
    """A line that is no command, or one that the server would refuse; the message begins with the line's number."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"line {line}: {sentence}")


@dataclass(frozen=True, slots=True)
class Order:
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


def read_orders(text: str) -> tuple[Order, ...]:
    """The commands of a file, by their times; those of the same time in the order of their lines. Raises OrderError."""
    lines = enumerate(text.split("\n"), start=1)
    orders = [_order(number, line) for number, line in lines if line.strip()]
    return tuple(sorted(orders, key=lambda order: order.at))


def check_tracks(orders: Iterable[Order], collection: Collection) -> None:
    """See that the library has every track that is named. Raises OrderError."""
    for order in orders:
        track_id = getattr(order.body, "track_id", None)
        if track_id is not None and collection.get(track_id) is None:
            raise _refused(order.line, NoSuchTrackError())


def carry_out(order: Order, steering: Steering, collection: Collection, now: int) -> Accepted:
    """Do what was asked for; gives when it will be heard. Raises OrderError."""
    try:
        if isinstance(order.body, LoveRequest):
            return _love(order.body, collection, now)
        _, run = ORDERS[order.command]
        return run(steering, order.body)
    except Exception as error:
        raise _refused(order.line, error) from error


def _order(number: int, line: str) -> Order:
    try:
        head = _Head.model_validate_json(line)
        kind = BODIES.get(head.command)
        if kind is None:
            raise OrderError(number, f"there is no command {head.command!r}; there are {_list(tuple(BODIES))}.")
        body = kind.model_validate_json(json.dumps(head.model_extra))
        checked_direction(getattr(body, "direction", None))
    except ValidationError as error:
        raise OrderError(number, _sentence(error)) from None
    except NoSuchDirectionError as error:
        raise _refused(number, error) from None
    return Order(samples(head.at), head.command, body, number)


def _love(body: LoveRequest, collection: Collection, now: int) -> Accepted:
    track = collection.get(body.track_id)
    if track is None:
        raise NoSuchTrackError
    if body.value:
        collection.loved.add(track.id)
    else:
        collection.loved.discard(track.id)
    return Accepted(now, track, None)


def _refused(line: int, error: Exception) -> Exception:
    """What to raise in place of a refusal; anything else is raised as it is."""
    refused = refusal(error)
    return error if refused is None else OrderError(line, refused.sentence)


def _sentence(error: ValidationError) -> str:
    first: Any = error.errors()[0]
    if first["type"] == "json_invalid":
        return "this is not valid JSON."
    field = ".".join(str(part) for part in first["loc"])
    return f"{field}: {first['msg']}." if field else "this is not a JSON object."


def _list(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
