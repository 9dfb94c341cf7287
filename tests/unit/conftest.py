"""What is made once for several modules."""

import pytest

from tests.patterns import render
from tests.rendered import PATTERNS, Piece, piece


@pytest.fixture(scope="session")
def drums(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Piece]:
    """The patterns as files that were listened to, by title."""
    folder = tmp_path_factory.mktemp("drums")
    return {title: piece(folder / f"{title}.flac", render(pattern)) for title, pattern in PATTERNS.items()}
