"""Files of inputs: the corpus of each target, which is committed, and finds, which are not."""

import hashlib
from pathlib import Path

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
FINDS = HERE / "finds"
MAX_FILES = 200
"""Most inputs of a target that are kept: all of them are replayed by `make test`."""


def inputs(target: str) -> list[bytes]:
    """Return the corpus of a target, in the order of the files' names."""
    folder = CORPUS / target
    return [file.read_bytes() for file in sorted(folder.iterdir())] if folder.is_dir() else []


def keep(target: str, data: bytes) -> bool:
    """Add an input to the corpus of a target. Return False if it is full."""
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    if len(list(folder.iterdir())) >= MAX_FILES:
        return False
    _write(folder, data)
    return True


def save_find(target: str, data: bytes) -> Path:
    """Save an input that broke something; return its file."""
    folder = FINDS / target
    folder.mkdir(parents=True, exist_ok=True)
    return _write(folder, data)


def target_of(file: Path) -> str:
    """Return the target of a saved input: the name of its folder."""
    return file.resolve().parent.name


def _write(folder: Path, data: bytes) -> Path:
    file = folder / hashlib.sha256(data).hexdigest()[:16]
    file.write_bytes(data)
    return file
