"""The clients' npm packages, installed beside this file as its lock file says, and the versions of everything."""

import functools
import json
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
NODE_MODULES = HERE / "node_modules"
NPM_SECONDS = 180


@functools.cache
def missing_npm() -> str | None:
    """Install the packages unless they are there; return why that is not possible, or None."""
    if shutil.which("node") is None or (npm := shutil.which("npm")) is None:
        return "Node.js with npm is not installed"
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    if all(npm_version(name) == version for name, version in wanted.items()):
        return None
    # Without scripts: a package shall not run anything here before a test does.
    command = (npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    try:
        subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True, timeout=NPM_SECONDS)
    except subprocess.TimeoutExpired:
        return f"npm ci took more than {NPM_SECONDS} s"
    except subprocess.CalledProcessError as error:
        return f"npm ci failed: {(error.stderr.strip().splitlines() or ['no reason given'])[0]}"
    return None


def npm_version(package: str) -> str | None:
    """Return the installed version of a package."""
    try:
        return str(json.loads((NODE_MODULES / package / "package.json").read_text())["version"])
    except (OSError, KeyError, ValueError):
        return None


def main_file(package: str) -> Path | None:
    """Return the file that a package's name means; None if it is not installed."""
    folder = NODE_MODULES / package
    if npm_version(package) is None:
        return None
    described = json.loads((folder / "package.json").read_text())
    return (folder / str(described.get("main", "index.js"))).resolve()


@functools.cache
def program_version(*command: str) -> str:
    """Return the first line of what a program says about its version; empty if it can't run."""
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return ""
    return (done.stdout.strip().splitlines() or [""])[0]
