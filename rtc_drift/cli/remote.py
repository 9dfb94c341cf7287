"""`rtc-drift session …` and `rtc-drift next`, `pause` and so on: asks a running server."""

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rtc_drift.media import seconds
from rtc_drift.remote import Remote, RemoteError

KEY_VARIABLE = "RTC_DRIFT_CONTROL_KEY"
MAX_PLAYLIST_BYTES = 1 << 20


def run_remote(options: Namespace) -> int:
    """Do what the options ask, and print the answer. Returns the exit code."""
    try:
        asyncio.run(_run(options))
    except (RemoteError, OSError) as error:
        print(f"rtc-drift: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(options: Namespace) -> None:
    async with Remote(options.server, key=options.key or os.environ.get(KEY_VARIABLE)) as remote:
        await ACTIONS[options.action](remote, options)


async def _list(remote: Remote, options: Namespace) -> None:
    for it in (await remote.sessions()).sessions:
        playing = f"{it.now_playing.track.artist} – {it.now_playing.track.title}" if it.now_playing else ""
        of = f" of {it.following_session}" if it.following_session else ""
        print(f"{it.session_id}\t{it.type}{of}\t{it.clients}\t{playing}")


async def _create(remote: Remote, options: Namespace) -> None:
    wanted = {
        "starting_track": options.start,
        "direction": options.direction,
        "seed": options.seed,
        "locked": options.locked,
        "playlist": None if options.playlist is None else _text(options.playlist),
    }
    made = await remote.create(options.name, **{name: value for name, value in wanted.items() if value is not None})
    print(made.web_url)
    if made.control_key is not None:
        print(f"control key: {made.control_key}")
    for entry in made.not_found or ():
        print(f"not in the library: {entry}", file=sys.stderr)


async def _follow(remote: Remote, options: Namespace) -> None:
    made = await remote.follow(options.name, options.follower_name)
    print(made.web_url)
    if (key := getattr(made, "control_key", None)) is not None:
        print(f"control key: {key}")


async def _delete(remote: Remote, options: Namespace) -> None:
    await remote.delete(options.name)


def _command(name: str, body: Callable[[Namespace], dict[str, Any]] = lambda _: {}) -> Callable[..., Awaitable[None]]:
    async def send(remote: Remote, options: Namespace) -> None:
        accepted = await remote.command(options.session, name, **body(options))
        now = (await remote.session(options.session)).rtp_clock.media_time
        later = max(0.0, seconds(accepted.starts_at - now))
        what = f"{accepted.track.artist} – {accepted.track.title}, " if accepted.track is not None else ""
        how = f", {accepted.transition.style}" if accepted.transition is not None else ""
        print(f"{what}in {later:.1f} s{how}")

    return send


def _next(options: Namespace) -> dict[str, Any]:
    wanted = {"trackId": options.track, "direction": options.direction, "when": "now" if options.now else None}
    return {name: value for name, value in wanted.items() if value is not None}


def _text(path: Path) -> str:
    """Return the text of a playlist file. Raises RemoteError and OSError."""
    with path.open("rb") as file:
        content = file.read(MAX_PLAYLIST_BYTES + 1)
    if len(content) > MAX_PLAYLIST_BYTES:
        raise RemoteError(f"{path} is larger than 1 MiB.")
    return content.decode("utf-8", errors="replace")


ACTIONS: dict[str, Callable[..., Awaitable[None]]] = {
    "list": _list,
    "create": _create,
    "follow": _follow,
    "delete": _delete,
    "next": _command("next-track", _next),
    "previous": _command("previous"),
    "pause": _command("pause"),
    "resume": _command("resume"),
    "seek": _command("seek", lambda options: {"positionSeconds": options.seconds}),
    "queue": _command("queue", lambda options: {"trackId": options.track}),
    "direction": _command(
        "direction", lambda options: {"direction": None if options.direction == "none" else options.direction}
    ),
}
"""Actions by their names on the command line."""
