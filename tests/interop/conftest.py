"""The table that a whole run writes."""

from collections.abc import Iterator

import pytest

from tests.interop.table import Table


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    """The results of this run; written to docs/interop.md if no client was left out."""
    results = Table()
    yield results
    if results.is_whole() and not request.config.option.keyword:
        results.write()
