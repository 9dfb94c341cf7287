"""Fixtures shared by several modules of unit tests."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.drum_patterns import render_pattern
from tests.support.offline_render import PATTERNS, ImmediateLeadCache, Piece, make_piece


@pytest.fixture(scope="session")
def drums(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Piece]:
    """The patterns as analysed files, by title."""
    folder = tmp_path_factory.mktemp("drums")
    return {title: make_piece(folder / f"{title}.flac", render_pattern(it)) for title, it in PATTERNS.items()}


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "drift.toml"
    monkeypatch.setenv("RTC_DRIFT_CONFIG", str(path))
    path.write_text("")
    return path


@pytest.fixture(scope="session")
def leads(tmp_path_factory: pytest.TempPathFactory) -> ImmediateLeadCache:
    """Stretched intros that were rendered so far."""
    return ImmediateLeadCache(tmp_path_factory.mktemp("leads"))


@pytest.fixture
async def stand(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A function by which this process stands for some time: its clock has gone on when it wakes up."""
    loop = asyncio.get_running_loop()
    time, stood = loop.time, [0.0]
    monkeypatch.setattr(loop, "time", lambda: time() + stood[0])

    def stand(seconds: float) -> None:
        stood[0] += seconds

    return stand
