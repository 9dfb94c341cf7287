"""The music folders: which of them are there, and what is wrong with the others."""

import logging
from collections.abc import Iterable
from pathlib import Path

logger = logging.getLogger(__name__)


class Roots:
    """Absolute paths, each once, in the order given."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self.all = tuple(dict.fromkeys(root.absolute() for root in roots))
        self._lost: set[Path] = set()
        self._notices: dict[Path, str] = {}

    @property
    def present(self) -> list[Path]:
        """Those that were not lost."""
        return [root for root in self.all if root not in self._lost]

    @property
    def lost(self) -> list[Path]:
        """Those that are not there, or were empty when last looked at."""
        return sorted(self._lost)

    @property
    def notice(self) -> str | None:
        """What is wrong, one sentence for each."""
        return " ".join(self._notices.values()) or None

    def back(self, root: Path) -> None:
        """It is there, and nothing is wrong with it any more."""
        self._lost.discard(root)
        self._notices.pop(root, None)

    def lose(self, root: Path, reason: str) -> None:
        """It is not there."""
        self.tell(root, reason)
        self._lost.add(root)

    def tell(self, root: Path, sentence: str) -> None:
        """Something is wrong with it; logged when it is news."""
        if self._notices.get(root) != sentence:
            self._notices[root] = sentence
            logger.warning("%s", sentence)
