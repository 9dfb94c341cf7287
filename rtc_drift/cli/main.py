"""The command line: `rtc-drift COMMAND`. Each command is a module of this package."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from rtc_drift import __version__
from rtc_drift.cli.remote_options import add_remote
from rtc_drift.config import ConfigError, load

DESCRIPTION = "Turns a music library into a live programme and delivers it to browsers over WebRTC."
EPILOG = "`rtc-drift COMMAND --help` lists the options of a command. Without COMMAND, `serve` is run."
SERVE_EPILOG = """\
Every option can also be set in the environment (--data-dir as RTC_DRIFT_DATA_DIR; separate music folders
as in PATH, other lists by spaces) and in a TOML file (data_dir = "…", music = ["…"]): config.toml in the
user's configuration directory, or the file that RTC_DRIFT_CONFIG names.
The command line comes first, then the environment, then the file.

examples:
  rtc-drift                                      the demo library on http://127.0.0.1:8080
  rtc-drift serve --music ~/Music --port 9000    your own music
  rtc-drift serve --host 0.0.0.0 --music /srv/music
                                                 for the local network: WebRTC binds every interface
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, and exit: with 0 if done, 1 if it failed, 2 for wrong usage or settings, 130 for Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # `serve` is the default: `rtc-drift --music DIR` is what people type first.
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help", "--version")):
        given.insert(0, "serve")
    options = _parser().parse_args(given)
    try:
        sys.exit(options.command(options))
    except KeyboardInterrupt:
        sys.exit(130)
    except ConfigError as error:
        _usage_error(str(error))


def _serve(options: argparse.Namespace) -> int:
    from rtc_drift.cli.serve import serve

    return asyncio.run(serve(load(_overrides(options))))


def _scan(options: argparse.Namespace) -> int:
    from rtc_drift.cli.scan import scan

    settings = load(_overrides(options))
    return asyncio.run(scan(options.folder, settings.data_dir))


def _analyze(options: argparse.Namespace) -> int:
    from rtc_drift.cli.analyze import analyze

    return asyncio.run(analyze(options.files, as_json=options.json))


def _render(options: argparse.Namespace) -> int:
    files = vars(options).pop("ab")
    if files is not None:
        return _blind_test(files, options)
    from rtc_drift.cli.render import RenderOptions, render

    own = {name: vars(options).pop(name) for name in ("output", "minutes", "commands", "keep_leads")}
    return asyncio.run(render(RenderOptions(**own), load(_overrides(options))))


def _blind_test(files: Sequence[Path], options: argparse.Namespace) -> int:
    from rtc_drift.cli.blind_test import blind_test

    first, second = files
    settings = load({name: value for name, value in _overrides(options).items() if name in ("loudness", "seed")})
    return asyncio.run(blind_test((first, second), options.output, loudness=settings.loudness, seed=settings.seed))


def _listen(options: argparse.Namespace) -> int:
    from rtc_drift.cli.listen import listen

    return asyncio.run(listen(options.url, options.output, options.seconds))


def _doctor(options: argparse.Namespace) -> int:
    from rtc_drift.cli.doctor import doctor

    as_json = vars(options).pop("json")
    return doctor(load(_overrides(options)), as_json=as_json)


