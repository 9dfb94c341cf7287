"""Prints the lowest versions that `pyproject.toml` allows, as constraints for pip: `make test-lowest` installs them."""

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
NOT_FOR_TESTS = {"mypy", "playwright", "ruff", "schemathesis"}
"""Packages that the unit tests do not need."""


def lowest(requirements: Iterable[str]) -> Iterator[str]:
    """Yield a constraint for each requirement with a lower bound."""
    for text in requirements:
        requirement = Requirement(text)
        for specifier in requirement.specifier:
            if specifier.operator == ">=":
                yield f"{requirement.name}=={specifier.version}"


def requirements(project: dict[str, Any]) -> list[str]:
    """Return the requirements that have to be installed for the unit tests."""
    dev = project["optional-dependencies"]["dev"]
    return [*project["dependencies"], *(it for it in dev if Requirement(it).name not in NOT_FOR_TESTS)]


if __name__ == "__main__":
    print(*lowest(requirements(tomllib.loads(PROJECT.read_text())["project"])), sep="\n")
