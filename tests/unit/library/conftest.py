"""Fixtures for the tests of the library."""

from pathlib import Path

import pytest

from tests.support.library_home import LibraryHome


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LibraryHome:
    return LibraryHome(tmp_path, monkeypatch)