def _overrides(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings given on the command line, by name."""
    skipped = {"command", "folder"}
    return {name: value for name, value in vars(options).items() if value is not None and name not in skipped}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rtc-drift", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"rtc-drift {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_serve(commands)
    _add_scan(commands)
    _add_analyze(commands)
    _add_render(commands)
    _add_listen(commands)
    _add_doctor(commands)
    add_remote(commands)
    return parser


def _add_serve(commands: Any) -> None:
    serve = commands.add_parser(
        "serve",
        help="serve the page, the streams and the API (the default)",
        description="Serve the page, the streams and the API.",
        epilog=SERVE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serve.set_defaults(command=_serve)
    _add_serve_options(serve)


def _add_doctor(commands: Any) -> None:
    doctor = commands.add_parser(
        "doctor",
        help="say what this machine lacks to serve well",
        description="Look at everything that `serve` needs, with the same options and settings: one line for each "
        "thing, ok or what to do. The exit code is 1 if something will not work.",
    )
    doctor.set_defaults(command=_doctor)
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    _add_serve_options(doctor)


def _add_serve_options(serve: argparse.ArgumentParser) -> None:
    music = serve.add_argument_group("music")
    music.add_argument("--music", metavar="DIR", action="append", help="music folder, repeatable (demo library)")
    _add_data_dir(music)
    music.add_argument(
        "--analysis",
        action=argparse.BooleanOptionalAction,
        help="analyse tracks in the background; without analysis, people can't steer by sound (yes)",
    )
    _add_levels(music)
    music.add_argument("--bitrate", metavar="BPS", help="bits per second of the Opus stream, 64000 to 256000 (128000)")
    music.add_argument("--seed", metavar="N", help="make the master's choice of tracks the same at every start (none)")
    network = serve.add_argument_group("network")
    network.add_argument("--host", help="address that the HTTP server binds (127.0.0.1)")
    network.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        help="name under which browsers may open the page, repeatable, *.example.org = all names below; this machine's "
        "own, localhost, *.local and IP addresses always may (none)",
    )
    network.add_argument("--tls-cert", metavar="FILE", help="certificate for HTTPS, as PEM (none: plain HTTP)")
    network.add_argument("--tls-key", metavar="FILE", help="its private key, as PEM without a password (none)")
    network.add_argument(
        "--trusted-proxy",
        metavar="IP",
        action="append",
        help="address or network of a reverse proxy whose Forwarded and X-Forwarded-… are believed, repeatable (none)",
    )
    network.add_argument("--port", help="TCP port of the HTTP server, 0 = any free port (8080)")
    network.add_argument(
        "--ice-address",
        metavar="IP",
        action="append",
        help="address that WebRTC binds, repeatable, 0.0.0.0 = every interface (127.0.0.1 if --host is loopback, "
        "else every interface)",
    )
    network.add_argument(
        "--udp-port",
        metavar="N",
        help="shared UDP port of all WebRTC listeners (8189); 0, or any --stun or --turn = a port for each listener",
    )
    network.add_argument("--advertise", metavar="IP", help="address given to listeners instead of this host's (none)")
    network.add_argument("--stun", metavar="URL", action="append", help="stun:HOST[:PORT], repeatable (none)")
    network.add_argument(
        "--turn", metavar="URL", action="append", help="turn:USER:PASSWORD@HOST[:PORT], repeatable (none)"
    )
    network.add_argument(
        "--max-listeners", metavar="N", help="maximum number of listeners, over WebRTC and HTTP (2000)"
    )
    network.add_argument(
        "--burst-seconds", metavar="N", help="seconds that a radio or player gets at once at its start, 0 to 10 (2)"
    )
    network.add_argument("--max-event-readers", metavar="N", help="maximum number of event streams per programme (500)")
    sessions = serve.add_argument_group("sessions")
    sessions.add_argument("--max-sessions", metavar="N", help="maximum number of named sessions (64)")
    sessions.add_argument("--max-followers", metavar="N", help="maximum number of followers (2000)")
    sessions.add_argument("--idle-minutes", metavar="N", help="minutes without use after which a session ends (30)")
    sessions.add_argument("--cleanup-seconds", metavar="N", help="seconds between checks for idle sessions (60)")
    serve.add_argument("--engines", metavar="N", help="processes that mix and send; sessions are spread over them (1)")
    serve.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error (info)")
    serve.add_argument("--log-format", metavar="FORMAT", help="text, or json for one JSON object a line (text)")


def _add_scan(commands: Any) -> None:
    scan = commands.add_parser(
        "scan",
        help="scan and analyse a music folder ahead of time, with a progress bar",
        description="Scan and analyse a music folder, so that `serve` has everything at once.",
    )
    scan.set_defaults(command=_scan)
    scan.add_argument("folder", metavar="DIR", type=Path, help="music folder")
    _add_data_dir(scan)


def _add_analyze(commands: Any) -> None:
    analyze = commands.add_parser(
        "analyze",
        help="analyse files and print the results: tempo, beats, key, loudness, cues, features",
        description="Analyse files and print the results. Nothing is stored.",
    )
    analyze.set_defaults(command=_analyze)
    analyze.add_argument("files", metavar="FILE", type=Path, nargs="+", help="audio file")
    analyze.add_argument("--json", action="store_true", help="print one line of JSON per file, with all results")


def _add_listen(commands: Any) -> None:
    listen = commands.add_parser(
        "listen",
        help="listen to a session without a browser, with a level meter",
        description="Listen to a session over WHEP and show level, loss and jitter.",
    )
    listen.set_defaults(command=_listen)
    listen.add_argument("url", metavar="URL", help="page or WHEP URL of a session, such as http://127.0.0.1:8080")
    listen.add_argument("-o", "--output", metavar="FILE", type=Path, help="write the audio to a WAV file")
    listen.add_argument("--seconds", metavar="N", type=float, help="stop after N seconds (never)")


def _add_render(commands: Any) -> None:
    render = commands.add_parser(
        "render",
        help="render a programme to a file, faster than real time",
        description="Render what the server would play to a file, with a cue sheet and a full JSON record beside it. "
        "The same seed, library and commands give the same samples.",
    )
    render.set_defaults(command=_render)
    render.add_argument(
        "-o", "--output", metavar="FILE", type=Path, required=True, help=".flac (24 bits), .wav or .opus"
    )
    render.add_argument("--minutes", metavar="M", type=float, default=60, help="length in minutes (60)")
    render.add_argument("--seed", metavar="N", help="seed of the choice of tracks (random; it is printed)")
    render.add_argument("--music", metavar="DIR", action="append", help="music folder, repeatable (demo library)")
    render.add_argument(
        "--ab",
        metavar=("A", "B"),
        nargs=2,
        type=Path,
        help="in place of a programme, render the transition of two files twice, planned and as a plain crossfade, "
        "in random order; the JSON tells which is which",
    )
    render.add_argument("--commands", metavar="FILE", type=Path, help="commands to execute, as JSON lines")
    render.add_argument("--keep-leads", metavar="DIR", type=Path, help="keep the stretched intros in this folder")
    _add_levels(render)
    _add_data_dir(render)


def _add_levels(group: Any) -> None:
    group.add_argument("--loudness", metavar="LUFS", help="loudness of every track, -30 to -8 (-16)")
    group.add_argument(
        "--album-balance",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="keep relative loudness within an album (no)",
    )


def _add_data_dir(group: Any) -> None:
    group.add_argument(
        "--data-dir", metavar="DIR", help="folder of the catalogue and the demo library (the user's data directory)"
    )


def _usage_error(sentence: str) -> NoReturn:
    print(f"rtc-drift: {sentence}", file=sys.stderr)
    sys.exit(2)
