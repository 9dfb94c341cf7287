"""The options of the commands that ask a running server."""

import argparse
import os
from pathlib import Path
from typing import Any

SERVER_VARIABLE = "RTC_DRIFT_SERVER"
DEFAULT_SERVER = "http://127.0.0.1:8080"


def add_remote(commands: Any) -> None:
    """Add `session`, and each command of a session."""
    sessions = commands.add_parser("session", help="list, create, follow or delete sessions of a running server")
    actions = sessions.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add(actions, "list", "print id, type, number of clients and what plays, a line for each session")
    create = _add(actions, "create", "create a session and print its page")
    create.add_argument("name")
    create.add_argument("--start", metavar="TRACK", help="its first track: an id, or words of artist and title")
    create.add_argument("--direction", help="where it heads, such as brighter")
    create.add_argument("--seed", type=int)
    create.add_argument("--locked", action="store_true", default=None, help="commands need the key that is printed")
    create.add_argument("--playlist", type=Path, metavar="FILE", help="an M3U, M3U8 or XSPF file to queue")
    follow = _add(actions, "follow", "create a follower of a session and print its page")
    follow.add_argument("name", metavar="session")
    follow.add_argument("--name", dest="follower_name", metavar="NAME", help="the follower's name for people")
    _add(actions, "delete", "end a session").add_argument("name", metavar="session")

    skip = _of_session(commands, "next", "cross over into the next track of a running server")
    skip.add_argument("track", nargs="?", help="the id of a track")
    skip.add_argument("--direction", help="choose one for a direction, such as brighter")
    skip.add_argument("--now", action="store_true", help="do not wait for a bar")
    _of_session(commands, "previous", "go back to the track before")
    _of_session(commands, "pause", "go silent for everybody")
    _of_session(commands, "resume", "go on after a pause")
    _of_session(commands, "seek", "go elsewhere in the present track").add_argument("seconds", type=float)
    _of_session(commands, "queue", "queue a track").add_argument("track", help="its id")
    steer = _of_session(commands, "direction", "steer a running server: brighter, calmer, faster …")
    steer.add_argument("direction", help="the direction; none ends steering")


def _of_session(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser = _add(commands, name, text)
    parser.add_argument("--session", default="master", metavar="ID", help="the session (master)")
    return parser


def _add(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    server = os.environ.get(SERVER_VARIABLE, DEFAULT_SERVER)
    parser.add_argument("--server", default=server, metavar="URL", help=f"the server ({DEFAULT_SERVER})")
    parser.add_argument("--key", help="the control key of a locked session (or in RTC_DRIFT_CONTROL_KEY)")
    parser.set_defaults(command=_run, action=name)
    return parser


def _run(options: argparse.Namespace) -> int:
    from rtc_drift.cli.remote import run_remote

    return run_remote(options)
